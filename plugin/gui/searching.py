"""One search from the dock's widgets to the list, the thumbnails and the layer on the map."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Any, Dict, List, Optional

from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTimer

from ..bridge import report, sink, styles
from ..bridge.asking import DrawnLayers
from ..bridge.crs import extent_value
from ..bridge.layers import file_spec, recalled_index, source_spec
from ..bridge.settings import Settings
from ..bridge.translation import tr
from ..engine.home import home
from ..errors import GeoLoupeError
from . import formats
from .background import Background
from .dock import GeoLoupeDock
from .engine_access import EngineAccess, Question
from .indexing import Indexing
from .map_view import place_of
from .query_boxes import QueryBox, QueryBoxes

THUMBNAIL = 112  # pixels: sharp at twice the row's size
THUMBNAILS_AT_ONCE = 12
AGAIN_AFTER = 800  # milliseconds: a search that came before the first regions


class Searching(QObject):
    """Reads the query, asks the engine, and shows what comes back."""

    def __init__(
        self,
        dock: GeoLoupeDock,
        canvas: QgsMapCanvas,
        project: QgsProject,
        engine: EngineAccess,
        writer: Background,
        boxes: QueryBoxes,
        indexing: Indexing,
        parent: Optional[QObject] = None,
    ) -> None:
        super().__init__(parent)
        self._dock = dock
        self._canvas = canvas
        self._project = project
        self._engine = engine
        self._writer = writer
        self._boxes = boxes
        self._indexing = indexing
        self._search: Optional[Question] = None
        self._pictures: List[Question] = []
        self._number = 0
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_AFTER)
        self._again.timeout.connect(self.search)
        self.layer_id: Optional[str] = None
        self.kept = False
        self.ready = False
        dock.query.search_wanted.connect(self.search)
        dock.results.similar_wanted.connect(self.search_like)
        dock.results.keep_wanted.connect(self.keep)

    def search(self) -> None:
        """Search with what the dock shows now; a search still under way is given up."""
        self._give_up()
        self._dock.messages.clear()
        try:
            self._begin()
        except GeoLoupeError as error:
            if error.code == "not_indexed":
                self._dock.index.open()
            self._dock.messages.error(error)

    def search_like(self, hit: Dict[str, Any]) -> None:
        """Search with a hit as the box; the words stay as they are."""
        place = place_of(hit)
        self._boxes.put(QueryBox(place.geometry, place.crs, str(hit.get("source") or "") or None))
        self.search()

    def keep(self) -> None:
        """Leave the last result's layer in the project when the next search comes."""
        self.kept = True
        self._dock.results.mark_kept()

    def result_layer(self) -> Optional[QgsVectorLayer]:
        layer = self._project.mapLayer(self.layer_id) if self.layer_id else None
        return layer if isinstance(layer, QgsVectorLayer) else None

    def forget_results(self) -> None:
        """The project was closed: its result layer is gone and its list means nothing any more."""
        self._give_up()
        self.layer_id = None
        self._dock.results.clear()

    def close(self) -> None:
        self._give_up()

    def _begin(self) -> None:
        if not self.ready:
            raise GeoLoupeError("no_engine", tr("The engine is not set up yet: press Install above, then search again."))
        text = self._dock.query.text()
        if not text and not len(self._boxes):
            raise GeoLoupeError("empty_query", tr("Type what to find, or draw a box around it on the map, then search."))
        layer = self._dock.layer.layer()
        if layer is None:
            raise GeoLoupeError("no_raster", tr("Add a raster layer to the project, choose it above and index it, then search."))
        path = self._indexing.index_path()
        if path is None:
            raise GeoLoupeError("not_indexed", self._why_not(layer))
        drawn = DrawnLayers()
        boxes = [self._box(box, layer, drawn) for box in self._boxes.boxes()]
        match = self._dock.query.match_kind() if boxes else "thing"
        extent = None
        if self._dock.query.visible_only.isChecked():
            view = self._canvas.mapSettings()
            extent = extent_value(view.visibleExtent(), view.destinationCrs())
        settings = Settings.load()
        params = {
            "indexes": [path],
            "query": {"text": text or None, "boxes": boxes, "match": match, "instruction": None},
            "count": self._dock.query.count.value(),
            "extent": extent,
            "sources": None,
            "device": settings.device,
        }
        self._number += 1
        number, title = self._number, self._title(text, match)
        self._dock.query.set_searching(True)
        self._search = self._engine.ask(
            "search", params, lambda reply, error: self._answered(number, title, path, reply, error), drawn
        )

    def _why_not(self, layer: QgsRasterLayer) -> str:
        if self._indexing.run is not None and self._indexing.run.layer_id == layer.id():
            return tr("The first regions are still being read: search again in a moment.")
        state = self._indexing.state
        if state.level in ("bad", "warning"):
            return state.text
        return tr("{layer} is not indexed yet: press Index above, and search while it runs.", layer=layer.name())

    def _box(self, box: QueryBox, chosen: QgsRasterLayer, drawn: DrawnLayers) -> Dict[str, Any]:
        """One box of the query with the raster that its pixels come from. Raises GeoLoupeError ``no_overlap``."""
        layer = self._layer_under(box, chosen)
        if layer is not None:
            size = box.ground_size(self._project)
            under = box.in_crs(layer.crs(), self._project)
            area = under.boundingBox() if under is not None else None
            spec = source_spec(layer, max(0.01, min(size) / 79.0) if size else 1.0, area, self._project.transformContext())
            drawn.add(layer)
        elif box.source and os.path.exists(box.source):
            spec = file_spec(box.source)
        else:
            sentence = tr("The box lies outside every indexed raster: draw it on the imagery, or choose the layer under it.")
            raise GeoLoupeError("no_overlap", sentence)
        return {"source": spec, "geometry": box.ring(), "crs": box.crs_name()}

    def _layer_under(self, box: QueryBox, chosen: QgsRasterLayer) -> Optional[QgsRasterLayer]:
        """The chosen layer if the box lies on it, else the topmost indexed one that it lies on."""
        if box.touches(chosen, self._project):
            return chosen
        for layer in self._project.layerTreeRoot().layerOrder():
            if isinstance(layer, QgsRasterLayer) and recalled_index(layer) and box.touches(layer, self._project):
                return layer
        return None

    def _title(self, text: str, match: str) -> str:
        """The query in words: the layer's name and the ``query`` column."""
        boxes = self._boxes.boxes()
        if not boxes:
            return text
        if len(boxes) > 1:
            words = tr("{n} boxes", n=len(boxes))
        else:
            size = boxes[0].ground_size(self._project)
            words = tr("box {size}", size=formats.sides(*size)) if size else tr("box")
        if match == "surroundings":
            words = tr("surroundings of {box}", box=words)
        elif match == "kind":
            words = tr("kind of {box}", box=words)
        words = words.replace("\u00a0", " ")
        return "{} + {}".format(text, words) if text else words

    def _answered(self, number: int, title: str, path: str, reply: Any, error: Optional[GeoLoupeError]) -> None:
        if number != self._number:
            return
        self._search = None
        self._dock.query.set_searching(False)
        if error is not None:
            if error.code != "cancelled":
                self._dock.messages.error(error)
            return
        value = reply.value
        hits = list(value.get("hits") or [])
        if not value.get("rows") and self._indexing.run is not None:
            self._dock.results.clear(tr("The first regions are not ready yet; the search follows as soon as they are."))
            self._again.start()
            return
        for hit in hits:
            hit["ground"] = place_of(hit).ground_size(self._project)
        seconds = dict(value.get("seconds") or {})
        self._dock.results.show_result(
            hits, int(value.get("rows") or 0), float(seconds.get("total") or 0.0), report.presence_line(value)
        )
        if hits:
            self._show(number, title, path, value, hits)
        else:
            self._drop_temporary()

    def _show(self, number: int, title: str, path: str, value: Dict[str, Any], hits: List[Dict[str, Any]]) -> None:
        """The hits on the map, from memory; then on disk; then the pictures, which would only slow the two down."""
        settings = Settings.load()
        target = sink.results_file(self._project.fileName(), home(), settings.results_place)
        facts = sink.SearchFacts(title, report.model_name(value), path)
        context = self._project.transformContext()
        crs = value.get("crs")
        layer = sink.show_hits(hits, facts, crs, context, settings.style, settings.labels)
        look = styles.style_text(layer)
        old = None if self.kept else self.layer_id
        sink.add_to_project(layer, self._project)
        layer_id = layer.id()
        self.layer_id, self.kept = layer_id, False
        QTimer.singleShot(0, lambda: self._remove(old))

        def work() -> sink.Written:
            table = sink.write_hits(hits, facts, crs, target, home() / "results", context)
            with contextlib.suppress(sqlite3.Error):  # the layer on the map has its look
                styles.save_style(table.path, table.table, look)
            return table

        def written(table: Any, error: Optional[GeoLoupeError]) -> None:
            self._keep(layer_id, table, error)
            self._ask_pictures(number, path, hits)

        self._writer.run(work, written)

    def _keep(self, layer_id: str, table: Any, error: Optional[GeoLoupeError]) -> None:
        """The layer reads its table from now on, if it is still there; else it stays in memory, and why is said."""
        layer = self._project.mapLayer(layer_id)
        if error is None and isinstance(layer, QgsVectorLayer):
            try:
                sink.keep_on_disk(layer, table)
            except GeoLoupeError as problem:
                error = problem
        if error is not None:
            self._dock.messages.error(error)

    def _drop_temporary(self) -> None:
        """Take the last result off the map unless it was kept."""
        if not self.kept:
            self._remove(self.layer_id)
        self.layer_id = None

    def _remove(self, layer_id: Optional[str]) -> None:
        """A result that nobody kept; one that is being edited stays."""
        layer = self._project.mapLayer(layer_id) if layer_id else None
        if isinstance(layer, QgsVectorLayer) and not layer.isEditable():
            self._project.removeMapLayer(layer.id())

    def _ask_pictures(self, number: int, path: str, hits: List[Dict[str, Any]]) -> None:
        if number != self._number:
            return
        layers = [layer for layer in self._project.mapLayers().values() if isinstance(layer, QgsRasterLayer) and layer.isValid()]
        keys = ("source", "x0", "y0", "x1", "y1", "gsd")

        def ask(start: int) -> Question:
            wanted = [{key: hit.get(key) for key in keys} for hit in hits[start : start + THUMBNAILS_AT_ONCE]]

            def arrived(reply: Any, error: Optional[GeoLoupeError]) -> None:
                if error is not None or number != self._number:
                    return  # a list without pictures is still a list
                for row, (size, blob) in enumerate(zip(reply.value.get("sizes") or [], reply.blobs), start):
                    self._dock.results.model.set_thumbnail(row, int(size[0]), int(size[1]), blob)

            params = {"index": path, "hits": wanted, "size": THUMBNAIL}
            return self._engine.ask("thumbnails", params, arrived, DrawnLayers(layers))

        self._pictures = [ask(start) for start in range(0, len(hits), THUMBNAILS_AT_ONCE)]

    def _give_up(self) -> None:
        self._again.stop()
        for question in self._pictures + ([self._search] if self._search is not None else []):
            question.forget()
        self._pictures, self._search = [], None
        self._number += 1
        self._dock.query.set_searching(False)

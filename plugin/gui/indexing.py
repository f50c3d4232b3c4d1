"""The index of the chosen layer: its state, what making it would cost, and the run that makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional

from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..bridge import tasks
from ..bridge.asking import DrawnLayers
from ..bridge.crs import extent_value, to_crs
from ..bridge.layers import (
    default_index_path,
    has_own_extent,
    recalled_index,
    remember_index,
    source_spec,
)
from ..bridge.settings import Settings
from ..bridge.translation import tr
from ..engine.home import home
from ..errors import GeoLoupeError
from . import formats, index_state
from .dock import GeoLoupeDock
from .engine_access import EngineAccess, Question
from .index_state import IndexState

ESTIMATE_DELAY = 350  # milliseconds after the last change


class Run:
    """One indexing run: which layer, into which folder, and how far."""

    def __init__(self, layer: QgsRasterLayer, path: str) -> None:
        self.layer_id = layer.id()
        self.layer_name = layer.name()
        self.path = path
        self.task: Optional[tasks.IndexTask] = None
        self.stopping = False
        self.rows = 0
        self.state = index_state.indexing(0, 0, None, 0)


class Indexing(QObject):
    """Fills the layer row and the index section. ``state_changed`` after every change of the chosen layer's state."""

    state_changed = pyqtSignal()

    def __init__(
        self,
        dock: GeoLoupeDock,
        canvas: QgsMapCanvas,
        project: QgsProject,
        engine: EngineAccess,
        parent: Optional[QObject] = None,
    ) -> None:
        super().__init__(parent)
        self._dock = dock
        self._canvas = canvas
        self._project = project
        self._engine = engine
        self._ready = False
        self._encoders: Dict[str, str] = {}
        self._state = index_state.no_layer()
        self._path: Optional[str] = None
        self._shown: Optional[str] = None
        self._asked: Optional[Question] = None
        self._estimate: Optional[Question] = None
        self.run: Optional[Run] = None
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(ESTIMATE_DELAY)
        self._delay.timeout.connect(self._ask_estimate)
        dock.layer.layer_changed.connect(lambda _layer: self.look())
        dock.index.options_changed.connect(self._delay.start)
        dock.index.index_wanted.connect(self.start)
        dock.index.stop_wanted.connect(self.stop)
        engine.greeted.connect(self._greeted)
        dock.index.set_object_size(Settings.load().object_size)
        dock.index.hide()

    @property
    def state(self) -> IndexState:
        return self._state

    def index_path(self) -> Optional[str]:
        """The index to search for the chosen layer; None when there is none (yet)."""
        layer = self._dock.layer.layer()
        if layer is not None and self.run is not None and self.run.layer_id == layer.id():
            return self.run.path if self.run.rows else None
        return self._path if self._state.searchable else None

    def set_ready(self, ready: bool) -> None:
        self._ready = ready
        self.look()

    def look(self) -> None:
        """Find out what is known of the chosen layer's index."""
        if self._asked is not None:
            self._asked.forget()
            self._asked = None
        layer = self._dock.layer.layer()
        same = layer is not None and layer.id() == self._shown
        self._shown = layer.id() if layer is not None else None
        self._path = None
        self._dock.index.set_boundless(layer is not None and layer.crs().isValid() and not has_own_extent(layer))
        if layer is None:
            self._show(index_state.no_layer())
        elif not layer.crs().isValid():
            self._show(index_state.no_crs())
        elif self.run is not None and self.run.layer_id == layer.id():
            self._path = self.run.path
            self._show(self.run.state)
        else:
            self._path = self._known_path(layer)
            if self._path is None:
                self._show(index_state.not_indexed())
                self._dock.index.open()
            elif not self._ready:
                self._show(index_state.remembered(self._path))
            else:
                if not same:
                    self._show(index_state.looking())
                self._asked = self._engine.ask("info", {"index": self._path}, self._informed)
        self._delay.start()

    def start(self) -> None:
        """Index the chosen layer as the section says."""
        layer = self._dock.layer.layer()
        if layer is None:
            sentence = tr("Add a raster layer to the project, choose it above, then press Index.")
            self._dock.messages.error(GeoLoupeError("no_raster", sentence))
            return
        if self.run is not None:
            return
        try:
            params = self._params(layer)
            params["index"] = self._path_to_write(layer)
            params["name"] = layer.name()
        except GeoLoupeError as error:
            self._dock.messages.error(error)
            return
        self._remember_size()
        run = Run(layer, params["index"])
        self.run = run
        self._dock.messages.clear()
        self._dock.index.set_running(True)
        task = tasks.IndexTask(params, layer.name(), DrawnLayers([layer]))
        task.progressed.connect(lambda value: self._moved(run, value))
        task.succeeded.connect(lambda value: self._ended(run, value, None))
        task.failed.connect(lambda error: self._ended(run, None, error))
        run.task = tasks.start(task)
        self.look()

    def stop(self) -> None:
        """Stop the run; what was done is kept."""
        if self.run is not None and self.run.task is not None and not self.run.stopping:
            self.run.stopping = True
            self._dock.index.set_stopping()
            self.run.task.cancel()

    def close(self) -> None:
        """For unload: no answer is waited for."""
        self._delay.stop()
        for question in (self._asked, self._estimate):
            if question is not None:
                question.forget()
        run, self.run = self.run, None
        if run is not None and run.task is not None:
            run.task.cancel()

    def _params(self, layer: QgsRasterLayer) -> Dict[str, Any]:
        """What estimate and index have in common. Raises GeoLoupeError."""
        panel = self._dock.index
        try:
            gsds = panel.gsds()
        except ValueError:
            sentence = tr("A GSD is a number of metres per pixel, such as 0.15: correct the line under Advanced.")
            raise GeoLoupeError("usage", sentence) from None
        settings = Settings.load()
        context = self._project.transformContext()
        extent, area = None, None
        if not panel.whole_layer():
            view = self._canvas.mapSettings()
            extent = extent_value(view.visibleExtent(), view.destinationCrs())
            area = to_crs(view.visibleExtent(), view.destinationCrs(), layer.crs(), context)
            if not area.intersects(layer.extent()):
                sentence = tr("The map does not show {layer}: move it there, then press Index.", layer=layer.name())
                raise GeoLoupeError("no_overlap", sentence)
        # An object should fill about a third of a chip; a layer without pixels of its own is drawn that fine.
        drawn_at = min(gsds) if gsds else panel.object_size() / 79.0
        spec = source_spec(layer, drawn_at, area, context)
        return {
            "sources": [spec],
            "index": self._path if self._state.searchable else None,
            "encoder": settings.encoder,
            "device": settings.device,
            "object_size": None if gsds else panel.object_size(),
            "gsds": gsds,
            "extent": extent,
        }

    def _known_path(self, layer: QgsRasterLayer) -> Optional[str]:
        """The index that the layer remembers, else one where this layer's would be."""
        known = recalled_index(layer)
        if known:
            return known
        usual = default_index_path(layer, index_folder())
        return usual if Path(usual).is_dir() else None

    def _path_to_write(self, layer: QgsRasterLayer) -> str:
        """The layer's index if it can be added to, else a free folder beside it: a damaged or foreign one is never touched."""
        if self._path is not None and self._state.searchable:
            return self._path
        usual = Path(default_index_path(layer, index_folder()))
        if self._path is not None and self._state.level == "bad":
            number = 2
            path = usual
            while path.exists():
                path = usual.with_name("{}-{}{}".format(usual.stem, number, usual.suffix))
                number += 1
            return str(path)
        return str(usual)

    def _informed(self, reply: Any, error: Optional[GeoLoupeError]) -> None:
        self._asked = None
        if error is not None:
            if error.code == "cancelled":
                return
            self._show(index_state.broken(error.code, error.message))
            self._dock.index.open()
        else:
            info = reply.value
            encoder = dict(info.get("encoder") or {})
            encoder = dict(encoder.get("fingerprint") or encoder)
            name = self._encoders.get(str(encoder.get("id") or ""), str(encoder.get("id") or "")) or None
            self._show(index_state.from_info(info, name))
            self._dock.index.group.setCollapsed(self._state.level == "good")
        self._delay.start()

    def _ask_estimate(self) -> None:
        if self._estimate is not None:
            self._estimate.forget()
            self._estimate = None
        layer = self._dock.layer.layer()
        panel = self._dock.index
        if layer is None or not self._ready or not self._state.can_index or not panel.is_open() or self.run is not None:
            panel.set_cost("–")
            return
        try:
            params = self._params(layer)
        except GeoLoupeError as error:
            panel.set_cost(error.message)
            return
        panel.set_cost(tr("Counting…"))

        def estimated(reply: Any, error: Optional[GeoLoupeError]) -> None:
            if error is None:
                panel.show_estimate(reply.value)
            elif error.code != "cancelled":
                panel.set_cost(error.message)

        self._estimate = self._engine.ask("estimate", params, estimated, DrawnLayers([layer]))

    def _moved(self, run: Run, value: Dict[str, Any]) -> None:
        done, total = float(value.get("done") or 0), float(value.get("total") or 0)
        left = value.get("seconds_left")
        first = run.rows == 0
        run.rows = max(run.rows, int(value.get("rows") or 0))
        run.state = index_state.indexing(done, total, left, run.rows)
        if run is not self.run:
            return
        if not run.stopping:
            self._dock.index.set_progress(done, total, left)
        if first and run.rows:
            self._remember(run)
        layer = self._dock.layer.layer()
        if layer is not None and layer.id() == run.layer_id:
            self._show(run.state)

    def _ended(self, run: Run, value: Any, error: Optional[GeoLoupeError]) -> None:
        if run is not self.run:
            return  # the plugin was unloaded
        self.run = None
        self._dock.index.set_running(False)
        missing = int(value.get("missing_chips") or 0) if error is None else 0
        if error is None:
            self._remember(run)
        if missing:
            self._dock.messages.error(_incomplete(run.layer_name, missing, int(value.get("rows") or 0)))
        elif error is None:
            self._dock.messages.say(
                tr(
                    "{layer} is indexed: {rows} regions in {time}.",
                    layer=run.layer_name,
                    rows=formats.count(float(value.get("rows") or 0)),
                    time=formats.duration(float(value.get("seconds") or 0)),
                )
            )
        elif error.code == "cancelled":
            if run.rows:
                self._dock.messages.say(
                    tr(
                        "Stopped. {rows} regions are kept and can be searched; press Index to go on.",
                        rows=formats.count(run.rows),
                    )
                )
            else:
                self._dock.messages.say(tr("Stopped before the first regions were ready."))
        else:
            self._dock.messages.error(error)
        self.look()

    def _remember(self, run: Run) -> None:
        layer = self._project.mapLayer(run.layer_id)
        if isinstance(layer, QgsRasterLayer) and recalled_index(layer) != run.path:
            remember_index(layer, run.path)

    def _remember_size(self) -> None:
        settings = Settings.load()
        if settings.object_size != self._dock.index.object_size():
            settings.changed(object_size=self._dock.index.object_size()).save()

    def _greeted(self, hello: Dict[str, Any]) -> None:
        self._encoders = {str(card.get("id")): str(card.get("name")) for card in hello.get("encoders") or []}

    def _show(self, state: IndexState) -> None:
        self._state = state
        self._dock.layer.set_state(state)
        self._dock.index.setVisible(self.run is not None or (self._ready and state.can_index))
        self.state_changed.emit()


def _incomplete(layer: str, missing: int, rows: int) -> GeoLoupeError:
    """What is said when a server did not give all pictures."""
    kept = tr("{rows} regions can be searched", rows=formats.count(rows)) if rows else tr("nothing is indexed yet")
    sentence = tr(
        "{n} pictures of {layer} did not arrive, {kept}: check the layer's server and the network, then press Index again.",
        n=formats.count(missing),
        layer=layer,
        kept=kept,
    )
    return GeoLoupeError("raster_unreadable", sentence)


def index_folder() -> Path:
    """Where new indexes go: the folder of the settings, else one in GeoLoupe's home."""
    chosen = Settings.load().index_folder
    return Path(chosen) if chosen else home() / "indexes"

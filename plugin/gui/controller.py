"""Joins the dock, the map and the engine. The widgets below it know none of them; it knows all."""

from __future__ import annotations

from typing import Any, Dict, Optional

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject

from ..bridge.settings import Settings
from ..bridge.translation import tr
from . import formats
from .background import Background
from .box_tool import BoxTool
from .dock import GeoLoupeDock
from .engine_access import EngineAccess
from .indexing import Indexing
from .map_view import MapView, place_of, select_rank
from .query_boxes import QueryBox, QueryBoxes
from .searching import Searching
from .setting_up import SettingUp

WRITING_ENDS = 3.0  # seconds that closing waits for results on their way to the disk


class Controller(QObject):
    """Made with QGIS's interface, the project, and the engine's session; :meth:`close` undoes everything."""

    def __init__(
        self, iface: Any, project: QgsProject, session: Any, dock: GeoLoupeDock, parent: Optional[QObject] = None
    ) -> None:
        super().__init__(parent)
        self._dock = dock
        self._project = project
        self._canvas = iface.mapCanvas()
        self._background = Background()
        self._writer = Background(1)  # one after another: two writers would wait for the file's lock
        self.engine = EngineAccess(session, self._background, parent=self)
        self.boxes = QueryBoxes(self._canvas, parent=self)
        self.indexing = Indexing(dock, self._canvas, project, self.engine, parent=self)
        self.searching = Searching(dock, self._canvas, project, self.engine, self._writer, self.boxes, self.indexing, parent=self)
        self.setting_up = SettingUp(dock, self.engine, self._background, parent=self)
        self._map = MapView(self._canvas, project)
        self._tool = BoxTool(self._canvas)
        self._before: Any = None
        dock.query.count.setValue(Settings.load().count)
        self._connect()
        self._show_boxes()
        self._started = False
        if dock.isVisible():
            self.begin()

    def begin(self) -> None:
        """Look for an engine; done when the dock is first seen, so that a closed dock costs nothing."""
        if not self._started:
            self._started = True
            self.indexing.look()
            self.setting_up.look()

    def settings_saved(self, settings: Settings) -> None:
        """The options page was applied."""
        self._dock.query.count.setValue(settings.count)
        self.engine.restart()
        if self._started:
            self.setting_up.look()

    def close(self) -> None:
        """Give the map back and drop every answer still to come."""
        self._disconnect()
        self._leave_tool()
        self.searching.close()
        self.indexing.close()
        self.setting_up.close()
        self.engine.close()
        self.boxes.close()
        self._writer.close(patience=WRITING_ENDS)  # a file that is being written is not left half done
        self._background.close()

    def _connect(self) -> None:
        dock = self._dock
        dock.visibilityChanged.connect(self._seen)
        dock.escape_pressed.connect(self._leave_tool)
        dock.query.box_toggled.connect(self._toggle_tool)
        dock.query.boxes_cleared.connect(self.boxes.clear)
        dock.results.hit_chosen.connect(self._show_hit)
        self.boxes.changed.connect(self._show_boxes)
        self._tool.drawn.connect(self._drawn)
        self._tool.cancelled.connect(self._leave_tool)
        self.setting_up.ready_changed.connect(self._set_ready)
        self._canvas.mapToolSet.connect(self._tool_set)
        self._canvas.extentsChanged.connect(self._moved)
        self._project.cleared.connect(self._project_closed)
        self._project.readProject.connect(self._project_opened)

    def _disconnect(self) -> None:
        self._canvas.mapToolSet.disconnect(self._tool_set)
        self._canvas.extentsChanged.disconnect(self._moved)
        self._project.cleared.disconnect(self._project_closed)
        self._project.readProject.disconnect(self._project_opened)
        self._dock.visibilityChanged.disconnect(self._seen)

    def _seen(self, visible: bool) -> None:
        if visible:
            self.begin()

    def _set_ready(self, ready: bool) -> None:
        self.searching.ready = ready
        self.indexing.set_ready(ready)

    # The box tool

    def _toggle_tool(self, on: bool) -> None:
        if on and self._canvas.mapTool() is not self._tool:
            self._before = self._canvas.mapTool()
            self._canvas.setMapTool(self._tool)
            self._canvas.setFocus()
        elif not on:
            self._leave_tool()

    def _leave_tool(self) -> None:
        before, self._before = self._before, None
        if self._canvas.mapTool() is self._tool:
            if before is not None:
                self._canvas.setMapTool(before)
            else:
                self._canvas.unsetMapTool(self._tool)

    def _tool_set(self, new: Any, _old: Any = None) -> None:
        self._dock.query.box_button.setChecked(new is self._tool)

    def _drawn(self, geometry: Any, add: bool) -> None:
        self.boxes.put(QueryBox(geometry, self._canvas.mapSettings().destinationCrs()), add)
        if Settings.load().search_at_release:
            self.searching.search()

    def _show_boxes(self) -> None:
        boxes = self.boxes.boxes()
        if len(boxes) > 1:
            text = tr("{n} query boxes", n=len(boxes))
        elif boxes:
            size = boxes[0].ground_size(self._project)
            text = tr("Query box, {size}", size=formats.sides(*size)) if size else tr("Query box")
        else:
            text = ""
        self._dock.query.set_boxes(len(boxes), text)

    # The map and the project

    def _show_hit(self, hit: Dict[str, Any], closer: bool) -> None:
        if not self._map.show(place_of(hit), closer):
            sentence = tr("This place cannot be shown in the map's coordinate system: choose another for the project.")
            self._dock.messages.warn(sentence)
        select_rank(self.searching.result_layer(), int(hit.get("rank") or 0))

    def _moved(self) -> None:
        if not self._dock.index.whole_layer():
            self._dock.index.options_changed.emit()

    def _project_closed(self) -> None:
        self.boxes.clear()
        self.searching.forget_results()

    def _project_opened(self) -> None:
        if self._started:
            self.indexing.look()

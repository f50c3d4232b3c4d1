"""What the dock's tests share: the real engine, a small town that it has indexed, and the dock with everything behind it."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsRasterLayer, QgsSettings
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest

from geoloupe.plugin.bridge.layers import remember_index
from geoloupe.plugin.engine import session as engine_session
from geoloupe.plugin.engine.home import home as geoloupe_home
from geoloupe.plugin.gui.controller import Controller
from geoloupe.plugin.gui.dock import GeoLoupeDock

NONE, LEFT = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
OBJECT_SIZE = 12


def _load(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(autouse=True)
def clean_settings():
    QgsSettings().remove("geoloupe")
    yield
    QgsSettings().remove("geoloupe")


@pytest.fixture(scope="session")
def running_engine():
    """The module plugin.engine.session; its engine ends with the session's tests."""
    if not os.environ.get("GEOLOUPE_PYTHON"):
        pytest.skip("GEOLOUPE_PYTHON names no engine")
    yield engine_session
    engine_session.shutdown()


@pytest.fixture
def session(running_engine):
    """The real engine, in a home without indexes and results."""
    yield running_engine
    for folder in ("indexes", "results"):
        shutil.rmtree(geoloupe_home() / folder, ignore_errors=True)


@pytest.fixture(scope="session")
def town_index(running_engine, town, tmp_path_factory):
    """The town's index, made once. Copy it to change it."""
    folder = tmp_path_factory.mktemp("index") / "town.geoloupe"
    params = {"index": str(folder), "sources": [{"uri": str(town.path), "name": "town", "kind": "file"}], "name": "town"}
    value = running_engine.shared().call("index", {**params, "encoder": "compact", "object_size": OBJECT_SIZE}).value
    assert value["rows"] > 0
    return folder


@pytest.fixture
def town_layer(town, qgis_new_project):
    layer = QgsRasterLayer(str(town.path), "town")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture
def indexed_layer(town_layer, town_index):
    remember_index(town_layer, town_index)
    return town_layer


@pytest.fixture
def town_canvas(qgis_canvas, town_layer):
    """A map of the town, 800 x 600 pixels."""
    qgis_canvas.setRotation(0)
    qgis_canvas.setDestinationCrs(town_layer.crs())
    qgis_canvas.setLayers([town_layer])
    qgis_canvas.resize(800, 600)
    qgis_canvas.show()
    qgis_canvas.window().show()
    qgis_canvas.viewport().resize(800, 600)  # a canvas alone in a window of its own is laid out late
    qgis_canvas.setExtent(town_layer.extent())
    return qgis_canvas


class Desk:
    """What a test drives: the dock and everything behind it. ``asked`` notes what goes to the engine."""

    def __init__(self, qgis_iface, canvas, session, qtbot):
        self.canvas, self.session, self.qtbot = canvas, session, qtbot
        self.pan = QgsMapToolPan(canvas)
        canvas.setMapTool(self.pan)
        self.dock = GeoLoupeDock()
        qtbot.addWidget(self.dock)
        self.dock.resize(320, 800)
        self.dock.show()
        self.controller = Controller(qgis_iface, QgsProject.instance(), session, self.dock)
        self._asked = []
        self._ask = self.controller.engine.ask
        self.controller.engine.ask = self._note
        self.controller.begin()

    def _note(self, op, params, *rest):
        self._asked.append((op, params))
        return self._ask(op, params, *rest)

    def asked(self, op):
        return [params for name, params in self._asked if name == op]

    def until(self, condition, seconds=20):
        try:
            self.qtbot.waitUntil(condition, timeout=int(1000 * seconds))
        except Exception as problem:
            facts = (self.dock.layer.state_text(), self.dock.messages.last, self.rows(), [x.name() for x in self.result_layers()])
            raise AssertionError("the dock says {}".format(facts)) from problem

    def ready(self):
        self.until(lambda: self.controller.setting_up.ready)
        return self

    def indexed(self):
        self.ready()
        self.until(lambda: "regions" in self.dock.layer.state_text())
        return self

    def points(self, box):
        """The upper left and lower right corner of a map rectangle in the canvas's pixels."""
        transform = self.canvas.getCoordinateTransform()
        corners = transform.transform(box.xMinimum(), box.yMaximum()), transform.transform(box.xMaximum(), box.yMinimum())
        return [QPoint(round(corner.x()), round(corner.y())) for corner in corners]

    def drag(self, box, modifiers=NONE):
        """Drag a rectangle of the map's coordinates."""
        port, (first, last) = self.canvas.viewport(), self.points(box)
        QTest.mousePress(port, LEFT, modifiers, first)
        QTest.mouseMove(port, last)
        QTest.mouseRelease(port, LEFT, modifiers, last)

    def search_for(self, words):
        self.dock.query.line.setText(words)
        QTest.keyClick(self.dock.query.line, Qt.Key.Key_Return)

    def rows(self):
        return self.dock.results.model.rowCount()

    def found(self, title):
        """Wait for the result layer of this title, until it is on disk."""
        self.until(lambda: (title, "ogr") in [(layer.name(), layer.providerType()) for layer in self.result_layers()])
        return next(layer for layer in self.result_layers() if layer.name() == title)

    def run_index(self, seconds=120):
        """Press Index and wait for the end of the run."""
        self.dock.index.open()
        QTest.mouseClick(self.dock.index.button, LEFT)
        self.until(lambda: self.controller.indexing.run is None, seconds)

    def result_layers(self):
        group = QgsProject.instance().layerTreeRoot().findGroup("GeoLoupe")
        return [node.layer() for node in group.findLayers()] if group else []


@pytest.fixture
def desk(qgis_iface, town_canvas, session, qtbot, monkeypatch):
    """``desk()`` opens the dock on the town's map."""
    monkeypatch.setattr(type(qgis_iface), "mapCanvas", lambda self: town_canvas, raising=False)
    made = []

    def make():
        made.append(Desk(qgis_iface, town_canvas, session, qtbot))
        return made[-1]

    yield make
    for desk in made:
        desk.controller.close()
        town_canvas.unsetMapTool(desk.pan)
        desk.controller.deleteLater()


@pytest.fixture
def tile_server(root):
    server = _load("geoloupe_tile_server", Path(root) / "tests" / "qgis" / "tile_server.py").TileServer()
    yield server
    server.close()

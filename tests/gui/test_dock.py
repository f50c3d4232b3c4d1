"""The whole dock with mouse and keyboard: the real widgets, controllers, client and map; an engine that takes orders."""

import sqlite3

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle, QgsVectorLayer
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest

from geoloupe.plugin.bridge.layers import recalled_index, remember_index
from geoloupe.plugin.gui.controller import Controller
from geoloupe.plugin.gui.dock import GeoLoupeDock
from geoloupe.plugin.gui.results_model import THUMBNAIL

LEFT, NONE, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


def plain(text):
    """Without the spaces that keep a number and its unit together."""
    return text.replace("\u00a0", " ")


def styles_in(path):
    """The tables of a GeoPackage that have a look of their own saved beside them."""
    with sqlite3.connect(path) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'layer_styles'").fetchall():
            return []
        return [row[0] for row in database.execute("SELECT f_table_name FROM layer_styles")]


class Desk:
    """What a test drives: the dock and everything behind it."""

    def __init__(self, qgis_iface, canvas, session, qtbot):
        self.canvas, self.session, self.qtbot = canvas, session, qtbot
        self.pan = QgsMapToolPan(canvas)
        canvas.setMapTool(self.pan)
        self.dock = GeoLoupeDock()
        qtbot.addWidget(self.dock)
        self.dock.resize(320, 800)
        self.dock.show()
        self.controller = Controller(qgis_iface, QgsProject.instance(), session, self.dock)
        self.controller.begin()

    def until(self, condition, timeout=8000):
        try:
            self.qtbot.waitUntil(condition, timeout=timeout)
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

    def drag(self, start, end, modifiers=NONE):
        """Drag from one map coordinate to another."""
        port, transform = self.canvas.viewport(), self.canvas.getCoordinateTransform()
        first, last = (QPoint(int(p.x()), int(p.y())) for p in (transform.transform(*start), transform.transform(*end)))
        QTest.mousePress(port, LEFT, modifiers, first)
        QTest.mouseMove(port, last)
        QTest.mouseRelease(port, LEFT, modifiers, last)

    def search_for(self, words):
        self.dock.query.line.setText(words)
        QTest.keyClick(self.dock.query.line, Qt.Key.Key_Return)

    def rows(self):
        return self.dock.results.model.rowCount()

    def result_layers(self):
        group = QgsProject.instance().layerTreeRoot().findGroup("GeoLoupe")
        return [node.layer() for node in group.findLayers()] if group else []


@pytest.fixture
def desk(qgis_iface, mercator_canvas, session, qtbot, monkeypatch):
    monkeypatch.setattr(type(qgis_iface), "mapCanvas", lambda self: mercator_canvas, raising=False)
    made = []

    def make():
        made.append(Desk(qgis_iface, mercator_canvas, session, qtbot))
        return made[-1]

    yield make
    for desk in made:
        desk.controller.close()
        mercator_canvas.unsetMapTool(desk.pan)
        desk.controller.deleteLater()


@pytest.fixture
def indexed_layer(town_layer, tmp_path):
    folder = tmp_path / "town.geoloupe"
    folder.mkdir()
    remember_index(town_layer, folder)
    return town_layer


def test_without_an_engine_the_card_offers_to_install_one(desk, session, monkeypatch):
    monkeypatch.delenv("GEOLOUPE_PYTHON")
    at = desk()
    at.until(at.dock.setup.isVisible, 15000)
    text = plain(at.dock.setup._text.text())
    assert "MB" in text and "geoloupe-home" in text and " min." in text.replace(" min,", " min.")
    assert not at.dock.index.isVisible()
    at.search_for("blue roof")
    assert at.dock.messages.last_code == "no_engine"
    assert at.dock.query.text() == "blue roof", "what was typed is kept"
    at.dock.setup._later.click()
    assert not at.dock.setup.isVisible() and at.dock._setup_button.isVisible()


def test_the_remembered_index_is_shown_and_the_device_with_its_reason(desk, indexed_layer):
    at = desk().indexed()
    assert plain(at.dock.layer.state_text()) == "12,400 regions, 0.15 m, made with Compact"
    assert "CPU, 2 threads" in at.dock.engine_text() and "no NVIDIA GPU was found" in at.dock.engine_text()


def test_words_and_enter_fill_the_list_the_map_and_the_thumbnails(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("blue metal roof")
    at.until(lambda: len(at.result_layers()) == 1)
    layer = at.result_layers()[0]
    assert at.rows() == 8 and layer.featureCount() == 8
    assert plain(at.dock.results.header.text()) == "8 places in 12,400 regions, 0.02 s"
    assert {feature["query"] for feature in layer.getFeatures()} == {"blue metal roof"}
    at.until(lambda: at.dock.results.model.index(7).data(THUMBNAIL) is not None)
    path, table = layer.source().split("|layername=")
    at.until(lambda: styles_in(path) == [table])
    again = QgsVectorLayer(layer.source(), "again", "ogr")
    assert type(again.renderer()) is type(layer.renderer()) and again.labelsEnabled() == layer.labelsEnabled()
    assert again.mapTipTemplate() == layer.mapTipTemplate(), "opened again, it looks the same"
    asked = at.session.asked("search")[-1]
    assert asked["query"]["text"] == "blue metal roof" and asked["query"]["boxes"] == []
    assert asked["extent"] is None and asked["count"] == 50


def test_a_drag_searches_and_words_join_in(desk, indexed_layer):
    at = desk().indexed()
    at.dock.query.line.setText("red")
    QTest.mouseClick(at.dock.query.box_button, LEFT)
    assert at.canvas.mapTool() is at.controller._tool
    at.drag((100, 100), (160, 140))
    at.until(lambda: at.rows() == 8)
    query = at.session.asked("search")[-1]["query"]
    assert query["text"] == "red" and len(query["boxes"]) == 1 and query["match"] == "thing"
    box = query["boxes"][0]
    assert box["crs"] == "EPSG:3857" and box["source"]["uri"].endswith("town.tif") and len(box["geometry"]) == 4
    assert "×" in at.dock.query.chip_text()
    at.dock.query.match.setCurrentIndex(2)
    at.drag((200, 100), (260, 140), SHIFT)
    at.until(lambda: len(at.session.asked("search")) == 2)
    query = at.session.asked("search")[-1]["query"]
    assert len(query["boxes"]) == 2 and query["match"] == "kind"
    at.dock.query.clear_button.click()
    assert not at.dock.query.chip.isVisible() and len(at.controller.boxes) == 0


def test_escape_gives_the_former_tool_back_and_keeps_the_box(desk, indexed_layer):
    at = desk().indexed()
    at.dock.query.box_button.setChecked(True)
    at.drag((100, 100), (160, 140))
    QTest.keyClick(at.canvas, Qt.Key.Key_Escape)
    assert at.canvas.mapTool() is at.pan and not at.dock.query.box_button.isChecked()
    assert len(at.controller.boxes) == 1
    at.dock.query.box_button.setChecked(True)
    at.canvas.setMapTool(at.pan)
    assert not at.dock.query.box_button.isChecked(), "another tool was chosen in QGIS"


def test_a_row_moves_the_map_and_selects_the_feature(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("roof")
    at.until(lambda: len(at.result_layers()) == 1)
    at.canvas.setExtent(QgsRectangle(5000, 5000, 5400, 5300))
    view = at.dock.results.list
    view.setFocus()
    QTest.mouseClick(view.viewport(), LEFT, NONE, view.visualRect(at.dock.results.model.index(2)).center())
    assert at.canvas.extent().contains(QgsRectangle(300, 0, 320, 20))
    assert [f["rank"] for f in at.result_layers()[0].selectedFeatures()] == [3]
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert [f["rank"] for f in at.result_layers()[0].selectedFeatures()] == [4]
    before = at.canvas.extent().width()
    where = view.visualRect(at.dock.results.model.index(1)).center()
    QTest.mouseClick(view.viewport(), LEFT, NONE, where)
    QTest.mouseDClick(view.viewport(), LEFT, NONE, where)
    assert at.canvas.extent().width() < before


def test_a_new_search_takes_the_last_ones_place_unless_it_is_kept(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("roof")
    at.until(lambda: len(at.result_layers()) == 1)
    first = at.result_layers()[0].id()
    at.search_for("road")
    at.until(lambda: first not in [layer.id() for layer in at.result_layers()])
    assert [layer.name() for layer in at.result_layers()] == ["road"]
    at.dock.results.keep_button.click()
    at.search_for("tree")
    at.until(lambda: len(at.result_layers()) == 2)


def test_search_like_this_makes_the_hit_the_box(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("roof")
    at.until(lambda: at.rows() == 8)
    hit = at.dock.results.model.hit(1)
    at.dock.results.menu_for(hit).actions()[1].trigger()
    at.until(lambda: len(at.session.asked("search")) == 2)
    ring = at.session.asked("search")[-1]["query"]["boxes"][0]["geometry"]
    assert sorted(ring) == sorted(hit["footprint"])


def test_the_visible_extent_limits_the_search(desk, indexed_layer):
    at = desk().indexed()
    at.dock.query.visible_only.setChecked(True)
    at.search_for("roof")
    at.until(lambda: at.rows() == 8)
    extent = at.session.asked("search")[-1]["extent"]
    seen = at.canvas.mapSettings().visibleExtent()
    assert extent["crs"] == "EPSG:3857" and extent["bounds"][0] == pytest.approx(seen.xMinimum())


def test_probably_nothing_here_stands_above_the_hits(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("glacier")
    at.until(lambda: at.rows() == 8)
    assert at.dock.results.caution.isVisible() and at.dock.results.caution_text().startswith("Probably nothing here")


def test_the_cost_is_live_and_indexing_can_be_stopped_and_searched(desk, town_layer):
    at = desk().ready()
    assert at.dock.layer.state_text() == "Not indexed"
    at.until(lambda: "12,400 regions" in at.dock.index.cost_text())
    at.dock.index.set_object_size(20)
    at.until(lambda: "6,200 regions" in at.dock.index.cost_text())
    QTest.mouseClick(at.dock.index.button, LEFT)
    at.until(lambda: at.controller.indexing.run is not None and at.controller.indexing.run.rows > 0)
    assert at.dock.index.bar.isVisible() and at.dock.layer.state_text().startswith("Indexing")
    at.search_for("roof")
    at.until(lambda: at.rows() == 8)
    assert at.controller.indexing.run is not None, "the search was answered while indexing went on"
    assert recalled_index(town_layer) == at.session.asked("index")[-1]["index"]
    QTest.mouseClick(at.dock.index.stop_button, LEFT)
    at.until(lambda: at.controller.indexing.run is None, 3000)
    assert at.dock.messages.last.startswith("Stopped.") and "kept" in at.dock.messages.last
    assert at.session.asked("index")[-1]["object_size"] == 20


def test_a_whole_run_ends_with_the_state_line(desk, town_layer):
    at = desk().ready()
    at.dock.index.button.click()
    at.until(lambda: at.controller.indexing.run is None and at.controller.indexing.state.level == "good")
    assert "is indexed: 12,400 regions" in at.dock.messages.last
    assert not at.dock.index.is_open(), "the section folds away when it is done"


def test_an_engine_that_dies_costs_a_sentence_and_nothing_typed(desk, indexed_layer):
    at = desk().indexed()
    at.dock.query.box_button.setChecked(True)
    at.drag((100, 100), (160, 140))
    at.until(lambda: at.rows() == 8)
    at.session.order({"search": {"die": True}})
    at.search_for("blue roof")
    at.until(lambda: at.dock.messages.last_code == "engine_crashed")
    assert at.dock.query.text() == "blue roof" and len(at.controller.boxes) == 1
    at.session.order({})
    at.search_for("blue roof")
    at.until(lambda: len(at.session.asked("search")) == 3 and at.dock.messages.last == "")
    at.until(lambda: at.dock.query.search_button.text() != "Searching…")
    assert at.rows() == 8


def test_an_empty_query_and_a_box_beside_the_imagery(desk, indexed_layer):
    at = desk().indexed()
    at.dock.query.search_button.click()
    assert at.dock.messages.last_code == "empty_query"
    at.canvas.setExtent(QgsRectangle(9000, 9000, 9400, 9300))
    at.dock.query.box_button.setChecked(True)
    at.drag((9100, 9100), (9160, 9140))
    assert at.dock.messages.last_code == "no_overlap" and "outside every indexed raster" in at.dock.messages.last
    assert at.session.asked("search") == []


def test_no_raster_no_crs_and_not_indexed(desk, tmp_path, session):
    from .conftest import write_raster

    at = desk().ready()
    at.search_for("roof")
    assert at.dock.messages.last_code == "no_raster"
    bare = QgsRasterLayer(str(write_raster(tmp_path / "bare.tif", crs=None)), "bare")
    bare.setCrs(QgsCoordinateReferenceSystem())
    QgsProject.instance().addMapLayer(bare)
    at.until(lambda: "no coordinate system" in at.dock.layer.state_text())
    assert not at.dock.index.isVisible()
    at.search_for("roof")
    assert "no coordinate system" in at.dock.messages.last
    good = QgsRasterLayer(str(write_raster(tmp_path / "good.tif")), "good")
    QgsProject.instance().addMapLayer(good)
    at.dock.layer.choose(good)
    at.until(lambda: at.dock.layer.state_text() == "Not indexed")
    at.search_for("roof")
    assert at.dock.messages.last_code == "not_indexed" and "press Index" in at.dock.messages.last


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("index_missing", "The index is not where it was: press Index to make it again."),
        ("index_damaged", "The index is damaged: press Index to make it again."),
        ("index_encoder", "The index was made by another model: press Index to make it again."),
    ],
)
def test_a_broken_index_says_so_and_a_new_one_is_made_beside_it(desk, indexed_layer, session, code, sentence):
    session.order({"info": {"error": [code, sentence]}})
    at = desk().ready()
    at.until(lambda: at.dock.layer.state_text() == sentence)
    at.search_for("roof")
    assert at.dock.messages.last == sentence
    old = recalled_index(indexed_layer)
    session.order({})
    at.dock.index.button.click()
    at.until(lambda: at.controller.indexing.run is None and at.controller.indexing.state.level == "good")
    assert session.asked("index")[-1]["index"] != old


@pytest.mark.parametrize("code", ["index_busy", "disk_full", "raster_unreadable", "raster_empty"])
def test_what_stops_an_index_run_is_said_once(desk, town_layer, session, code):
    session.order({"index": {"error": [code, "A sentence that says what to do."]}})
    at = desk().ready()
    at.dock.index.button.click()
    at.until(lambda: at.dock.messages.last_code == code)
    assert at.dock.messages.last == "A sentence that says what to do."
    assert at.controller.indexing.run is None and at.dock.index.group.isVisible()
    assert len(at.dock.messages.items()) == 1


def test_layers_and_projects_may_go_at_any_time(desk, indexed_layer, tmp_path, qtbot):
    from .conftest import write_raster

    at = desk().indexed()
    at.search_for("roof")
    QgsProject.instance().removeMapLayer(indexed_layer.id())
    qtbot.wait(300)
    assert at.dock.layer.state_text().startswith("Add a raster layer")
    other = QgsRasterLayer(str(write_raster(tmp_path / "other.tif")), "other")
    QgsProject.instance().addMapLayer(other)
    at.until(lambda: at.dock.layer.state_text() == "Not indexed")
    at.dock.index.button.click()
    at.until(lambda: at.controller.indexing.run is not None and at.controller.indexing.run.rows > 0)
    at.search_for("roof")
    QgsProject.instance().clear()
    at.until(lambda: at.controller.indexing.run is None)
    assert at.rows() == 0 and len(at.controller.boxes) == 0


def test_closing_in_the_middle_of_everything_is_harmless(desk, town_layer, qtbot):
    at = desk().ready()
    at.dock.index.button.click()
    at.until(lambda: at.controller.indexing.run is not None)
    at.controller.close()
    at.session.shutdown()
    qtbot.wait(300)
    at.controller.close = lambda: None

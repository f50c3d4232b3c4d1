"""The whole dock with mouse and keyboard, over the real engine and a small town."""

import os
import signal
import sqlite3

import pytest
from qgis.core import QgsProject, QgsRasterLayer, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

from geoloupe.plugin.bridge.layers import recalled_index
from geoloupe.plugin.gui.results_model import SHARE, THUMBNAIL

LEFT, NONE, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
OBJECT_SIZE = 8  # metres: enough regions for a run that can be stopped


def plain(text):
    """Without the spaces that keep a number and its unit together."""
    return text.replace("\u00a0", " ")


def styles_in(path):
    """The tables of a GeoPackage that have a look of their own saved beside them."""
    with sqlite3.connect(path) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'layer_styles'").fetchall():
            return []
        return [row[0] for row in database.execute("SELECT f_table_name FROM layer_styles")]


def box_of(town, label="blue roof", number=0):
    """The ground rectangle of one thing in the town."""
    ring = town.ground_ring(town.of(label)[number])
    xs, ys = [x for x, _y in ring], [y for _x, y in ring]
    return QgsRectangle(min(xs), min(ys), max(xs), max(ys))


def test_the_remembered_index_is_shown_and_the_device_with_its_reason(desk, indexed_layer):
    at = desk().indexed()
    assert (
        plain(at.dock.layer.state_text()).endswith("m, made with GeoLoupe compact")
        and at.controller.indexing.state.level == "good"
    )
    at.until(lambda: "Engine:" in at.dock.engine_text() or "CPU" in at.dock.engine_text())


def test_words_and_enter_fill_the_list_the_map_and_the_thumbnails(desk, indexed_layer):
    at = desk().indexed()
    before = at.canvas.extent()
    at.search_for("blue metal roof")
    layer = at.found("blue metal roof")
    assert at.rows() == layer.featureCount() > 5
    assert plain(at.dock.results.header.text()).startswith("{} places in ".format(at.rows()))
    assert {feature["query"] for feature in layer.getFeatures()} == {"blue metal roof"}
    at.until(lambda: at.dock.results.model.index(at.rows() - 1).data(THUMBNAIL) is not None)
    path, table = layer.source().split("|layername=")
    at.until(lambda: styles_in(path) == [table])
    again = QgsVectorLayer(layer.source(), "again", "ogr")
    assert type(again.renderer()) is type(layer.renderer()) and again.labelsEnabled() == layer.labelsEnabled()
    assert again.mapTipTemplate() == layer.mapTipTemplate(), "opened again, it looks the same"
    shares = [at.dock.results.model.index(row).data(SHARE) for row in range(at.rows())]
    assert shares[0] == 1.0 and shares == sorted(shares, reverse=True) and shares[-1] < 0.1
    assert at.canvas.extent() == before, "the map stays where it is"


def test_a_drag_searches_and_words_join_in(desk, indexed_layer, town):
    at = desk().indexed()
    before = at.canvas.extent()
    at.dock.query.line.setText("red")
    QTest.mouseClick(at.dock.query.box_button, LEFT)
    assert at.canvas.mapTool() is at.controller._tool
    at.drag(box_of(town))
    at.until(lambda: at.rows() > 0)
    query = at.asked("search")[-1]["query"]
    assert query["text"] == "red" and len(query["boxes"]) == 1 and query["match"] == "thing"
    box = query["boxes"][0]
    assert box["crs"] == "EPSG:32633" and box["source"]["uri"].endswith("town.tif") and len(box["geometry"]) == 4
    assert "×" in at.dock.query.chip_text()
    at.dock.query.match.setCurrentIndex(2)
    at.drag(box_of(town, number=1), SHIFT)
    at.until(lambda: len(at.asked("search")) == 2)
    query = at.asked("search")[-1]["query"]
    assert len(query["boxes"]) == 2 and query["match"] == "kind"
    at.found("red + kind of 2 boxes")
    assert at.canvas.extent() == before, "the map stays where it is"
    at.dock.query.clear_button.click()
    assert not at.dock.query.chip.isVisible() and len(at.controller.boxes) == 0


def test_a_box_finds_the_thing_in_it(desk, indexed_layer, town):
    at = desk().indexed()
    wanted = box_of(town, number=2)
    at.dock.query.box_button.setChecked(True)
    at.drag(wanted)
    at.until(lambda: len(at.result_layers()) == 1)
    hits = sorted(at.result_layers()[0].getFeatures(), key=lambda feature: feature["rank"])
    own = [feature["rank"] for feature in hits if feature.geometry().intersects(wanted)]
    roofs = [box_of(town, number=number) for number in range(len(town.of("blue roof")))]
    assert all(any(hit.geometry().intersects(roof) for roof in roofs) for hit in hits[:3])
    assert own and own[0] <= 10, "the town's roofs of one colour are almost alike, but this one is among the first"


def test_escape_gives_the_former_tool_back_and_keeps_the_box(desk, indexed_layer, town):
    at = desk().indexed()
    at.dock.query.box_button.setChecked(True)
    at.drag(box_of(town))
    QTest.keyClick(at.canvas, Qt.Key.Key_Escape)
    assert at.canvas.mapTool() is at.pan and not at.dock.query.box_button.isChecked()
    assert len(at.controller.boxes) == 1
    at.dock.query.box_button.setChecked(True)
    at.canvas.setMapTool(at.pan)
    assert not at.dock.query.box_button.isChecked(), "another tool was chosen in QGIS"


def test_a_row_moves_the_map_and_selects_the_feature(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("roof")
    layer = at.found("roof")
    places = {feature["rank"]: feature.geometry().boundingBox() for feature in layer.getFeatures()}
    at.canvas.setExtent(QgsRectangle(600000, 5100000, 600400, 5100300))
    view = at.dock.results.list
    view.setFocus()
    QTest.mouseClick(view.viewport(), LEFT, NONE, view.visualRect(at.dock.results.model.index(2)).center())
    assert at.canvas.extent().contains(places[3])
    assert [f["rank"] for f in layer.selectedFeatures()] == [3]
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert [f["rank"] for f in layer.selectedFeatures()] == [4]
    before = at.canvas.extent().width()
    where = view.visualRect(at.dock.results.model.index(1)).center()
    QTest.mouseClick(view.viewport(), LEFT, NONE, where)
    QTest.mouseDClick(view.viewport(), LEFT, NONE, where)
    assert at.canvas.extent().width() < before


def test_a_new_search_takes_the_last_ones_place_unless_it_is_kept(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("roof")
    first = at.found("roof").id()
    at.search_for("road")
    at.until(lambda: first not in [layer.id() for layer in at.result_layers()])
    at.found("road")
    assert [layer.name() for layer in at.result_layers()] == ["road"]
    at.dock.results.keep_button.click()
    at.search_for("tree")
    at.until(lambda: len(at.result_layers()) == 2)


def test_search_like_this_makes_the_hit_the_box(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("roof")
    at.until(lambda: at.rows() > 1)
    hit = at.dock.results.model.hit(1)
    at.dock.results.menu_for(hit).actions()[1].trigger()
    at.until(lambda: len(at.asked("search")) == 2)
    ring = at.asked("search")[-1]["query"]["boxes"][0]["geometry"]
    corners = {tuple(point) for point in hit["footprint"]}
    assert {tuple(point) for point in ring} == corners


def test_the_visible_extent_limits_the_search(desk, indexed_layer):
    at = desk().indexed()
    middle = indexed_layer.extent().center()
    at.canvas.setExtent(QgsRectangle(middle.x() - 50, middle.y() - 40, middle.x() + 50, middle.y() + 40))
    at.dock.query.visible_only.setChecked(True)
    at.search_for("roof")
    layer = at.found("roof")
    seen = at.canvas.mapSettings().visibleExtent()
    assert layer.featureCount() > 0
    assert all(feature.geometry().intersects(seen) for feature in layer.getFeatures())


def test_probably_nothing_here_stands_above_the_hits(desk, indexed_layer):
    at = desk().indexed()
    at.search_for("glacier")
    at.found("glacier")
    presence = at.dock.results.caution_text()
    assert at.dock.results.caution.isVisible() == bool(presence)


@pytest.mark.heavy
def test_the_cost_is_live_and_indexing_can_be_stopped_and_searched(desk, qgis_new_project, scene, tmp_path, town_canvas):
    big = scene.write_town(tmp_path / "big.tif", width=2400, height=2400)
    layer = QgsRasterLayer(str(big.path), "big")
    QgsProject.instance().addMapLayer(layer)
    town_canvas.setExtent(layer.extent())
    at = desk().ready()
    at.dock.layer.choose(layer)
    assert at.dock.layer.state_text() == "Not indexed"
    at.until(lambda: "regions" in at.dock.index.cost_text())
    before = at.dock.index.cost_text()
    at.dock.index.set_object_size(20)
    at.until(lambda: "regions" in at.dock.index.cost_text() and at.dock.index.cost_text() != before)
    at.dock.index.set_object_size(OBJECT_SIZE)
    QTest.mouseClick(at.dock.index.button, LEFT)
    at.until(lambda: at.controller.indexing.run is not None and at.controller.indexing.run.rows > 0, 60)
    path = at.controller.indexing.run.path
    assert at.dock.index.bar.isVisible() and at.dock.layer.state_text().startswith("Indexing")
    at.search_for("roof")
    at.until(lambda: at.rows() > 0)
    assert at.controller.indexing.run is not None, "the search was answered while indexing went on"
    assert recalled_index(layer) == path
    QTest.mouseClick(at.dock.index.stop_button, LEFT)
    at.until(lambda: at.controller.indexing.run is None, 3)
    assert at.dock.messages.last.startswith("Stopped.") and "kept" in at.dock.messages.last
    at.until(lambda: "not complete" in at.dock.layer.state_text())


@pytest.mark.heavy
def test_a_whole_run_ends_with_the_state_line(desk, town_layer):
    at = desk().ready()
    at.dock.index.set_object_size(20)
    at.run_index()
    at.until(lambda: at.controller.indexing.state.level == "good")
    assert "is indexed:" in at.dock.messages.last and "regions" in at.dock.messages.last
    assert not at.dock.index.is_open(), "the section folds away when it is done"
    at.dock.index.open()
    at.until(lambda: "indexed already" in at.dock.index.cost_text())


def test_an_engine_that_dies_costs_a_sentence_and_nothing_typed(desk, indexed_layer, town, session):
    at = desk().indexed()
    at.dock.query.box_button.setChecked(True)
    at.drag(box_of(town))
    at.until(lambda: at.rows() > 0)
    engine = session.current().pid
    os.kill(engine, signal.SIGSTOP)  # so that it is killed in the middle of the search
    at.search_for("blue roof")
    at.until(lambda: len(at.asked("search")) == 2 and at.controller.searching._search.call is not None)
    os.kill(engine, signal.SIGKILL)
    at.until(lambda: at.dock.messages.last_code == "engine_crashed")
    assert at.dock.query.text() == "blue roof" and len(at.controller.boxes) == 1
    at.search_for("blue roof")
    at.until(lambda: any(layer.name().startswith("blue roof + box") for layer in at.result_layers()))
    assert at.dock.messages.last == "" and at.dock.query.search_button.text() != "Searching…"


@pytest.mark.heavy
def test_layers_and_projects_may_go_at_any_time(desk, indexed_layer, scene, tmp_path, qtbot):
    at = desk().indexed()
    at.search_for("roof")
    QgsProject.instance().removeMapLayer(indexed_layer.id())
    qtbot.wait(300)
    assert at.dock.layer.state_text().startswith("Add a raster layer")
    other = QgsRasterLayer(str(scene.write_town(tmp_path / "other.tif").path), "other")
    QgsProject.instance().addMapLayer(other)
    at.until(lambda: at.dock.layer.state_text() == "Not indexed")
    at.dock.index.button.click()
    at.until(lambda: at.controller.indexing.run is not None and at.controller.indexing.run.rows > 0, 60)
    at.search_for("roof")
    QgsProject.instance().clear()
    at.until(lambda: at.controller.indexing.run is None, 120)
    assert at.rows() == 0 and len(at.controller.boxes) == 0


def test_closing_in_the_middle_of_everything_is_harmless(desk, town_layer, qtbot):
    at = desk().ready()
    at.dock.index.button.click()
    at.until(lambda: at.controller.indexing.run is not None)
    at.controller.close()
    at.session.shutdown()
    qtbot.wait(300)
    at.controller.close = lambda: None


@pytest.mark.parametrize("times", [1, 2])
def test_the_walk_of_a_search_asks_for_pictures_once(desk, indexed_layer, times):
    at = desk().indexed()
    for _ in range(times):
        at.search_for("roof")
    at.found("roof")
    assert len(at.asked("search")) == times
    assert len(at.asked("thumbnails")) == -(-at.rows() // 12)

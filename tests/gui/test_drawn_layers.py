"""Layers that only QGIS can draw, through the dock: a real tile server on the loopback, which also fails."""

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRectangle, QgsVector
from qgis.PyQt.QtGui import QImage

from geoloupe.plugin.gui.results_model import THUMBNAIL

PIXEL = 2 * 20037508.342789244 / 256 / 2**19  # metres of EPSG:3857 at level 19
X0, Y0 = 1100000.0, 6600000.0


@pytest.fixture
def tiles(tile_server, scene, town_canvas):
    """A town of 6 x 6 tiles, repeated over the world, as an XYZ layer that the map shows at its own resolution."""
    pixels, _things = scene.draw(6 * 256, 6 * 256, 0.2)
    module = __import__("sys").modules["geoloupe_tile_server"]
    pictures = {}

    def picture(x, y):
        column, row = x % 6, y % 6
        if (column, row) not in pictures:
            part = np.ascontiguousarray(pixels[row * 256 : row * 256 + 256, column * 256 : column * 256 + 256])
            pictures[column, row] = module.png(QImage(part.tobytes(), 256, 256, 768, QImage.Format.Format_RGB888))
        return pictures[column, row]

    tile_server.picture = picture
    tile_server.answer = lambda z, x, y, n: picture(x, y)
    layer = tile_server.layer(zmax=19)
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    town_canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    town_canvas.setLayers([layer])
    town_canvas.setExtent(QgsRectangle(X0, Y0, X0 + 800 * PIXEL, Y0 + 600 * PIXEL))
    return layer


def at_tiles(desk, layer, size=15):
    at = desk().ready()
    at.dock.layer.choose(layer)
    at.until(lambda: at.dock.layer.state_text() == "Not indexed")
    at.dock.index.set_object_size(size)
    at.until(lambda: "regions" in at.dock.index.cost_text(), 60)
    return at


def test_a_layer_without_end_is_indexed_by_what_the_map_shows(desk, tiles, town_layer):
    at = desk().ready()
    panel = at.dock.index
    at.dock.layer.choose(town_layer)
    assert panel.whole_layer() and panel._extent.isEnabled() and not panel._boundless.isVisible()
    panel.group.setCollapsed(True)
    panel.open()
    assert not panel._boundless.isVisible(), "opening the section does not bring it"
    at.dock.layer.choose(tiles)
    assert not panel.whole_layer() and not panel._extent.isEnabled()
    assert panel._boundless.isVisible() and "whole world" in panel._boundless.text()
    at.dock.layer.choose(town_layer)
    assert panel.whole_layer() and panel._extent.isEnabled() and not panel._boundless.isVisible()


def test_the_visible_extent_is_indexed_and_searched_by_words_and_by_a_box(desk, tiles):
    at = at_tiles(desk, tiles)
    seen = at.canvas.mapSettings().visibleExtent()
    at.run_index()
    assert "is indexed" in at.dock.messages.last
    at.until(lambda: at.controller.indexing.state.level == "good")
    at.search_for("blue roof")
    layer = at.found("blue roof")
    assert layer.featureCount() > 3
    near = seen.buffered(60)  # whole chips are indexed
    assert all(near.contains(feature.geometry().boundingBox()) for feature in layer.getFeatures())
    at.until(lambda: at.dock.results.model.index(0).data(THUMBNAIL) is not None)
    at.dock.query.line.clear()
    at.dock.query.box_button.setChecked(True)
    wanted = next(f for f in layer.getFeatures() if seen.contains(f.geometry().boundingBox())).geometry().boundingBox()
    at.drag(wanted)
    at.until(lambda: any(layer.name().startswith("box") for layer in at.result_layers()))
    found = next(layer for layer in at.result_layers() if layer.name().startswith("box"))
    assert any(feature.geometry().intersects(wanted) for feature in found.getFeatures() if feature["rank"] <= 3)


@pytest.mark.heavy  # what does not answer is asked again, with pauses
def test_tiles_that_fail_stop_the_run_with_a_sentence_and_it_goes_on_later(desk, tiles, tile_server):
    at = at_tiles(desk, tiles)
    tile_server.answer = lambda z, x, y, n: 503
    elsewhere = at.canvas.extent()
    elsewhere += QgsVector(3000, 0)  # the map has fetched the tiles that it shows, and QGIS keeps them
    at.canvas.setExtent(elsewhere)
    at.run_index()
    assert (at.dock.messages.last_code, "tiles" in at.dock.messages.last) == ("raster_unreadable", True), at.dock.messages.last
    assert len(at.dock.messages.items()) == 1
    tile_server.asked.clear()
    tile_server.answer = lambda z, x, y, n: 503 if n == 1 and (x + y) % 3 == 0 else tile_server.picture(x, y)
    at.run_index()
    assert "is indexed" in at.dock.messages.last
    at.search_for("trees")
    at.found("trees")


def test_a_map_that_shows_the_whole_world_is_refused_in_a_sentence(desk, tiles):
    at = at_tiles(desk, tiles)
    at.canvas.setExtent(tiles.extent())
    at.dock.index.button.click()
    at.until(lambda: at.controller.indexing.run is None and at.dock.messages.last != "", 60)
    assert at.dock.messages.last.endswith(".") and at.dock.messages.last_code in ("usage", "no_overlap", "disk_full")

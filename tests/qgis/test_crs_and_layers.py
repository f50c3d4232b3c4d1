"""Layers as plain values: what the engine is told of a file, and the grid of a layer that QGIS has to draw."""

import math

import pytest
from osgeo import gdal
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsMultiBandColorRenderer,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)

from geoloupe.plugin.bridge import crs, layers
from geoloupe.plugin.bridge.compat import field, is_null
from geoloupe.plugin.errors import GeoLoupeError

CONTEXT = QgsCoordinateTransformContext()


@pytest.fixture
def raster_layer(write_raster):
    return QgsRasterLayer(str(write_raster()), "scene", "gdal")


def test_a_file_is_handed_over_by_name_with_the_bands_shown(raster_layer):
    spec = layers.source_spec(raster_layer)
    assert spec == {"uri": raster_layer.source(), "bands": [1, 2, 3], "name": "scene", "crs": None, "kind": "file"}
    raster_layer.setRenderer(QgsMultiBandColorRenderer(raster_layer.dataProvider(), 3, 1, 2))
    assert layers.source_spec(raster_layer)["bands"] == [3, 1, 2]


def test_one_band_is_grey(write_raster):
    layer = QgsRasterLayer(str(write_raster(bands=1)), "grey", "gdal")
    assert layers.source_spec(layer)["bands"] == [1]


def test_a_crs_that_the_user_assigned_goes_along(write_raster):
    layer = QgsRasterLayer(str(write_raster(epsg=None)), "bare", "gdal")
    layer.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(GeoLoupeError) as caught:
        layers.source_spec(layer)
    assert caught.value.code == "no_crs" and "bare" in caught.value.message
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    assert layers.source_spec(layer)["crs"] == "EPSG:32633"


def test_a_broken_layer_is_said_to_be_broken():
    with pytest.raises(GeoLoupeError) as caught:
        layers.source_spec(QgsRasterLayer("/nowhere/at-all.tif", "gone", "gdal"))
    assert caught.value.code == "raster_unreadable"


def test_memory_and_open_options_are_drawn_because_no_other_process_can_open_them(write_raster):
    path = str(write_raster())
    with_options = QgsRasterLayer(path + "|option:NUM_THREADS=2", "options", "gdal")
    assert with_options.isValid() and layers.is_rendered(with_options)
    gdal.GetDriverByName("GTiff").CreateCopy("/vsimem/copy.tif", gdal.Open(path))
    in_memory = QgsRasterLayer("/vsimem/copy.tif", "memory", "gdal")
    assert in_memory.isValid() and layers.is_rendered(in_memory)
    assert layers.source_spec(in_memory, 0.5)["kind"] == "rendered"
    del in_memory
    gdal.Unlink("/vsimem/copy.tif")


def test_tiles_get_a_grid_of_the_tile_pyramid(tile_server):
    layer = tile_server.layer(zmax=19)
    with pytest.raises(GeoLoupeError):
        layers.source_spec(layer)
    at_60_north = QgsRectangle(1000000, 8399000, 1001000, 8400000)
    spec = layers.source_spec(layer, gsd=0.5, area=at_60_north)
    pixel = spec["transform"][0]
    zoom = math.log2(2 * math.pi * 6378137 / 256 / pixel)
    assert zoom == pytest.approx(round(zoom)), "tiles would be resampled"
    assert spec["gsd"] <= 0.5 and spec["gsd"] == pytest.approx(pixel * math.cos(math.radians(60)), rel=0.02)
    part = layers.BLOCK_PIXELS
    assert spec["width"] == spec["height"] == part, "a grid over the whole world would not fit into memory"
    left, top = spec["transform"][2], spec["transform"][5]
    assert left <= 1000000 and left + part * pixel >= 1001000 and top - part * pixel <= 8399000 and top >= 8400000
    columns = (left + math.pi * 6378137) / pixel
    assert columns == pytest.approx(round(columns)) and round(columns) % part == 0
    beside = layers.source_spec(layer, gsd=0.5, area=QgsRectangle(1002000, 8399000, 1003000, 8400000))
    assert beside == spec, "two areas nearby are one source"
    assert spec["uri"].split(layers.PART)[0] == layers.drawn_identity(layer)
    assert spec["kind"] == "rendered" and spec["crs"] == "EPSG:3857"
    assert layers.source_spec(layer, gsd=0.001)["transform"][0] == pytest.approx(2 * math.pi * 6378137 / 256 / 2**19)


def test_a_drawn_layers_name_carries_no_secret():
    source = "type=xyz&url=https://me:secret@tiles.example/%7Bz%7D/%7Bx%7D/%7By%7D.png?key%3Dhidden&zmax=19&zmin=0"
    identity = layers.drawn_identity(QgsRasterLayer(source, "tiles", "wms"))
    assert "secret" not in identity and "hidden" not in identity and "tiles.example" in identity


def test_the_index_is_remembered_by_the_saved_project(raster_layer, tmp_path):
    assert layers.recalled_index(raster_layer) is None
    layers.remember_index(raster_layer, "/somewhere/scene.geoloupe")
    project = QgsProject.instance()
    project.addMapLayer(raster_layer)
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert project.read(str(tmp_path / "p.qgz"))
    (again,) = project.mapLayers().values()
    assert layers.recalled_index(again) == "/somewhere/scene.geoloupe"


def test_default_index_path_tells_two_rasters_of_one_name_apart(write_raster, tmp_path):
    (tmp_path / "b").mkdir()
    first, second = write_raster("é scene.tif"), write_raster("b/é scene.tif")
    paths = [layers.default_index_path(QgsRasterLayer(str(path), "x", "gdal"), tmp_path) for path in (first, second)]
    assert paths[0] != paths[1] and all(path.endswith(".geoloupe") and "scene" in path for path in paths)


def test_rasters_in_a_folder_leave_indexes_out(write_raster, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "old.geoloupe").mkdir()
    kept = [str(write_raster("a.tif")), str(write_raster("deep/b.TIF"))]
    write_raster("old.geoloupe/c.tif")
    (tmp_path / "notes.txt").write_text("x")
    assert layers.rasters_in(tmp_path) == kept


@pytest.mark.parametrize(
    ("authority", "x", "y", "across", "down"),
    [
        ("EPSG:32633", 500000, 4649776, 0.9996, 0.9996),
        ("EPSG:3857", 0, 8399737.89, 0.5, 0.5),
        ("EPSG:4326", 10, 60, 111320 * 0.5, 111320),
        ("EPSG:2264", 2000000, 600000, 0.3048, 0.3048),  # US survey feet
    ],
)
def test_metres_of_a_unit(authority, x, y, across, down):
    found = crs.metres_per_unit(QgsCoordinateReferenceSystem(authority), QgsPointXY(x, y), CONTEXT)
    assert found == pytest.approx((across, down), rel=0.01)


def test_crs_as_text_and_back():
    utm = QgsCoordinateReferenceSystem("EPSG:32633")
    assert crs.crs_text(utm) == "EPSG:32633"
    own = QgsCoordinateReferenceSystem.fromProj("+proj=tmerc +lat_0=1 +lon_0=12.3 +k=1 +x_0=7 +y_0=0 +datum=WGS84 +units=m")
    text = crs.crs_text(own)
    assert "[" in text and crs.crs_from_text(text) == own
    assert crs.crs_text(QgsCoordinateReferenceSystem()) is None and not crs.crs_from_text(None).isValid()


def test_extents():
    utm = QgsCoordinateReferenceSystem("EPSG:32633")
    assert crs.extent_value(QgsRectangle(), utm) is None
    assert crs.extent_value(QgsRectangle(1, 2, 3, 4), utm) == {"bounds": [1, 2, 3, 4], "crs": "EPSG:32633"}
    nowhere = QgsRectangle(1000, 95, 1001, 96)
    with pytest.raises(GeoLoupeError) as caught:
        crs.to_crs(nowhere, QgsCoordinateReferenceSystem("EPSG:4326"), utm, CONTEXT)
    assert caught.value.code == "no_overlap"


def test_fields_and_null():
    assert not field("a", "text").isNumeric() and field("b", "real").isNumeric() and field("c", "int").isNumeric()
    assert is_null(None) and is_null(NULL) and not is_null(0)

"""The whole way on real imagery, when GEOLOUPE_DATA names some: an extent of the town of Banepa, words and boxes."""

import json

import pytest
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize

BOX = (1600, 1200, 2900, 2200)  # pixels of the scene


@pytest.fixture(scope="module")
def banepa(data):
    path = data / "imagery" / "oam_banepa" / "oam_banepa_z19.tif"
    if not path.exists():
        pytest.skip("oam_banepa is not among the imagery")
    return path


@pytest.fixture(scope="module")
def banepa_index(banepa, engine, toolbox, tmp_path_factory):
    layer = QgsRasterLayer(str(banepa), "banepa", "gdal")
    extent, pixel = layer.extent(), layer.rasterUnitsPerPixelX()
    west, north = extent.xMinimum() + BOX[0] * pixel, extent.yMaximum() - BOX[1] * pixel
    east, south = extent.xMinimum() + BOX[2] * pixel, extent.yMaximum() - BOX[3] * pixel
    folder = tmp_path_factory.mktemp("banepa") / "banepa.geoloupe"
    result = toolbox(
        "buildindex",
        {"RASTERS": [layer], "OBJECT_SIZE": 12, "INDEX": str(folder), "EXTENT": f"{west},{east},{south},{north} [EPSG:3857]"},
    )
    assert result["REGIONS"] > 500
    return folder


@pytest.mark.heavy
def test_words_on_real_imagery(toolbox, banepa, banepa_index, trained, tmp_path):
    path = tmp_path / "hits.gpkg"
    toolbox("searchbytext", {"INDEX": str(banepa_index), "TEXT": "blue metal roof", "COUNT": 20, "OUTPUT": str(path)})
    hits_layer = QgsVectorLayer(str(path), "hits", "ogr")
    assert hits_layer.featureCount() == 20
    blue, everything = _blueness(banepa, list(hits_layer.getFeatures())[:10])
    assert blue > 1.5 * everything, "the best regions for 'blue metal roof' are hardly bluer than the scene"


@pytest.mark.heavy
def test_a_box_on_real_imagery(toolbox, banepa, banepa_index, trained):
    regions = json.loads((banepa.parent / "building_regions.json").read_text(encoding="utf-8"))
    blue = next(region for region in regions if region["roof"] == "blue" and _inside(region["bbox"]))
    layer = QgsRasterLayer(str(banepa), "banepa", "gdal")
    extent, pixel = layer.extent(), layer.rasterUnitsPerPixelX()
    x0, y0, x1, y1 = blue["bbox"]
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    query_layer = QgsVectorLayer("Polygon?crs=EPSG:3857", "query", "memory")
    feature = QgsFeature()
    points = [QgsPointXY(extent.xMinimum() + x * pixel, extent.yMaximum() - y * pixel) for x, y in corners]
    feature.setGeometry(QgsGeometry.fromPolygonXY([points]))
    query_layer.dataProvider().addFeatures([feature])
    found = toolbox(
        "searchbyregions",
        {"INDEX": str(banepa_index), "REGIONS": query_layer, "RASTER": layer, "COUNT": 10, "OUTPUT": "TEMPORARY_OUTPUT"},
    )["OUTPUT"]
    blue, everything = _blueness(banepa, list(found.getFeatures()))
    assert found.featureCount() == 10 and blue > 1.5 * everything


def _inside(window):
    return window[0] > BOX[0] and window[1] > BOX[1] and window[2] < BOX[2] and window[3] < BOX[3]


def _blueness(path, features):
    """The share of clearly blue pixels: on average over the regions of ``features``, and over the indexed part of the scene."""
    layer = QgsRasterLayer(str(path), "banepa", "gdal")
    extent, pixel = layer.extent(), layer.rasterUnitsPerPixelX()
    shares = [_blue_share(layer, feature.geometry().boundingBox()) for feature in features]
    west, north = extent.xMinimum() + BOX[0] * pixel, extent.yMaximum() - BOX[1] * pixel
    whole = QgsRectangle(west, extent.yMaximum() - BOX[3] * pixel, extent.xMinimum() + BOX[2] * pixel, north)
    return sum(shares) / len(shares), _blue_share(layer, whole)


def _blue_share(layer, extent):
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(extent)
    settings.setOutputSize(QSize(96, 96))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    colours = [image.pixelColor(x, y) for x in range(0, 96, 3) for y in range(0, 96, 3)]
    return sum(colour.blue() > colour.red() + 25 and colour.blue() > 70 for colour in colours) / len(colours)

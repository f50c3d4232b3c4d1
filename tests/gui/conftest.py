"""What the dock's tests share: a canvas with a raster, the dock with its controller, and an engine that takes orders."""

import json
import sys
from pathlib import Path

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle, QgsSettings

from geoloupe.plugin.engine.client import EngineClient
from geoloupe.plugin.errors import GeoLoupeError

SCRIPT = Path(__file__).resolve().parent / "scripted_engine.py"


class ScriptedSession:
    """Stands where plugin.engine.session stands: the same two functions, over the scripted engine."""

    def __init__(self, folder):
        self.orders_path = folder / "orders.json"
        self.order({})
        self.missing = False
        environment = {"GEOLOUPE_TEST_ORDERS": str(self.orders_path)}
        self.client = EngineClient(
            Path(sys.executable), log_path=folder / "engine.log", home=folder, worker=SCRIPT, environment=environment
        )

    def order(self, orders):
        self.orders_path.write_text(json.dumps(orders), encoding="utf-8")

    def asked(self, op):
        """The parameters of every request of this kind so far."""
        path = Path(str(self.orders_path) + ".asked")
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [entry["params"] for entry in map(json.loads, lines) if entry["op"] == op]

    def shared(self, chosen=None):
        if self.missing:
            raise GeoLoupeError("no_engine", "The GeoLoupe engine is not set up yet: set it up in the GeoLoupe panel.")
        return self.client

    def shutdown(self, timeout=2.0):
        self.client.stop(timeout)


@pytest.fixture(autouse=True)
def clean_settings():
    QgsSettings().remove("geoloupe")
    yield
    QgsSettings().remove("geoloupe")


@pytest.fixture
def session(tmp_path, home, monkeypatch):
    # an interpreter that exists, so that the dock believes in an engine
    monkeypatch.setenv("GEOLOUPE_PYTHON", sys.executable)
    session = ScriptedSession(tmp_path)
    monkeypatch.setattr("geoloupe.plugin.bridge.asking.session", session)
    yield session
    session.shutdown()


@pytest.fixture
def mercator_canvas(qgis_canvas, qgis_new_project):
    qgis_canvas.setRotation(0)
    qgis_canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    qgis_canvas.resize(800, 600)
    qgis_canvas.show()
    qgis_canvas.setExtent(QgsRectangle(0, 0, 400, 300))
    return qgis_canvas


def write_raster(path, west=0.0, north=300.0, crs="EPSG:3857", size=400):
    """A small tiled photograph stand-in written by QGIS's own GDAL."""
    from osgeo import gdal, osr

    dataset = gdal.GetDriverByName("GTiff").Create(str(path), size, size, 3, gdal.GDT_Byte)
    dataset.SetGeoTransform((west, 1.0, 0.0, north, 0.0, -1.0))
    if crs:
        reference = osr.SpatialReference()
        reference.SetFromUserInput(crs)
        dataset.SetProjection(reference.ExportToWkt())
    for band in (1, 2, 3):
        dataset.GetRasterBand(band).Fill(40 * band)
    dataset = None
    return path


@pytest.fixture
def town_layer(tmp_path, qgis_new_project):
    layer = QgsRasterLayer(str(write_raster(tmp_path / "town.tif")), "town")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer

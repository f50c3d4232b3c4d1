"""What tests on the real QGIS share: small rasters, a tile server, the engine, and a project that stays clean."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QCoreApplication, QElapsedTimer, QEventLoop

gdal.UseExceptions()


def _load(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(autouse=True)
def empty_project(qgis_app):
    """Each test starts with an empty project, and no layer outlives it."""
    QgsProject.instance().clear()
    yield
    QgsProject.instance().clear()


@pytest.fixture(scope="session")
def process_events():
    """Run the main thread's event loop until ``done()`` is true, for at most ``seconds``."""

    def run(done, seconds=20.0):
        timer = QElapsedTimer()
        timer.start()
        while not done() and timer.elapsed() < seconds * 1000:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            threading.Event().wait(0.002)
        assert done(), f"nothing happened within {seconds} s"

    return run


@pytest.fixture
def write_raster(tmp_path):
    """Write a GeoTIFF with GDAL: ``write_raster(name, epsg=32633, bands=3, ...)`` -> path."""

    def write(
        name="scene.tif", epsg=32633, bands=3, size=(640, 480), pixel=0.5, origin=(500000.0, 4000000.0), kind=gdal.GDT_Byte
    ):
        path = tmp_path / name
        dataset = gdal.GetDriverByName("GTiff").Create(str(path), size[0], size[1], bands, kind)
        dataset.SetGeoTransform((origin[0], pixel, 0, origin[1], 0, -pixel))
        if epsg is not None:
            system = osr.SpatialReference()
            system.ImportFromEPSG(epsg)
            dataset.SetProjection(system.ExportToWkt())
        rng = np.random.default_rng(7)
        for band in range(1, bands + 1):
            values = rng.integers(1, 255, (size[1], size[0])).astype(np.uint8)
            dataset.GetRasterBand(band).WriteRaster(0, 0, size[0], size[1], values.tobytes(), buf_type=gdal.GDT_Byte)
        dataset = None
        return path

    return write


@pytest.fixture
def tile_server(root):
    server = _load("geoloupe_tile_server", root / "tests" / "qgis" / "tile_server.py").TileServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def engine():
    """The real engine, from GEOLOUPE_PYTHON, which ends with the session's tests."""
    if not os.environ.get("GEOLOUPE_PYTHON"):
        pytest.skip("GEOLOUPE_PYTHON is not set: no engine to ask")
    from geoloupe.plugin.engine import session

    yield session
    session.shutdown()


@pytest.fixture(scope="session")
def toolbox(qgis_app, qgis_processing):
    """``toolbox(name, parameters, feedback)`` runs one of GeoLoupe's algorithms as a script does, on the main thread."""
    import processing

    from geoloupe.plugin.processing.provider import GeoLoupeProvider

    provider = GeoLoupeProvider()
    QgsApplication.processingRegistry().addProvider(provider)

    def run(name, parameters, feedback=None, context=None):
        return processing.run(f"geoloupe:{name}", parameters, feedback=feedback, context=context)

    yield run
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture(scope="session")
def town_index(engine, toolbox, town, tmp_path_factory):
    """The generated town, indexed once for the session; searched only."""
    folder = tmp_path_factory.mktemp("indexes") / "town é.geoloupe"
    result = toolbox("buildindex", {"RASTERS": [str(town.path)], "OBJECT_SIZE": 12, "INDEX": str(folder)})
    assert result["REGIONS"] > 0
    return folder


@pytest.fixture(scope="session")
def trained(root):
    """Skips a test of what an encoder knows while the shipped one knows nothing."""
    card = json.loads((root / "resources" / "models" / "compact" / "card.json").read_text(encoding="utf-8"))
    if card["revision"] == "untrained":
        pytest.skip("the compact encoder in this checkout is not trained")

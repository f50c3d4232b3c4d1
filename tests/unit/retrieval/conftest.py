"""Fixtures of the retrieval tests: a deterministic encoder, small rasters, and children that can be killed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

HERE = Path(__file__).resolve().parent
UTM = Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000)


def load_histogram():
    name = "geoloupe_histogram_encoder"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / "histogram_encoder.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def histogram():
    """The module histogram_encoder."""
    return load_histogram()


@pytest.fixture
def encoder(histogram):
    return histogram.HistogramEncoder()


@pytest.fixture
def write_raster(tmp_path):
    """write_raster(name, array (bands, h, w), **profile) -> path; UTM 31N, half a metre, unless told otherwise."""

    def write(name, array, alpha=False, colormap=None, overviews=(), mask=None, **profile):
        path = tmp_path / name
        bands, height, width = array.shape
        settings = {"driver": "GTiff", "crs": "EPSG:32631", "transform": UTM, "tiled": True, "blockxsize": 128, "blockysize": 128}
        settings.update(profile)
        if alpha:
            settings.update(photometric="RGB", alpha="YES")
        if not settings["tiled"]:
            settings.pop("blockxsize"), settings.pop("blockysize")
        with rasterio.open(path, "w", width=width, height=height, count=bands, dtype=array.dtype, **settings) as data:
            data.write(array)
            if colormap:
                data.write_colormap(1, colormap)
            if mask is not None:
                data.write_mask(mask)
            if overviews:
                data.build_overviews(list(overviews), rasterio.enums.Resampling.average)
        return path

    return write


@pytest.fixture
def noise():
    """noise(height, width, seed=0) -> (3, h, w) bytes, 40 to 215, smooth in squares of 16 pixels so that regions differ."""

    def make(height, width, seed=0):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(40, 216, (3, -(-height // 16), -(-width // 16)), dtype=np.uint8)
        return np.repeat(np.repeat(coarse, 16, axis=1), 16, axis=2)[:, :height, :width].copy()

    return make

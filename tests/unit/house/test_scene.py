"""The generated town: other tests trust its labels and its georeference."""

import numpy as np
import pytest

rasterio = pytest.importorskip("rasterio")


def test_labels_lie_on_what_they_name(town):
    with rasterio.open(town.path) as raster:
        pixels = raster.read()
    for label, channel in (("blue roof", 2), ("red roof", 0)):
        assert len(town.of(label)) >= 5
        for thing in town.of(label):
            mean = pixels[:, thing.y0 : thing.y1, thing.x0 : thing.x1].mean(axis=(1, 2))
            assert mean.argmax() == channel, (label, thing, mean)
    assert len(town.of("water")) == 1 and town.of("tree")


def test_the_same_seed_gives_the_same_town(scene):
    one, things = scene.draw(256, 200, 0.3, seed=5)
    two, same = scene.draw(256, 200, 0.3, seed=5)
    other, _ = scene.draw(256, 200, 0.3, seed=6)
    assert np.array_equal(one, two) and things == same
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    "rotation, crs, origin", [(0, "EPSG:32633", (5e5, 5e6)), (30, "EPSG:32633", (5e5, 5e6)), (0, "EPSG:4326", (20.0, -34.0))]
)
def test_georeference(scene, tmp_path, rotation, crs, origin):
    town = scene.write_town(tmp_path / "t.tif", width=256, height=256, rotation=rotation, crs=crs, origin=origin)
    with rasterio.open(town.path) as raster:
        assert raster.crs.to_string() == crs
        assert raster.xy(0, 0, offset="ul") == pytest.approx(origin)
        assert raster.xy(20, 10, offset="ul") == pytest.approx(town.ground(10, 20))
        assert raster.transform.determinant < 0  # rows run down


def test_kinds_of_pixels(scene, tmp_path):
    town = scene.write_town(
        tmp_path / "t.tif", width=256, height=200, dtype="uint16", bands=(0, 1, 2, 1), nodata=0, empty_margin=50
    )
    with rasterio.open(town.path) as raster:
        assert (raster.count, raster.dtypes[0], raster.nodata) == (4, "uint16", 0)
        assert not raster.read()[:, :, -50:].any() and raster.read()[:, :, :200].min() >= 200

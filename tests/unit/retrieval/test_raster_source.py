"""Reading rasters: validity, types, bands, colour maps, overviews, and files that cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval.opening import inspect_source
from geoloupe.plugin.retrieval.pixel_source import SourceSpec, Window, date_of
from geoloupe.plugin.retrieval.raster_source import RasterSource, gdal_environment
from geoloupe.plugin.retrieval.stretch import Stretch


def opened(path, **facts):
    return RasterSource(SourceSpec(str(path), **facts))


def test_pixels_come_as_they_are(write_raster, noise):
    pixels = noise(200, 300)
    source = opened(write_raster("a.tif", pixels))
    read, valid = source.read(Window(10, 20, 74, 84), (64, 64))
    assert (read == np.moveaxis(pixels, 0, 2)[20:84, 10:74]).all() and valid.all()
    assert (source.width, source.height, source.crs_wkt, source.bands) == (300, 200, "EPSG:32631", (1, 2, 3))
    assert source.gsd == pytest.approx(0.5, rel=1e-3) and source.stretch == Stretch()


def test_what_lies_outside_is_invalid_and_black(write_raster, noise):
    pixels = noise(50, 60)
    read, valid = opened(write_raster("a.tif", pixels)).read(Window(-10, -20, 90, 80), (100, 100))
    assert valid.sum() == 50 * 60 and valid[20:70, 10:70].all() and not read[~valid].any()
    assert (read[20:70, 10:70] == np.moveaxis(pixels, 0, 2)).all()


def test_shrinking_averages_and_uses_the_overview(write_raster):
    checks = (np.indices((512, 512)).sum(0) % 2 * 200 + 20).astype(np.uint8)[None].repeat(3, 0)
    source = opened(write_raster("a.tif", checks, overviews=(2, 4)))
    read, _ = source.read(Window(0, 0, 512, 512), (128, 128))
    assert (abs(read.astype(int) - 120) <= 1).all()


def test_nodata_is_invalid_only_where_every_band_says_so(write_raster, noise):
    pixels = noise(64, 64)
    pixels[:, :32, :32] = 7
    pixels[0, 40:, 40:] = 7
    source = opened(write_raster("a.tif", pixels, nodata=7))
    _, valid = source.read(Window(0, 0, 64, 64), (64, 64))
    assert not valid[:32, :32].any() and valid[40:, 40:].all()


def test_alpha_and_masks_are_no_bands(write_raster, noise, tmp_path):
    pixels = noise(64, 64)
    alpha = np.full((1, 64, 64), 255, np.uint8)
    alpha[:, :, :16] = 0
    source = opened(write_raster("a.tif", np.concatenate([pixels, alpha]), alpha=True))
    read, valid = source.read(Window(0, 0, 64, 64), (64, 64))
    assert source.bands == (1, 2, 3) and not valid[:, :16].any() and valid[:, 16:].all() and not read[:, :16].any()
    masked = opened(write_raster("m.tif", pixels, mask=alpha[0]))
    assert (masked.read(Window(0, 0, 64, 64), (64, 64))[1] == valid).all()


def test_not_a_number_is_invalid_and_floats_are_stretched(write_raster):
    values = np.linspace(-100, 900, 128 * 128, dtype=np.float32).reshape(1, 128, 128)
    values[:, :8] = np.nan
    values[0, 20, 20] = np.inf
    source = opened(write_raster("f.tif", values))
    read, valid = source.read(Window(0, 0, 128, 128), (128, 128))
    assert not valid[:8].any() and not valid[20, 20] and valid[8:20].all()
    assert read[valid].min() == 0 and read[valid].max() == 255 and (read[..., 0] == read[..., 2]).all()
    assert source.stretch.low[0] == pytest.approx(np.nanpercentile(values[np.isfinite(values)], 2), rel=1e-3)


def test_a_stored_stretch_is_used_instead_of_a_new_one(write_raster):
    values = np.full((1, 64, 64), 1500, np.uint16)
    path = write_raster("u.tif", values)
    source = RasterSource(SourceSpec(str(path)), Stretch((1000.0,) * 3, (2000.0,) * 3))
    assert (source.read(Window(0, 0, 8, 8), (8, 8))[0] == 128).all()
    assert Stretch.from_json(source.stretch.to_json()) == source.stretch


def test_bands_can_be_chosen_and_wrong_ones_are_named(write_raster, noise):
    four = np.concatenate([noise(32, 32), noise(32, 32, seed=5)[:1]])
    path = write_raster("n.tif", four, photometric="MINISBLACK")
    assert opened(path).bands == (1, 2, 3)
    read, _ = opened(path, bands=(4, 1, 2)).read(Window(0, 0, 32, 32), (32, 32))
    assert (read == np.moveaxis(four[[3, 0, 1]], 0, 2)).all()
    grey, _ = opened(path, bands=(4,)).read(Window(0, 0, 32, 32), (32, 32))
    assert (grey == four[3][..., None]).all()
    with pytest.raises(GeoLoupeError, match=r"4 band.*\[1, 2, 9\]") as caught:
        opened(path, bands=(1, 2, 9))
    assert caught.value.code == "usage"


def test_a_colour_map_becomes_colours_and_is_averaged_as_such(write_raster):
    classes = (np.indices((64, 64)).sum(0) % 2).astype(np.uint8)[None]
    path = write_raster("c.tif", classes, colormap={0: (200, 0, 0, 255), 1: (0, 0, 100, 255)})
    source = opened(path)
    assert source.read(Window(0, 0, 2, 1), (2, 1))[0].tolist() == [[[200, 0, 0], [0, 0, 100]]]
    half, _ = source.read(Window(0, 0, 64, 64), (32, 32))
    assert (half == [100, 0, 50]).all()


def test_undeclared_black_and_white_fill_is_invalid_and_dark_things_are_not(write_raster, noise):
    pixels = noise(128, 128)
    pixels[:, :64, :64] = 0
    pixels[:, 64:, 64:] = 255
    pixels[:, 5:9, 100:103] = 0  # a shadow
    source = opened(write_raster("a.tif", pixels))
    _, valid = source.read(Window(0, 0, 128, 128), (128, 128))
    assert not valid[:64, :64].any() and not valid[64:, 64:].any() and valid[:64, 64:].all() and valid[64:, :64].all()
    assert source.coverage().mean() == pytest.approx(0.5)


def test_points_place_a_raster_that_has_no_transform(tmp_path):
    path = tmp_path / "gcps.tif"
    gcps = [
        rasterio.control.GroundControlPoint(row, column, 3.0 + column * 1e-5, 45.0 - row * 1e-5)
        for row in (0, 50, 100)
        for column in (0, 50, 100)
    ]
    rng = np.random.default_rng(0)
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path, "w", driver="GTiff", width=100, height=100, count=1, dtype="uint8") as data,
    ):
        data.write(rng.integers(1, 200, (1, 100, 100), dtype=np.uint8))
        data.gcps = (gcps, "EPSG:4326")
    source = opened(path)
    assert source.crs_wkt == "EPSG:4326" and source.gsd == pytest.approx(0.93, rel=0.05)
    assert source.transform.c == pytest.approx(3.0, abs=1e-4) and source.transform.f == pytest.approx(45.0, abs=1e-4)
    assert source.read(Window(0, 0, source.width, source.height), (50, 50))[1].mean() > 0.9


def test_rotated_rasters_keep_their_pixels(write_raster, noise):
    turned = Affine.translation(500_000, 5e6) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)
    source = opened(write_raster("r.tif", noise(64, 64), transform=turned))
    assert source.transform == turned and source.gsd == pytest.approx(0.5, rel=1e-3)


def test_a_raster_without_crs_says_what_to_do_and_an_assigned_one_wins(write_raster, noise, tmp_path):
    path = write_raster("n.tif", noise(32, 32), crs=None)
    with pytest.raises(GeoLoupeError, match="set the layer's CRS") as caught:
        opened(path)
    assert caught.value.code == "no_crs"
    assert opened(path, crs="EPSG:2154").crs_wkt == "EPSG:2154"
    bare = tmp_path / "bare.png"
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(bare, "w", driver="PNG", width=32, height=32, count=3, dtype="uint8") as data,
    ):
        data.write(noise(32, 32))
    assert opened(bare, crs="EPSG:32631").transform == Affine(1, 0, 0, 0, -1, 0)  # as QGIS draws it


def test_missing_corrupt_and_cut_files_get_one_sentence(write_raster, noise, tmp_path):
    with pytest.raises(GeoLoupeError, match="not there any more") as caught:
        opened(tmp_path / "gone.tif")
    assert caught.value.code == "raster_unreadable"
    (tmp_path / "text.tif").write_text("this is no raster")
    with pytest.raises(GeoLoupeError, match="replace it") as caught:
        opened(tmp_path / "text.tif")
    assert caught.value.code == "raster_unreadable"
    whole = write_raster("w.tif", np.random.default_rng(0).integers(1, 255, (3, 512, 512), dtype=np.uint8))
    cut = tmp_path / "cut.tif"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = opened(cut)
    assert source.read(Window(0, 0, 64, 64), (64, 64))[1].all()
    with pytest.raises(GeoLoupeError) as caught:
        source.read(Window(448, 448, 512, 512), (64, 64))
    assert caught.value.code == "raster_unreadable"
    assert inspect_source(SourceSpec(str(cut)))["problem"]["code"] == "raster_unreadable"


def test_inspecting_an_empty_raster_says_so(write_raster):
    facts = inspect_source(SourceSpec(str(write_raster("e.tif", np.zeros((3, 64, 64), np.uint8), nodata=0))))
    assert facts["problem"]["code"] == "raster_empty" and facts["valid_fraction"] == 0


def test_the_block_cache_is_in_bytes(write_raster, noise):
    source = opened(write_raster("a.tif", noise(256, 256)))
    with gdal_environment(source.cache_bytes(224)):
        assert rasterio._env.get_gdal_config("GDAL_CACHEMAX") >= 64 << 20


def test_specs_survive_json_and_nonsense_does_not():
    spec = SourceSpec("a.tif", (3, 2, 1), "A", "EPSG:4326", "rendered", 10, 20, (1.0, 0.0, 2.0, 0.0, -1.0, 3.0), 0.5)
    assert SourceSpec.from_json(spec.to_json()) == spec and SourceSpec.from_json({"uri": "x"}) == SourceSpec("x")
    for bad in ({}, {"uri": "x", "kind": "odd"}, {"uri": "x", "bands": ["a"]}):
        with pytest.raises(GeoLoupeError):
            SourceSpec.from_json(bad)


def test_the_date_comes_from_tags_or_the_name():
    assert date_of("m_4709963_se_14_1_20200831.tif", {}) == 20200831
    assert date_of("a.tif", {"ACQUISITIONDATETIME": "2019-02-03T10:00:00Z"}) == 20190203
    assert date_of("tile_20209999.tif", {"TIFFTAG_DATETIME": "2011:01:01 00:00:00"}) is None

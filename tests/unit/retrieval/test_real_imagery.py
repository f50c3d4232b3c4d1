"""Real rasters of many kinds: each is read, indexed and searched, or refused with its sentence."""

from __future__ import annotations

import json
import time
import warnings

import numpy as np
import pytest
import rasterio
from shapely.geometry import Polygon

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval.index import open_index
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.opening import inspect_source, open_source
from geoloupe.plugin.retrieval.pixel_source import SourceSpec, Window
from geoloupe.plugin.retrieval.query import Query, QueryBox
from geoloupe.plugin.retrieval.search import search

KINDS = {
    "qgis_swellendam/3320D_2010_315_RGB_LATLNG.tif": {"crs": "EPSG:4326", "gsd": 2.53, "bands": [1, 2, 3]},
    "naip_prairie_nd/m_4709963_se_14_1_20200831.tif": {"crs": "EPSG:26914", "gsd": 5.0, "bands": [1, 2, 3]},
    "landsat_ucayali/2020.tif": {"crs": "EPSG:4326", "gsd": 89.2, "bands": [1, 2, 3]},
    "spacenet_solaris/sample_geotiff.tif": {"crs": "EPSG:32616", "gsd": 0.5, "bands": [1], "dtype": "uint16"},
    "spacenet_solaris/ms1.tif": {"crs": "EPSG:32631", "gsd": 1.0, "bands": [1, 2, 3], "dtype": "float64"},
    "spacenet_solaris/sar_hh.tif": {"crs": "EPSG:32631", "gsd": 2.5, "bands": [1], "dtype": "complex64"},
    "deepforest/test_tiled.tif": {"crs": "EPSG:28992", "gsd": 0.25, "bands": [1, 2, 3]},
    "deepforest/OSBS_029.tif": {"crs": "EPSG:32617", "gsd": 0.1, "bands": [1, 2, 3]},
    "elevation_small/dsm.tif": {"crs": "EPSG:26918", "gsd": 2.0, "bands": [1], "dtype": "float32"},
    "geotiff_test_data/umbra_mount_yasur.tiff": {"crs": "EPSG:32759", "gsd": 0.594, "bands": [1]},
    "rio_tiler_edge_cases/cog_gcps.tif": {"crs": "EPSG:4326", "bands": [1], "dtype": "uint16"},
    "rio_tiler_edge_cases/cog_nodata_nan.tif": {"crs": "EPSG:32610", "gsd": 200.0, "dtype": "float32"},
    "rio_tiler_edge_cases/cog_rgba.tif": {"crs": "EPSG:26913", "bands": [1, 2, 3]},
    "rio_tiler_edge_cases/cog_cmap.tif": {"crs": "EPSG:3857", "bands": [1]},
    "rio_tiler_edge_cases/cog_scale.tif": {"bands": [1], "dtype": "int16"},
    "rio_tiler_edge_cases/pix4d_alpha_nodata.tif": {"crs": "EPSG:32750", "bands": [1, 2, 3]},
}


@pytest.fixture
def imagery(data):
    return data / "imagery"


@pytest.mark.parametrize("name", KINDS)
def test_a_raster_of_this_kind_is_read_right(imagery, name):
    wanted = KINDS[name]
    facts = inspect_source(SourceSpec(str(imagery / name)))
    assert facts["problem"] is None and 0 < facts["valid_fraction"] <= 1
    for key, value in wanted.items():
        assert facts[key] == (pytest.approx(value, rel=0.02) if key == "gsd" else value), key
    source = open_source(SourceSpec(str(imagery / name)))
    pixels, valid = source.read(Window(0, 0, source.width, source.height), (200, 200))
    seen = pixels[valid]
    assert valid.any() and seen.std() > 5 and (name.endswith("cog_cmap.tif") or 20 < seen.mean() < 235)
    source.close()


@pytest.mark.heavy
@pytest.mark.parametrize("name", [name for name in KINDS if "cmap" not in name])
def test_a_raster_of_this_kind_is_indexed_and_a_box_finds_itself(imagery, name, tmp_path, encoder):
    spec = SourceSpec(str(imagery / name))
    report = index_sources(tmp_path / "i", [spec], encoder, gsds=[max(inspect_source(spec)["gsd"] * 2, 0.05)])
    index = open_index(tmp_path / "i")
    assert report.rows > 0 and index.check()["ok"] and index.info()["complete"]
    snapshot = index.snapshot()
    (row,) = snapshot.sources.values()
    record = snapshot.shards[0].records[report.rows // 2]
    x0, y0, x1, y1 = (int(record[key]) for key in ("x0", "y0", "x1", "y1"))
    a, b, c, d, e, f = row.transform
    ring = [[a * x + b * y + c, d * x + e * y + f] for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    result = search(index, Query(boxes=[QueryBox(spec, ring)]), encoder, count=20)
    assert result.hits[0].score > 0.95
    assert all(Polygon(hit.footprint).is_valid and hit.crs == row.crs for hit in result.hits)


def test_reading_the_map_agrees_with_a_plain_read(imagery):
    path = imagery / "oam_banepa" / "oam_banepa_z19.tif"
    source = open_source(SourceSpec(str(path)))
    with rasterio.open(path) as data:
        plain = data.read(window=rasterio.windows.Window(2000, 2500, 300, 200))
    pixels, valid = source.read(Window(2000, 2500, 2300, 2700), (300, 200))
    assert (pixels[valid] == np.moveaxis(plain, 0, 2)[valid]).all() and valid.mean() > 0.95
    assert source.coverage().mean() == pytest.approx(0.71, abs=0.02)  # a quarter of it is undeclared black fill


def test_pictures_without_a_place_are_refused_with_a_sentence(imagery):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GeoLoupeError, match="coordinate reference system") as caught:
            open_source(SourceSpec(str(imagery / "deepforest" / "2019_BLAN_3_751000_4330000_image_crop.jpg")))
    assert caught.value.code == "no_crs"


@pytest.mark.heavy
def test_blue_roofs_are_found_by_a_blue_roof(imagery, tmp_path, encoder):
    folder = imagery / "oam_banepa"
    spec = SourceSpec(str(folder / "oam_banepa_z19.tif"))
    regions = json.loads((folder / "building_regions.json").read_text())
    blue = [region["bbox"] for region in regions if region["roof"] == "blue"]
    index_sources(tmp_path / "i", [spec], encoder, gsds=[0.4])
    index = open_index(tmp_path / "i")
    (row,) = index.snapshot().sources.values()
    a, _, c, _, e, f = row.transform
    x0, y0, x1, y1 = max(blue, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    ring = [[a * x0 + c, e * y0 + f], [a * x1 + c, e * y1 + f]]
    found = search(index, Query(boxes=[QueryBox(spec, ring)]), encoder, count=10).hits
    good = sum(any(_touch((hit.x0, hit.y0, hit.x1, hit.y1), box) for box in blue) for hit in found)
    assert good >= 5


def _touch(first, second):
    return min(first[2], second[2]) > max(first[0], second[0]) and min(first[3], second[3]) > max(first[1], second[1])


@pytest.mark.heavy
def test_reading_ahead_keeps_the_encoder_busy(imagery, tmp_path, histogram):
    """The encoder sleeps as long as a small network takes, so what the pipeline adds is seen alone."""
    spec = SourceSpec(str(imagery / "oam_banepa" / "oam_banepa_z19.tif"))
    encoder = histogram.HistogramEncoder(chip_size=224)
    answer = np.tile(
        encoder.encode_regions(np.full((1, 8, 8, 3), 90, np.uint8), np.array([[[0, 0, 1, 1]]], np.float32)), (1, 1, 1)
    )

    def asleep(chips, boxes, gsd=None):
        time.sleep(0.03 * len(chips))
        return np.broadcast_to(answer, (len(chips), boxes.shape[1], answer.shape[2]))

    encoder.encode_regions = asleep
    extent = ((9_519_926, 3_202_500, 9_520_250, 3_202_940), "EPSG:3857")
    begun = time.perf_counter()
    report = index_sources(tmp_path / "i", [spec], encoder, extent=extent)
    spent = time.perf_counter() - begun
    assert report.chips > 150 and 0.03 * report.chips / spent > 0.85, (report.chips, spent)

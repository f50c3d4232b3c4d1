"""Search: exact, filtered, one hit for each place, also while another process writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio.warp
from affine import Affine
from shapely import unary_union
from shapely.geometry import Polygon, box

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval.hits import SAME_PLACE, best_places, covered
from geoloupe.plugin.retrieval.index import open_index
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.manifest import SHARDS
from geoloupe.plugin.retrieval.pixel_source import SourceSpec
from geoloupe.plugin.retrieval.query import Query, QueryBox, QueryVector
from geoloupe.plugin.retrieval.results import hits_to_geojson, write_hits
from geoloupe.plugin.retrieval.search import search, search_vector
from geoloupe.plugin.retrieval.shards import vectors_name

HERE = Path(__file__).resolve().parent
BLUE = (120, 200, 168, 248)  # pixels of the blue square of the scene


@pytest.fixture
def scene_path(write_raster, noise):
    pixels = (noise(400, 500) // 4 + 90).astype(np.uint8)
    x0, y0, x1, y1 = BLUE
    pixels[:, y0:y1, x0:x1] = np.array([50, 110, 200], np.uint8)[:, None, None]
    pixels[:, 300:348, 400:448] = np.array([180, 60, 50], np.uint8)[:, None, None]
    return write_raster("scene.tif", pixels)


@pytest.fixture
def index(tmp_path, scene_path, encoder):
    index_sources(tmp_path / "i", [SourceSpec(str(scene_path))], encoder, gsds=[0.5, 1.0])
    return open_index(tmp_path / "i")


def overlaps(hit, pixels):
    return box(hit.x0, hit.y0, hit.x1, hit.y1).intersection(box(*pixels)).area > 0


def test_words_find_the_thing_and_say_where(index, encoder):
    result = search(index, Query(text="blue roof"), encoder, count=5)
    best = result.hits[0]
    assert overlaps(best, BLUE) and best.rank == 1 and best.score > 0.9 and result.exact and result.presence.likely
    assert [hit.rank for hit in result.hits] == [1, 2, 3, 4, 5]
    assert all(first.score >= second.score for first, second in zip(result.hits, result.hits[1:], strict=False))
    assert result.crs == "EPSG:32631" and best.crs == "EPSG:32631" and result.searched_rows == index.snapshot().rows
    corners = [[500_000 + 0.5 * best.x0, 5_000_000 - 0.5 * best.y0], [500_000 + 0.5 * best.x1, 5_000_000 - 0.5 * best.y1]]
    assert best.footprint[0] == corners[0] and best.footprint[2] == corners[1]
    assert json.loads(json.dumps(result.to_json()))["hits"][0]["id"] == best.id


def test_a_box_finds_its_like_and_itself_unless_left_out(index, encoder, scene_path):
    spec = SourceSpec(str(scene_path))
    ring = [[500_060, 4_999_900], [500_084, 4_999_876]]
    query = Query(boxes=[QueryBox(spec, ring)])
    result = search(index, query, encoder, count=5)
    assert overlaps(result.hits[0], BLUE) and result.hits[0].score > 0.9 and result.presence.likely
    alone = search(index, Query(boxes=[QueryBox(spec, ring)], exclude_self=True), encoder, count=5)
    own = box(500_060, 4_999_876, 500_084, 4_999_900)
    same = [hit for hit in alone.hits if Polygon(hit.footprint).intersection(own).area > 450]
    assert len(alone.hits) == 5 and not same


def test_scores_are_exact_and_every_row_is_seen(index):
    snapshot = index.snapshot()
    vector = np.asarray(snapshot.shards[0].vectors[7], dtype=np.float32)
    vector /= np.linalg.norm(vector)
    result = search_vector([index], QueryVector(vector, False), 10_000)
    scores = np.concatenate([np.asarray(shard.vectors, np.float32) @ vector for shard in snapshot.shards])
    records = np.concatenate([np.asarray(shard.records) for shard in snapshot.shards])
    everything = {int(number): place for place, number in enumerate(records["id"])}
    places = np.array([everything[hit.id] for hit in result.hits])
    assert [hit.score for hit in result.hits] == pytest.approx(scores[places].tolist(), abs=1e-4)
    boxes = np.stack([records[name] for name in ("x0", "y0", "x1", "y1")], 1).astype(float)
    hits = boxes[places]
    assert max((covered(hits[:place], hits[place]) > SAME_PLACE).sum() for place in range(1, len(hits))) == 0
    for row in set(range(len(scores))) - set(places.tolist()):  # whatever is no hit lies in a better one
        assert scores[places][covered(hits, boxes[row]) > SAME_PLACE].max() >= scores[row] - 1e-4


def slow_places(boxes):
    kept = []
    for place, this in enumerate(boxes):
        for other in kept:
            that = boxes[other]
            across = min(this[2], that[2]) - max(this[0], that[0])
            down = min(this[3], that[3]) - max(this[1], that[1])
            areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (this, that)]
            if max(across, 0) * max(down, 0) > SAME_PLACE * min(areas):
                break
        else:
            kept.append(place)
    return kept


def test_direct_neighbours_of_a_grid_are_one_place():
    row = np.array([[x, 0, x + 10, 10] for x in (0, 5, 10, 15)], dtype=float)
    assert best_places(np.zeros(4, int), row, np.ones(4, dtype=bool), 4) == [0, 2]


def test_one_hit_for_each_place_and_scale():
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 300, (400, 2))
    boxes = np.concatenate([corner, corner + rng.integers(10, 80, (400, 1))], axis=1).astype(float)
    everything = np.ones(400, dtype=bool)
    assert best_places(np.zeros(400, int), boxes, everything, 400) == slow_places(boxes)
    assert best_places(np.zeros(400, int), boxes, everything, 3) == slow_places(boxes)[:3]
    assert best_places(np.arange(400), boxes, everything, 400) == list(range(400))  # other rasters, other places
    assert best_places(np.zeros(0, int), np.zeros((0, 4)), np.zeros(0, bool), 5) == []


def test_an_extent_filters_exactly_in_any_crs(index, encoder):
    query = Query(text="grey roof")
    west, south, east, north = 500_020.0, 4_999_850.0, 500_100.0, 4_999_950.0
    own = search(index, query, encoder, count=500, extent=((west, south, east, north), "EPSG:32631"))
    assert own.hits and own.searched_rows < index.snapshot().rows
    for hit in own.hits:
        middle = Polygon(hit.footprint).centroid
        assert (west <= middle.x <= east and south <= middle.y <= north) or Polygon(hit.footprint).contains(
            box(west, south, east, north).centroid
        )
    lon, lat = rasterio.warp.transform("EPSG:32631", "EPSG:3857", [west, east], [south, north])
    other = search(index, query, encoder, count=500, extent={"bounds": [lon[0], lat[0], lon[1], lat[1]], "crs": "EPSG:3857"})
    # The box in the other CRS is a hair larger: as many regions, the same best ones, and no place that has no twin.
    assert own.searched_rows <= other.searched_rows < 1.15 * own.searched_rows
    assert other.hits[0].score == pytest.approx(own.hits[0].score, abs=0.01)
    first, second = (unary_union([Polygon(hit.footprint) for hit in result.hits]) for result in (own, other))
    assert first.intersection(second).area > 0.9 * first.area
    tiny = search(index, query, encoder, extent=((500_050.0, 4_999_900.0, 500_050.1, 4_999_900.1), "EPSG:32631"))
    assert tiny.hits and all(Polygon(hit.footprint).distance(Polygon(tiny.hits[0].footprint)) == 0 for hit in tiny.hits)
    nowhere = search(index, query, encoder, extent=((0, 0, 1, 1), "EPSG:4326"))
    assert nowhere.hits == [] and nowhere.searched_rows == 0 and not nowhere.presence.likely


def test_rotated_rasters_are_found_and_filtered(tmp_path, write_raster, noise, encoder):
    turned = Affine.translation(500_000, 5e6) @ Affine.rotation(40) @ Affine.scale(0.5, -0.5)
    pixels = (noise(300, 300) // 4 + 90).astype(np.uint8)
    pixels[:, 96:144, 192:240] = np.array([50, 110, 200], np.uint8)[:, None, None]
    spec = SourceSpec(str(write_raster("r.tif", pixels, transform=turned)))
    index_sources(tmp_path / "r", [spec], encoder)
    index = open_index(tmp_path / "r")
    x, y = turned @ (216, 120)
    hit = search(index, Query(text="blue"), encoder).hits[0]
    blue = Polygon([turned @ corner for corner in ((192, 96), (240, 96), (240, 144), (192, 144))])
    assert blue.intersection(Polygon(hit.footprint)).area > 0.9 * Polygon(hit.footprint).area
    near = search(index, Query(text="red"), encoder, extent=((x - 20, y - 20, x + 20, y + 20), None))
    assert near.hits and all(box(x - 20, y - 20, x + 20, y + 20).intersects(Polygon(hit.footprint)) for hit in near.hits)
    drawn = QueryBox(spec, [[x - 10, y], [x, y - 10], [x + 10, y], [x, y + 10]])
    assert blue.intersects(Polygon(search(index, Query(boxes=[drawn]), encoder).hits[0].footprint))


def test_sources_filter_and_rasters_of_two_crs_meet_in_wgs84(tmp_path, write_raster, noise, encoder):
    one = SourceSpec(str(write_raster("one.tif", noise(150, 150, 1))))
    two = SourceSpec(str(write_raster("two.tif", noise(150, 150, 2), crs="EPSG:32632")))
    index_sources(tmp_path / "i", [one, two], encoder)
    index = open_index(tmp_path / "i")
    both = search(index, Query(text="grey"), encoder)
    assert {hit.source for hit in both.hits} == {one.identity, two.identity} and both.crs == "EPSG:4326"
    assert all(2.9 < hit.footprint[0][0] < 9.2 and 44 < hit.footprint[0][1] < 46 for hit in both.hits)
    only = search(index, Query(text="grey"), encoder, sources=[two.identity])
    assert {hit.source for hit in only.hits} == {two.identity} and only.hits


def test_several_indexes_are_searched_together(tmp_path, write_raster, noise, encoder, histogram, index):
    other = SourceSpec(str(write_raster("o.tif", noise(150, 150, 3))))
    index_sources(tmp_path / "o", [other], encoder)
    both = [index, open_index(tmp_path / "o")]
    result = search(both, Query(text="grey roof"), encoder, count=200)
    assert {hit.index for hit in result.hits} == {str(each.folder) for each in both}
    with pytest.raises(GeoLoupeError) as caught:
        search(both, Query(text="grey"), histogram.HistogramEncoder(revision="2"))
    assert caught.value.code == "index_encoder" and "build the index again" in caught.value.message


def test_an_index_can_be_searched_while_another_process_fills_it(tmp_path, scene_path, encoder):
    folder = tmp_path / "grows"
    command = [sys.executable, str(HERE / "child.py"), str(scene_path), str(folder), "0.03"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) >= 24:
            break
    index, sizes = open_index(folder), []
    while child.poll() is None:
        result = search(index, Query(text="blue roof"), encoder, count=3)
        assert result.searched_rows == 0 or len(result.hits) == 3
        sizes.append(result.searched_rows)
        child.stdout.readline()
    child.communicate()
    time.sleep(0.05)
    sizes.append(search(index, Query(text="blue roof"), encoder).searched_rows)
    assert child.returncode == 0 and sizes == sorted(sizes) and len(set(sizes)) > 3
    assert overlaps(search(index, Query(text="blue roof"), encoder).hits[0], BLUE)


def test_a_shard_that_went_missing_is_said(index, encoder):
    number = index.snapshot().shards[0].facts.number
    (index.folder / SHARDS / vectors_name(number)).unlink()
    with pytest.raises(GeoLoupeError) as caught:
        search(open_index(index.folder), Query(text="blue"), encoder)
    assert caught.value.code == "index_damaged"


def test_a_hundred_thousand_regions_take_little_time(tmp_path, scene_path, encoder, histogram):
    """Several scales of a real index, its vectors 256 long: the search alone, warm, without the encoder."""
    from geoloupe.plugin.retrieval.catalogue_db import ChipRow
    from geoloupe.plugin.retrieval.indexing import _Run
    from geoloupe.plugin.retrieval.manifest import create_index
    from geoloupe.plugin.retrieval.opening import open_source
    from geoloupe.plugin.retrieval.pixel_source import Window
    from geoloupe.plugin.retrieval.records import RECORD
    from geoloupe.plugin.retrieval.writer import Writer

    create_index(tmp_path / "big", histogram.card(dim=256))
    writer = Writer(tmp_path / "big")
    source = open_source(SourceSpec(str(scene_path)))
    row = writer.add_source(_Run._row_of(None, source, None))
    rng = np.random.default_rng(0)
    for chip in range(100):
        records = np.zeros(1000, dtype=RECORD)
        records["source"], records["gsd"] = row.id, 0.5
        records["x0"], records["y0"] = rng.integers(0, 100_000, (2, 1000))
        records["x1"], records["y1"] = records["x0"] + 32, records["y0"] + 32
        vectors = rng.standard_normal((1000, 256)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        writer.add(ChipRow(0, row.id, 5000, 0.5, Window(chip, 0, chip + 8, 8), b"", 1000, False), records, vectors)
    writer.finish()
    writer.close()
    index, query = open_index(tmp_path / "big"), QueryVector(vectors[5], False)
    times = []
    for _ in range(15):
        begun = time.perf_counter()
        result = search_vector([index], query, 50)
        times.append(time.perf_counter() - begun)
    assert result.searched_rows == 100_000 and len(result.hits) == 50 and result.hits[0].score > 0.99
    assert sorted(times)[7] < 0.05, times


def test_hits_are_written_and_read_back(tmp_path, index, encoder):
    pyogrio = pytest.importorskip("pyogrio")
    result = search(index, Query(text="blue roof"), encoder, count=7)
    write_hits(tmp_path / "hits.gpkg", result.hits, query="blue roof", model="histogram")
    facts = pyogrio.read_info(tmp_path / "hits.gpkg")
    assert facts["crs"] == "EPSG:32631" and facts["features"] == 7 and facts["geometry_type"] == "Polygon"
    _, _, geometry, columns = pyogrio.raw.read(tmp_path / "hits.gpkg")
    table = dict(zip(facts["fields"], columns, strict=True))
    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6, 7] and table["query"][0] == "blue roof" and len(geometry) == 7
    write_hits(tmp_path / "hits.geojson", result.hits)
    found = json.loads((tmp_path / "hits.geojson").read_text())
    ring = found["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == pytest.approx([3.0, 45.15], abs=0.05) and Polygon(ring).exterior.is_ccw
    assert pyogrio.read_info(tmp_path / "hits.geojson")["crs"] == "EPSG:4326"
    assert json.loads(hits_to_geojson([])) == {"type": "FeatureCollection", "features": []}
    write_hits(tmp_path / "none.gpkg", [])
    assert pyogrio.read_info(tmp_path / "none.gpkg")["features"] == 0
    for bad in ("hits.shp", "no/such/folder/hits.gpkg"):
        with pytest.raises(GeoLoupeError):
            write_hits(tmp_path / bad, result.hits)
    assert {path.name for path in tmp_path.glob("*hits*")} == {"hits.gpkg", "hits.geojson"}

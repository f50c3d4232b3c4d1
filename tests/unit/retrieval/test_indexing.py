"""Indexing: what is indexed, resumed, stopped, killed, and what a full disk or a changed file does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval import writer as writer_module
from geoloupe.plugin.retrieval.estimate import estimate
from geoloupe.plugin.retrieval.index import open_index
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.pixel_source import SourceSpec
from geoloupe.plugin.retrieval.writer import Writer

HERE = Path(__file__).resolve().parent


def rows_of(folder):
    """Every living region: window, scale, source -> vector."""
    index = open_index(folder)
    snapshot = index.snapshot()
    found = {}
    for shard in snapshot.shards:
        alive = snapshot.alive[shard.facts.number]
        for row in range(shard.facts.rows) if alive is None else np.flatnonzero(alive):
            record = shard.records[row]
            key = tuple(int(record[name]) for name in ("source", "scale", "x0", "y0", "x1", "y1"))
            assert key not in found
            found[key] = shard.vectors[row].copy()
    index.close()
    return found


@pytest.fixture
def fast_commits(monkeypatch):
    monkeypatch.setattr(writer_module, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(writer_module, "FIRST_COMMIT_SECONDS", 0.0)


@pytest.fixture
def raster(write_raster, noise):
    return SourceSpec(str(write_raster("a.tif", noise(400, 500))))


def test_a_raster_becomes_an_index_that_says_what_it_holds(tmp_path, raster, encoder):
    steps = []
    report = index_sources(tmp_path / "i.geoloupe", [raster], encoder, progress=steps.append)
    guess = estimate([raster], encoder.card, tmp_path / "i.geoloupe", chips_per_second=10)
    index = open_index(tmp_path / "i.geoloupe")
    info = index.info()
    assert report.rows == report.new_rows == info["rows"] == guess.regions and encoder.looks == report.chips == guess.chips
    assert guess.done_chips == guess.chips and guess.seconds == 0
    assert info["complete"] and not info["being_written"] and info["name"] == "i"
    (source,) = info["sources"]
    assert source["rows"] == report.rows and source["crs"] == "EPSG:32631" and not source["changed"]
    assert source["bounds"] == pytest.approx([500_000, 4_999_800, 500_250, 5_000_000]) and len(source["footprint"]) == 5
    assert index.check() == {"ok": True, "problems": [], "notes": []}
    assert steps[0].phase == "planning" and steps[-1].phase == "finishing"
    assert steps[-1].done == steps[-1].total == report.chips
    assert info["bytes"] == pytest.approx(guess.bytes, rel=0.5)


def test_indexing_again_encodes_nothing(tmp_path, raster, encoder):
    first = index_sources(tmp_path / "i", [raster], encoder)
    looks = encoder.looks
    again = index_sources(tmp_path / "i", [raster], encoder)
    assert encoder.looks == looks and again.rows == first.rows and again.new_rows == 0 and again.kept_chips == first.chips


def test_a_regions_vector_does_not_depend_on_the_extent(tmp_path, raster, encoder):
    index_sources(tmp_path / "whole", [raster], encoder)
    index_sources(tmp_path / "part", [raster], encoder, extent=((500_060, 4_999_850, 500_120, 4_999_900), "EPSG:32631"))
    whole, part = rows_of(tmp_path / "whole"), rows_of(tmp_path / "part")
    assert 0 < len(part) < len(whole)
    assert all((whole[key] == vector).all() for key, vector in part.items())
    # Whatever lies in the extent is there, and growing the extent to the whole gives the whole.
    inside = [key for key in whole if key[2] >= 120 and key[3] >= 200 and key[4] <= 240 and key[5] <= 300]
    assert inside and all(key in part for key in inside)
    index_sources(tmp_path / "part", [raster], encoder)
    assert rows_of(tmp_path / "part").keys() == whole.keys()


def test_an_extent_outside_every_raster_is_said(tmp_path, raster, encoder):
    with pytest.raises(GeoLoupeError) as caught:
        index_sources(tmp_path / "i", [raster], encoder, extent=((0, 0, 1, 1), "EPSG:4326"))
    assert caught.value.code == "no_overlap"
    with pytest.raises(GeoLoupeError) as caught:
        estimate([raster], encoder.card, extent=((0, 0, 1, 1), "EPSG:4326"))
    assert caught.value.code == "no_overlap"


def test_what_is_empty_is_not_looked_at(tmp_path, write_raster, noise, encoder):
    pixels = noise(512, 512)
    pixels[:, :, :300] = 0
    spec = SourceSpec(str(write_raster("half.tif", pixels, nodata=0)))
    report = index_sources(tmp_path / "i", [spec], encoder)
    whole = estimate([SourceSpec(str(write_raster("full.tif", noise(512, 512))))], encoder.card)
    assert encoder.looks == report.chips < 0.6 * whole.chips
    for key in rows_of(tmp_path / "i"):
        assert key[4] > 300 and (key[4] - 300) >= 0.49 * (key[4] - key[2])


def test_nothing_but_nodata_is_said(tmp_path, write_raster, encoder, noise):
    empty = SourceSpec(str(write_raster("e.tif", np.zeros((3, 200, 200), np.uint8), nodata=0)))
    with pytest.raises(GeoLoupeError) as caught:
        index_sources(tmp_path / "i", [empty], encoder)
    assert caught.value.code == "raster_empty"
    pixels = noise(512, 512)
    pixels[:, :, :300] = 0
    half = SourceSpec(str(write_raster("h.tif", pixels, nodata=0)))
    with pytest.raises(GeoLoupeError, match="in this extent") as caught:
        index_sources(tmp_path / "j", [half], encoder, extent=((500_001, 4_999_900, 500_050, 4_999_950), None))
    assert caught.value.code == "raster_empty"


def test_a_raster_smaller_than_a_chip_is_indexed(tmp_path, write_raster, noise, encoder):
    report = index_sources(tmp_path / "i", [SourceSpec(str(write_raster("s.tif", noise(40, 50))))], encoder)
    assert report.chips == 1 and report.rows > 4
    assert all(key[2] >= 0 and key[3] >= 0 for key in rows_of(tmp_path / "i"))


def test_several_scales_and_sources_share_an_index(tmp_path, write_raster, noise, encoder):
    specs = [SourceSpec(str(write_raster(f"{n}.tif", noise(200, 200, n)))) for n in range(2)]
    report = index_sources(tmp_path / "i", specs, encoder, gsds=[0.5, 1.0])
    keys = rows_of(tmp_path / "i")
    assert report.gsds == [0.5, 1.0] and {key[0] for key in keys} == {1, 2} and len({key[1] for key in keys}) == 2


def test_stopping_keeps_what_is_done_and_resuming_does_the_rest(tmp_path, raster, encoder, histogram):
    seen = []
    with pytest.raises(GeoLoupeError) as caught:
        index_sources(tmp_path / "i", [raster], encoder, progress=seen.append, cancelled=lambda: encoder.looks >= 24)
    assert caught.value.code == "cancelled"
    kept = rows_of(tmp_path / "i")
    assert kept and not open_index(tmp_path / "i").info()["complete"]
    other = histogram.HistogramEncoder()
    report = index_sources(tmp_path / "i", [raster], other)
    index_sources(tmp_path / "whole", [raster], histogram.HistogramEncoder())
    whole = rows_of(tmp_path / "whole")
    assert encoder.looks == 24 and other.looks == report.chips and rows_of(tmp_path / "i").keys() == whole.keys()
    assert encoder.looks + other.looks == estimate([raster], encoder.card).chips
    assert open_index(tmp_path / "i").info()["complete"]


def test_an_encoders_error_comes_through_and_costs_one_batch(tmp_path, raster, encoder):
    inner = encoder.encode_regions

    def failing(chips, boxes, gsd=None):
        if encoder.looks >= 16:
            raise MemoryError("no memory left")
        return inner(chips, boxes, gsd)

    encoder.encode_regions = failing
    with pytest.raises(MemoryError):
        index_sources(tmp_path / "i", [raster], encoder)
    assert rows_of(tmp_path / "i")
    encoder.encode_regions = inner
    index_sources(tmp_path / "i", [raster], encoder)
    assert encoder.looks == estimate([raster], encoder.card).chips


def test_a_kill_loses_nothing_committed_and_leaves_a_working_index(tmp_path, raster, histogram):
    folder = tmp_path / "i"
    command = [sys.executable, str(HERE / "child.py"), raster.uri, str(folder), "0.08"]
    for wanted in (32, 56):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in child.stdout:
            if int(line) >= wanted:
                break
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        kept = rows_of(folder)
        assert len(kept) > 100 and open_index(folder).check()["ok"]
    encoder = histogram.HistogramEncoder()
    index_sources(folder, [raster], encoder)
    assert encoder.looks <= estimate([raster], encoder.card).chips - 32
    after = rows_of(folder)
    assert all((after[key] == vector).all() for key, vector in kept.items())
    index_sources(tmp_path / "whole", [raster], histogram.HistogramEncoder())
    assert after.keys() == rows_of(tmp_path / "whole").keys()


def test_one_writer_at_a_time(tmp_path, raster, encoder, histogram):
    folder = tmp_path / "i"
    problems = []

    def second():
        if not problems:
            assert open_index(folder).info()["being_written"]
            try:
                index_sources(folder, [raster], histogram.HistogramEncoder())
            except GeoLoupeError as error:
                problems.append(error.code)

    index_sources(folder, [raster], encoder, between_batches=second)
    assert problems == ["index_busy"] and not open_index(folder).info()["being_written"]


def test_many_commits_are_merged_and_ids_stay(tmp_path, write_raster, noise, encoder, fast_commits):
    seen, index = {}, []
    raster = SourceSpec(str(write_raster("a.tif", noise(220, 260))))

    def look():
        if not index:
            index.append(open_index(tmp_path / "i"))
        for shard in index[0].snapshot().shards:
            for record in shard.records:
                place = (int(record["x0"]), int(record["y0"]), int(record["x1"]))
                assert seen.setdefault(int(record["id"]), place) == place

    report = index_sources(tmp_path / "i", [raster], encoder, between_batches=look)
    look()
    assert len(index[0].snapshot().shards) == 1 and len(seen) == report.rows
    files = {path.name for path in (tmp_path / "i" / "shards").iterdir()}
    number = index[0].snapshot().shards[0].facts.number
    assert files == {f"{number}.f16", f"{number}.rows"} and index[0].check()["ok"]


def test_orphans_of_a_crash_are_removed_by_the_next_writer(tmp_path, raster, encoder):
    index_sources(tmp_path / "i", [raster], encoder)
    for name in ("99.f16", ".100.rows.part"):
        (tmp_path / "i" / "shards" / name).write_bytes(b"left over")
    Writer(tmp_path / "i").close()
    assert {path.suffix for path in (tmp_path / "i" / "shards").iterdir()} == {".f16", ".rows"}
    assert len(list((tmp_path / "i" / "shards").iterdir())) == 2


def test_a_damaged_shard_is_said_found_and_repaired(tmp_path, raster, encoder):
    report = index_sources(tmp_path / "i", [raster], encoder)
    (vectors,) = (tmp_path / "i" / "shards").glob("*.f16")
    vectors.write_bytes(vectors.read_bytes()[:-100])
    with pytest.raises(GeoLoupeError) as caught:
        open_index(tmp_path / "i").snapshot()
    assert caught.value.code == "index_damaged"
    found = open_index(tmp_path / "i").check()
    assert not found["ok"] and vectors.name in found["problems"][0]
    again = index_sources(tmp_path / "i", [raster], encoder)
    assert again.rows == report.rows and again.notes and open_index(tmp_path / "i").check()["ok"]


def test_an_index_that_is_none_is_said(tmp_path, encoder, raster, histogram):
    with pytest.raises(GeoLoupeError) as caught:
        open_index(tmp_path / "none")
    assert caught.value.code == "index_missing"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(GeoLoupeError, match="not an index"):
        index_sources(tmp_path / "other", [raster], encoder)
    index_sources(tmp_path / "i", [raster], encoder)
    with pytest.raises(GeoLoupeError, match="revision 1") as caught:
        index_sources(tmp_path / "i", [raster], histogram.HistogramEncoder(revision="2"))
    assert caught.value.code == "index_encoder"
    with pytest.raises(GeoLoupeError, match="with overlap"):
        index_sources(tmp_path / "i", [raster], encoder, overlap=False)
    (tmp_path / "i" / "manifest.json").write_text("{")
    with pytest.raises(GeoLoupeError) as caught:
        open_index(tmp_path / "i")
    assert caught.value.code == "index_damaged"
    database = tmp_path / "j"
    index_sources(database, [raster], encoder)
    (database / "index.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(GeoLoupeError) as caught:
        open_index(database).snapshot()
    assert caught.value.code == "index_damaged" and not (shutil.rmtree(database) or database.exists())


def test_a_cut_raster_keeps_what_could_be_read(tmp_path, write_raster, encoder):
    pixels = np.random.default_rng(0).integers(2, 250, (3, 512, 512), dtype=np.uint8)
    whole = write_raster("w.tif", pixels)
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) * 6 // 10])
    spec = SourceSpec(str(whole))
    with pytest.raises(GeoLoupeError, match="damaged or cut short") as caught:
        index_sources(tmp_path / "i", [spec], encoder)
    assert caught.value.code == "raster_unreadable"
    kept, looks = rows_of(tmp_path / "i"), encoder.looks
    assert kept and not open_index(tmp_path / "i").info()["complete"]
    whole.write_bytes(content)
    report = index_sources(tmp_path / "i", [spec], encoder)
    assert report.notes and encoder.looks == estimate([spec], encoder.card).chips > looks
    after = rows_of(tmp_path / "i")
    assert all((after[key] == vector).all() for key, vector in kept.items())
    assert open_index(tmp_path / "i").info()["complete"]


def test_one_bad_raster_of_several_does_not_stop_the_others(tmp_path, raster, write_raster, noise, encoder):
    bad = SourceSpec(str(write_raster("n.tif", noise(64, 64), crs=None)), name="No CRS")
    report = index_sources(tmp_path / "i", [bad, raster], encoder)
    assert report.rows > 0 and [problem["code"] for problem in report.problems] == ["no_crs"]
    with pytest.raises(GeoLoupeError) as caught:
        index_sources(tmp_path / "j", [bad], encoder)
    assert caught.value.code == "no_crs"


def test_a_changed_file_is_indexed_again_where_it_differs(tmp_path, write_raster, noise, encoder):
    pixels = noise(400, 500)
    spec = SourceSpec(str(write_raster("a.tif", pixels)))
    first = index_sources(tmp_path / "i", [spec], encoder)
    before, looks = rows_of(tmp_path / "i"), encoder.looks
    pixels[:, 200:232, 300:332] = [[[250]], [[10]], [[10]]]
    write_raster("a.tif", pixels)
    assert open_index(tmp_path / "i").info()["sources"][0]["changed"] and open_index(tmp_path / "i").check()["notes"]
    report = index_sources(tmp_path / "i", [spec], encoder)
    after = rows_of(tmp_path / "i")
    assert report.notes and 0 < encoder.looks - looks < first.chips / 3 and after.keys() == before.keys()
    assert report.rows == first.rows == open_index(tmp_path / "i").info()["rows"]
    differs = [key for key in after if (after[key] != before[key]).any()]
    assert differs and all(key[2] < 332 and key[4] > 300 and key[3] < 232 and key[5] > 200 for key in differs)
    assert not open_index(tmp_path / "i").info()["sources"][0]["changed"]
    write_raster("a.tif", noise(400, 520))
    with pytest.raises(GeoLoupeError) as caught:
        index_sources(tmp_path / "i", [spec], encoder)
    assert caught.value.code == "source_changed"


def test_bands_of_an_index_stay(tmp_path, write_raster, noise, encoder):
    path = str(write_raster("a.tif", noise(200, 200)))
    index_sources(tmp_path / "i", [SourceSpec(path, bands=(3, 2, 1))], encoder)
    assert index_sources(tmp_path / "i", [SourceSpec(path)], encoder).new_rows == 0
    with pytest.raises(GeoLoupeError, match=r"\[3, 2, 1\]"):
        index_sources(tmp_path / "i", [SourceSpec(path, bands=(1, 2, 3))], encoder)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path, raster, histogram):
    """The kernel's file size limit stands in for a full disk: the shard is refused, what is committed stays."""
    folder = tmp_path / "i"
    index_sources(folder, [raster], histogram.HistogramEncoder(), extent=((500_010, 4_999_900, 500_040, 4_999_930), None))
    kept = rows_of(folder)
    script = (
        "import resource, runpy, signal, sys; sys.argv = sys.argv[1:]; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000)); runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", script, str(HERE / "child.py"), raster.uri, str(folder), "0", "60"]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert child.returncode != 0 and "is full: free some space" in child.stderr, child.stderr
    assert open_index(folder).check()["ok"] and rows_of(folder).keys() == kept.keys()
    assert {path.suffix for path in (folder / "shards").iterdir()} == {".f16", ".rows"}
    index_sources(folder, [raster], histogram.HistogramEncoder())
    assert open_index(folder).info()["complete"]


def test_a_disk_that_fills_up_is_said_and_loses_nothing(tmp_path, raster, histogram, fast_commits):
    """A real full file system, where this user may mount one."""
    small = tmp_path / "small"
    small.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(small)], capture_output=True, check=False)
    if mount.returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        with pytest.raises(GeoLoupeError) as caught:
            index_sources(small / "i", [raster], histogram.HistogramEncoder())
        assert caught.value.code == "disk_full"
        kept = rows_of(small / "i")
        assert len(kept) > 100 and open_index(small / "i").check()["ok"]
        subprocess.run(["mount", "-o", "remount,size=9m", str(small)], check=True)
        index_sources(small / "i", [raster], histogram.HistogramEncoder())
        assert kept.keys() < rows_of(small / "i").keys() and open_index(small / "i").info()["complete"]
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def test_tiles_that_fail_are_left_for_later_and_blanks_never_indexed(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr("geoloupe.plugin.retrieval.rendered_source.PAUSE_SECONDS", 0.0)
    spec = SourceSpec(
        "type=xyz", crs="EPSG:3857", kind="rendered", width=300, height=200, transform=(1.0, 0, 0.0, 0, -1.0, 200.0)
    )
    rng = np.random.default_rng(0)
    broken = {"on": True}

    def fetch(bounds, size):
        if broken["on"] and bounds[0] >= 96:
            return None
        if broken["on"] and bounds[1] < 50:
            return bytes(4 * size[0] * size[1])
        rgba = rng.integers(0, 255, (size[1], size[0], 4), dtype=np.uint8)
        rgba[..., 3] = 255
        return rgba.tobytes()

    report = index_sources(tmp_path / "i", [spec], encoder, fetch=fetch)
    assert report.missing_chips > 0 and report.rows > 0 and not open_index(tmp_path / "i").info()["complete"]
    looks = encoder.looks
    broken["on"] = False
    again = index_sources(tmp_path / "i", [spec], encoder, fetch=fetch)
    assert again.missing_chips == 0 and encoder.looks - looks == report.missing_chips
    assert open_index(tmp_path / "i").info()["complete"]


def test_searching_goes_on_while_a_slow_source_is_waited_for(tmp_path, encoder):
    spec = SourceSpec("x", crs="EPSG:3857", kind="rendered", width=64, height=64, transform=(1.0, 0, 0.0, 0, -1.0, 64.0))
    asked, release = [], threading.Event()

    def fetch(bounds, size):
        release.wait(5)
        return np.full((size[1], size[0], 4), 255, np.uint8).tobytes()

    def between():
        asked.append(1)
        if len(asked) > 3:
            release.set()

    index_sources(tmp_path / "i", [spec], encoder, fetch=fetch, between_batches=between)
    assert len(asked) > 3

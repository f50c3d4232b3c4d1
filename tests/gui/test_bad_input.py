"""Each bad input gets one clear sentence in the dock, nothing is lost, and the dock can be used afterwards. A real engine."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle

from geoloupe.plugin.bridge.layers import recalled_index, remember_index
from geoloupe.plugin.bridge.settings import Settings
from geoloupe.plugin.engine.client import EngineClient
from geoloupe.plugin.engine.home import home as geoloupe_home


def one_sentence(at):
    """The dock's one message."""
    assert len(at.dock.messages.items()) == 1
    text = at.dock.messages.last
    assert text.endswith(".") and "Traceback" not in text and len(text) < 260
    return text


def add(path, name=None):
    layer = QgsRasterLayer(str(path), name or Path(path).stem)
    QgsProject.instance().addMapLayer(layer)
    return layer


def still_usable(at, layer, index):
    """The town's index can be searched after all this."""
    remember_index(layer, index)
    at.dock.layer.choose(layer)
    at.controller.indexing.look()
    at.until(lambda: at.controller.indexing.state.searchable)
    at.search_for("trees")
    at.found("trees")
    assert at.dock.messages.last == ""


def test_no_engine_yet(desk, session, home, monkeypatch):
    monkeypatch.delenv("GEOLOUPE_PYTHON")
    at = desk()
    at.until(at.dock.setup.isVisible)
    text = at.dock.setup._text.text().replace("\u00a0", " ")
    assert "MB" in text and "geoloupe-home" in text and " min" in text
    assert not at.dock.index.isVisible()
    at.search_for("blue roof")
    assert at.dock.messages.last_code == "no_engine" and "Install" in one_sentence(at)
    assert at.dock.query.text() == "blue roof", "what was typed is kept"
    at.dock.setup._later.click()
    assert not at.dock.setup.isVisible() and at.dock._setup_button.isVisible()


def test_no_raster(desk, indexed_layer, town, town_index):
    at = desk().ready()
    QgsProject.instance().removeMapLayer(indexed_layer.id())
    at.search_for("roof")
    assert at.dock.messages.last_code == "no_raster" and "Add a raster layer" in one_sentence(at)
    assert at.dock.query.text() == "roof"
    still_usable(at, add(town.path), town_index)


def test_a_raster_without_crs(desk, scene, tmp_path, indexed_layer, town_index):
    at = desk().ready()
    bare = add(scene.write_town(tmp_path / "bare.tif", crs=None).path)
    bare.setCrs(QgsCoordinateReferenceSystem())
    at.dock.layer.choose(bare)
    at.until(lambda: "no coordinate system" in at.dock.layer.state_text())
    assert not at.dock.index.isVisible()
    at.search_for("roof")
    assert "no coordinate system" in one_sentence(at)
    still_usable(at, indexed_layer, town_index)


def test_a_box_outside_every_indexed_raster(desk, indexed_layer, town_index):
    at = desk().indexed()
    at.canvas.setExtent(QgsRectangle(600000, 5100000, 600400, 5100300))
    at.dock.query.box_button.setChecked(True)
    at.drag(QgsRectangle(600100, 5100100, 600160, 5100140))
    assert at.dock.messages.last_code == "no_overlap" and "outside every indexed raster" in one_sentence(at)
    assert len(at.controller.boxes) == 1, "the box is kept"
    at.dock.query.clear_button.click()
    still_usable(at, indexed_layer, town_index)


def test_an_empty_query(desk, indexed_layer, town_index):
    at = desk().indexed()
    at.dock.query.search_button.click()
    assert at.dock.messages.last_code == "empty_query" and "draw a box" in one_sentence(at)
    at.dock.query.line.setText("   ")
    at.dock.query.search_button.click()
    assert at.dock.messages.last_code == "empty_query"
    still_usable(at, indexed_layer, town_index)


def test_not_indexed_yet(desk, town_layer, town_index):
    at = desk().ready()
    at.until(lambda: at.dock.layer.state_text() == "Not indexed")
    at.search_for("roof")
    assert at.dock.messages.last_code == "not_indexed" and "press Index" in one_sentence(at)
    still_usable(at, town_layer, town_index)


def gone(folder):
    shutil.rmtree(folder)


def another_encoder(folder):
    path = folder / "manifest.json"
    text = path.read_text(encoding="utf-8")
    manifest = json.loads(text)
    fingerprint = manifest.get("encoder") or manifest["fingerprint"]
    fingerprint = fingerprint.get("fingerprint", fingerprint)
    fingerprint["id"] = "another"
    path.write_text(json.dumps(manifest), encoding="utf-8")


def broken_manifest(folder):
    (folder / "manifest.json").write_text("{", encoding="utf-8")


def broken_catalogue(folder):
    (folder / "index.sqlite").write_bytes(b"this is no database" * 100)


def short_shard(folder):
    shard = max((folder / "shards").glob("*.f16"), key=lambda path: path.stat().st_size)
    os.truncate(shard, shard.stat().st_size // 2)


@pytest.mark.parametrize("spoil", [gone, another_encoder, broken_manifest, broken_catalogue, short_shard])
def test_an_index_that_cannot_be_used(desk, town_layer, town_index, tmp_path, spoil):
    folder = tmp_path / "spoilt.geoloupe"
    shutil.copytree(town_index, folder)
    spoil(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.exists() else {}
    remember_index(town_layer, folder)
    at = desk().ready()
    at.until(lambda: at.controller.indexing.state.level in ("bad", "warning", "good"))
    at.search_for("roof")
    at.until(lambda: at.dock.messages.last != "")
    sentence = one_sentence(at)
    assert any(word in sentence for word in ("again", "build", "Index", "choose")), sentence
    assert at.dock.query.text() == "roof" and at.rows() == 0
    if spoil is not short_shard:  # that one is found only when it is read
        assert at.dock.layer.state_text() == sentence
        at.dock.index.set_object_size(25)
        at.run_index()
        at.until(lambda: at.controller.indexing.state.level == "good")
        assert recalled_index(town_layer) != str(folder), "a new one is made elsewhere"
    assert all(path.read_bytes() == content for path, content in before.items()), "nothing is done to the old one"
    still_usable(at, town_layer, town_index)


@pytest.mark.heavy
def test_an_index_that_another_qgis_is_writing(desk, town_layer, town, town_index, scene, tmp_path):
    folder = tmp_path / "shared.geoloupe"
    shutil.copytree(town_index, folder)
    big = scene.write_town(tmp_path / "big.tif", width=3000, height=3000)
    other = EngineClient(Path(os.environ["GEOLOUPE_PYTHON"]), log_path=tmp_path / "other.log", home=tmp_path / "home")
    seen = []
    params = {"index": str(folder), "sources": [{"uri": str(big.path), "kind": "file"}], "encoder": "compact", "object_size": 8}
    try:
        run = other.submit("index", params, on_progress=seen.append)
        remember_index(town_layer, folder)
        at = desk().ready()
        at.until(lambda: bool(seen), 60)
        at.controller.indexing.look()
        at.until(lambda: "another program" in at.dock.layer.state_text())
        at.search_for("road")
        at.found("road")
        at.dock.index.set_object_size(20)
        at.run_index()
        assert not run.done, "the other one was still writing"
        assert at.dock.messages.last_code == "index_busy"
        one_sentence(at)
        run.cancel()
        at.until(lambda: run.done)
        at.run_index()
        assert "is indexed" in at.dock.messages.last
    finally:
        other.stop()
    still_usable(at, town_layer, town_index)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 600 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.heavy
def test_a_full_disk(desk, town_layer, town_index, small_disk):
    Settings.load().changed(index_folder=str(small_disk)).save()
    at = desk().ready()
    at.dock.index.set_object_size(10)
    at.run_index()
    assert at.dock.messages.last_code == "disk_full" and "disk" in one_sentence(at)
    Settings.load().changed(index_folder="").save()
    still_usable(at, town_layer, town_index)


def test_results_that_cannot_be_written_stay_on_the_map(desk, indexed_layer, town_index):
    blocked = geoloupe_home() / "results"
    blocked.write_text("in the way")
    try:
        at = desk().indexed()
        at.search_for("roof")
        at.until(lambda: at.dock.messages.last_code == "disk_full")
        assert "could not be written" in one_sentence(at)
        assert at.rows() == at.result_layers()[0].featureCount() > 0
    finally:
        blocked.unlink()
    still_usable(at, indexed_layer, town_index)


@pytest.mark.parametrize("share", [0.02, 0.6])
def test_a_truncated_geotiff(desk, scene, tmp_path, indexed_layer, town_index, share):
    path = scene.write_town(tmp_path / "cut.tif", width=800, height=800).path
    whole = add(path)  # it was whole when it was opened
    os.truncate(path, int(path.stat().st_size * share))
    at = desk().ready()
    at.dock.layer.choose(whole)
    at.until(lambda: at.dock.layer.state_text() == "Not indexed")
    at.dock.index.set_object_size(20)
    at.run_index()
    assert at.dock.messages.last_code == "raster_unreadable" and "cut" in one_sentence(at)
    still_usable(at, indexed_layer, town_index)


def test_an_all_nodata_raster(desk, scene, tmp_path, indexed_layer, town_index):
    empty = scene.write_town(tmp_path / "empty.tif", width=600, height=600, nodata=0, empty_margin=600)
    layer = add(empty.path)
    at = desk().ready()
    at.dock.layer.choose(layer)
    at.until(lambda: at.dock.layer.state_text() == "Not indexed")
    at.run_index()
    assert at.dock.messages.last_code == "raster_empty" and "nodata" in one_sentence(at)
    still_usable(at, indexed_layer, town_index)


def test_a_raster_of_another_kind_of_number(desk, scene, tmp_path, indexed_layer, town_index):
    """Sixteen bits and one band: no bad input, and it is read as such."""
    layer = add(scene.write_town(tmp_path / "deep.tif", width=500, height=500, dtype="uint16", bands=(0,)).path)
    at = desk().ready()
    at.dock.layer.choose(layer)
    at.dock.index.set_object_size(20)
    at.run_index()
    assert "is indexed" in at.dock.messages.last
    assert np.isfinite([hit["score"] for hit in at.dock.results.model.hits()]).all()
    still_usable(at, indexed_layer, town_index)

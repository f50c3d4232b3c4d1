"""The command line from end to end, with the encoder that ships, on the generated town."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("faiss")

from geoloupe.plugin import cli


@pytest.fixture(scope="module")
def indexed(town, tmp_path_factory):
    """The town, indexed by the command line at the size of its houses."""
    folder = tmp_path_factory.mktemp("cli") / "town.geoloupe"
    assert cli.main(["index", str(town.path), "--index", str(folder), "--object-size", "24"]) == 0
    return folder


def corners(town, thing):
    (x0, y0), (x1, y1) = town.ground(thing.x0, thing.y0), town.ground(thing.x1, thing.y1)
    return f"{x0},{y0},{x1},{y1}"


def search(capsys, *words):
    """The JSON that a search prints."""
    code = cli.main(["search", *words, "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


def test_info_check_and_models(indexed, town, capsys):
    assert cli.main(["info", str(indexed), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rows"] > 500 and facts["complete"] and facts["sources"][0]["identity"] == str(town.path)
    assert cli.main(["info", str(indexed)]) == 0
    assert "town.tif" in capsys.readouterr().out
    assert cli.main(["check", str(indexed)]) == 0
    assert capsys.readouterr().out.strip() == "good"
    assert cli.main(["models", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert {"compact"} <= {card["id"] for card in cards} and cards[0]["gsd_range"][0] < cards[0]["gsd_range"][1]


def overlap(a, b):
    """Intersection over union of two hits' windows."""
    width, height = (min(a[high], b[high]) - max(a[low], b[low]) for low, high in (("x0", "x1"), ("y0", "y1")))
    areas = [(hit["x1"] - hit["x0"]) * (hit["y1"] - hit["y0"]) for hit in (a, b)]
    shared = max(0, width) * max(0, height)
    return shared / (sum(areas) - shared)


def test_a_box_on_an_indexed_region_finds_that_place(indexed, town, capsys):
    known = search(capsys, str(indexed), "--text", "blue roof", "--count", "1")["hits"][0]
    (x0, y0), (x1, y1) = town.ground(known["x0"], known["y0"]), town.ground(known["x1"], known["y1"])
    hits = search(capsys, str(indexed), "--box", str(town.path), f"{x0},{y0},{x1},{y1}", "--count", "10")["hits"]
    assert len(hits) == 10 and [hit["rank"] for hit in hits] == list(range(1, 11))
    # Neighbours overlap by half, and each place is one hit: which of them stands for it is the encoder's choice.
    assert max(overlap(known, hit) for hit in hits[:3]) > 0.3
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_a_box_in_another_crs_is_the_same_box(indexed, town, capsys):
    from pyproj import Transformer

    roof = town.of("red roof")[0]
    bounds = [*town.ground(roof.x0, roof.y1), *town.ground(roof.x1, roof.y0)]
    turned = Transformer.from_crs(town.crs, "EPSG:4326", always_xy=True).transform_bounds(*bounds)
    text = ",".join(str(number) for number in turned) + ",EPSG:4326"
    there = search(capsys, str(indexed), "--box", str(town.path), text, "--count", "10")["hits"]
    here = search(capsys, str(indexed), "--box", str(town.path), corners(town, roof), "--count", "10")["hits"]
    assert len({hit["id"] for hit in there} & {hit["id"] for hit in here}) >= 8  # the boxes differ by a thousandth of a pixel


def test_words_extent_and_what_is_not_wanted(indexed, town, capsys):
    left, top = town.ground(0, 0)
    right, bottom = town.ground(town.width / 2, town.height / 2)
    extent = f"{left},{bottom},{right},{top}"
    found = search(capsys, str(indexed), "--text", "blue roof", "--not-text", "pond", "--extent", extent, "--count", "5")
    assert found["hits"]
    for hit in found["hits"]:
        assert (hit["x0"] + hit["x1"]) / 2 <= town.width / 2 and (hit["y0"] + hit["y1"]) / 2 <= town.height / 2
    assert found["rows"] < search(capsys, str(indexed), "--text", "blue roof", "--count", "5")["rows"]


def test_an_extent_elsewhere_is_one_sentence(indexed, capsys):
    assert cli.main(["search", str(indexed), "--text", "roof", "--extent", "9.0,45.0,9.1,45.2,EPSG:4326"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("geoloupe: The extent holds no indexed region") and said.err.count("\n") == 1


def test_a_picture_file_is_a_query(indexed, town, tmp_path, capsys):
    import rasterio
    from PIL import Image

    roof = town.of("blue roof")[1]
    with rasterio.open(town.path) as raster:
        pixels = raster.read()[:, roof.y0 : roof.y1, roof.x0 : roof.x1]
    Image.fromarray(pixels.transpose(1, 2, 0)).save(tmp_path / "roof.png")
    assert search(capsys, str(indexed), "--image", str(tmp_path / "roof.png"), "--count", "5")["hits"]


@pytest.mark.parametrize("name", ["hits.gpkg", "hits.geojson"])
def test_hits_are_written(indexed, town, tmp_path, capsys, name):
    from pyogrio.raw import read

    assert cli.main(["search", str(indexed), "--text", "red roof", "--count", "4", "--output", str(tmp_path / name)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["rank", "score", "source", "window", "gsd", "date"] and len(printed) == 5
    facts, _, geometry, values = read(str(tmp_path / name))
    assert len(geometry) == 4
    columns = dict(zip(facts["fields"], values, strict=True))
    assert (
        list(columns["rank"]) == [1, 2, 3, 4] and set(columns["query"]) == {"red roof"} and set(columns["model"]) == {"compact"}
    )
    assert facts["crs"] == ("EPSG:4326" if name.endswith("geojson") else town.crs)


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        (["search", "{index}"], 2, "Type what to look for"),
        (["search", "{index}", "--text", " "], 2, "Type what to look for"),
        (["search", "{tmp}/none.geoloupe", "--text", "roof"], 1, "There is no index"),
        (["info", "{tmp}/none.geoloupe"], 1, "There is no index"),
        (["check", "{tmp}/none.geoloupe"], 1, "There is no index"),
        (["index", "{tmp}/none.tif", "--index", "{tmp}/new.geoloupe"], 1, "none.tif"),
        (["index", "{town}", "--index", "{tmp}/new.geoloupe", "--encoder", "nonesuch"], 1, "nonesuch"),
        (["search", "{index}", "--box", "{town}", "0,0,1,1"], 1, "outside"),
        (["search", "{index}", "--image", "{index}/manifest.json"], 2, "cannot be read as a picture"),
    ],
)
def test_failures_are_one_sentence(indexed, town, tmp_path, capsys, words, code, sentence):
    filled = [word.format(index=indexed, town=town.path, tmp=tmp_path) for word in words]
    assert cli.main(filled) == code
    said = capsys.readouterr()
    assert sentence in said.err and "Traceback" not in said.err and not said.out


def test_damage_is_exit_code_1(indexed, tmp_path, capsys):
    import shutil

    copy = tmp_path / "copy.geoloupe"
    shutil.copytree(indexed, copy)
    shard = next((copy / "shards").glob("*.f16"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0xFF
    shard.write_bytes(content)
    assert cli.main(["check", str(copy)]) == 1
    assert "damaged" in capsys.readouterr().out


def test_the_default_scale_is_said(town, tmp_path, capsys):
    extent = ",".join(str(number) for number in [*town.ground(0, 200), *town.ground(200, 0)])
    assert cli.main(["index", str(town.path), "--index", str(tmp_path / "a.geoloupe"), "--extent", extent]) == 0
    assert "0.3 m per pixel" in capsys.readouterr().err


@pytest.mark.heavy
def test_an_interrupt_keeps_what_is_done_and_the_same_command_goes_on(scene, root, tmp_path):
    """A real process and a real SIGINT; the second run encodes only what is missing."""
    town = scene.write_town(tmp_path / "large.tif", width=2560, height=2560)
    index = tmp_path / "a.geoloupe"
    command = [sys.executable, str(root / "plugin"), "index", str(town.path), "--index", str(index), "--gsd", "0.2", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    database = index / "index.sqlite"
    until = time.monotonic() + 60
    while time.monotonic() < until and not database.exists():
        time.sleep(0.05)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1 and "Stopping" in said and time.monotonic() - started < 10
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    facts = json.loads(done.stdout)
    assert facts["kept_chips"] > 0 and facts["chips"] > 0
    assert cli.main(["check", str(index)]) == 0

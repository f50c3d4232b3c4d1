"""The whole table, from a small cache and the encoder that ships."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")

from geoloupe.models.compact import validate  # noqa: E402
from geoloupe.models.compact.augment import resize  # noqa: E402
from geoloupe.plugin.errors import GeoLoupeError  # noqa: E402

KINDS = ("Airport", "Beach", "Bridge", "Desert", "Farmland", "Forest", "Meadow", "Parking", "Pond", "Port")
EACH = 10


def texture(rng, side):
    small = rng.integers(30, 220, (6, 6, 3)).astype(np.uint8)
    return np.clip(resize(small, side, side) + rng.normal(0, 8, (side, side, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run with its cache, and the training data's captions: ten kinds of scene of which half the pictures are held out."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("validate")
    cache, training = root / "run" / "cache", root / "training"
    (cache / "frames").mkdir(parents=True)
    training.mkdir()
    count = len(KINDS) * EACH
    np.save(cache / "scenes.npy", np.stack([texture(rng, 96) for _ in range(count)]))
    np.save(cache / "trees.npy", np.stack([texture(rng, 256) for _ in range(2)]))
    np.save(cache / "crowns.npy", np.stack([texture(rng, 512) for _ in range(2)]))
    np.save(cache / "frames" / "one.npy", texture(rng, 600))
    cars = [[0, x, y, x + 30, y + 16] for x, y in rng.uniform(0, 560, (12, 2))]
    (cache / "roofs.json").write_text("[]", encoding="utf-8")
    (cache / "annotations.json").write_text(json.dumps({
        "classes": KINDS, "scene_class": np.repeat(np.arange(len(KINDS)), EACH).tolist(),
        "scene_held": [number % 2 == 0 for number in range(count)],
        "trees": rng.uniform(0, 256, (2, 8, 2)).tolist(), "trees_held": [False, True],
        "crowns": [[[x, y, x + 60, y + 60] for x, y in rng.uniform(0, 450, (8, 2))] for _ in range(2)],
        "crowns_held": [False, True], "frames": [{"name": "one", "size": [600, 600], "boxes": cars, "held": True}],
    }), encoding="utf-8")  # fmt: skip
    rows = [
        {
            "image": f"{kind}/{n}.webp",
            "class": kind,
            "captions": [f"a {kind.lower()} with {('trees', 'cars')[n % 2]} number {n} ."],
        }
        for kind in KINDS
        for n in range(EACH)
    ]
    (training / "scenes_aid_rsicd.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return root / "run", training


def run(monkeypatch, tmp_path, folders, *options):
    """What the command line writes."""
    out, table = tmp_path / "figures.json", tmp_path / "figures.md"
    given = ["validate", "--run", str(folders[0]), "--data", str(folders[1]), "--imagery", str(tmp_path / "none")]
    monkeypatch.setattr(sys, "argv", [*given, "--output", str(out), "--markdown", str(table), *options])
    assert validate.main() == 0
    return json.loads(out.read_text(encoding="utf-8")), table.read_text(encoding="utf-8")


def test_rows_measured_elsewhere_stand_in_the_table(monkeypatch, tmp_path, folders):
    speed = tmp_path / "speed.json"
    speed.write_text(json.dumps([{"what": "chips a second", "figure": 4.5, "n": 6, "goal": 4, "command": "time it"}]))
    found, table = run(monkeypatch, tmp_path, folders, "--only", "imagery", "--speed", str(speed))
    assert [row["n"] for row in found["rows"]] == [0, 6] and found["rows"][1]["met"] is True
    assert "| chips a second |" in table and "`time it`" in table
    speed.write_text(json.dumps([{"figure": 1}]))
    with pytest.raises(GeoLoupeError, match="JSON list of rows"):
        run(monkeypatch, tmp_path, folders, "--only", "imagery", "--speed", str(speed))


def test_a_kind_that_does_not_exist_cannot_be_left_out(monkeypatch, tmp_path, folders):
    with pytest.raises(GeoLoupeError, match="Casino"):
        run(monkeypatch, tmp_path, folders, "--only", "unseen", "--left-out", "Casino,Pond")


@pytest.mark.heavy
def test_one_command_makes_every_row(monkeypatch, tmp_path, folders):
    from geoloupe.models.compact.figures import composition, instruction, mosaics, objects, painted

    monkeypatch.setattr(mosaics, "COUNT", 2)
    monkeypatch.setattr(objects, "COUNT", 2)
    monkeypatch.setattr(painted, "COUNT", 8)
    monkeypatch.setattr(composition, "QUERIES", 4)
    monkeypatch.setattr(instruction, "PAIRS", 4)
    parts = [part for part in validate.PARTS if part != "places"]
    found, table = run(monkeypatch, tmp_path, folders, "--only", *parts, "--left-out", "Pond,Port")
    made = {row["command"].split("--only ")[1].split()[0] for row in found["rows"]}
    assert made == set(parts)
    for row in found["rows"]:
        assert row["figure"] is None or ("ratio" in row["what"] or 0 <= row["figure"] <= 1), row
        assert row["figure"] is None or (row["n"] > 0 and row["chance"] is not None), row
        assert f"`{row['command']}`" in table
    measured = {row["command"].split("--only ")[1].split()[0] for row in found["rows"] if row["figure"] is not None}
    assert measured >= {"scenes", "unseen", "captions", "mosaics", "painted", "instruction"}
    assert {row["words"] for row in found["scores"]} >= {"scene words", "colour words"}
    unseen = [row for row in found["rows"] if "never trained on" in row["what"] or row["what"].startswith("the same among the 2")]
    assert [row["chance"] for row in unseen] == [0.1, 0.5] and all(row["n"] == 2 * EACH for row in unseen)


@pytest.mark.heavy
def test_a_set_never_seen_is_read_from_its_folder(monkeypatch, tmp_path, folders):
    from PIL import Image

    rng = np.random.default_rng(2)
    weights = folders[1] / "mobilenet_v2_imagenet"
    weights.mkdir(exist_ok=True)
    _random_weights(weights / "mobilenet_v2_imagenet_fp16.pt")
    pictures, boxed = tmp_path / "kinds", tmp_path / "things"
    pictures.mkdir()
    boxed.mkdir()
    shades = {"desert sand": (205, 180, 130), "dense forest": (30, 70, 30)}
    items = []
    for label, shade in shades.items():
        for number in range(3):
            pixels = np.clip(rng.normal(shade, 12, (100, 120, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(pictures / f"{label}{number}.png")
            items.append({"file": f"{label}{number}.png", "label": label})
    (pictures / "facts.json").write_text(json.dumps({"kind": "scenes", "items": items}), encoding="utf-8")
    items = []
    for number in range(2):
        pixels = rng.normal((90, 120, 80), 10, (300, 300, 3)).clip(0, 255).astype(np.uint8)
        boxes = []
        for x, y in ((20, 30), (120, 40), (60, 180), (220, 220)):
            pixels[y : y + 24, x : x + 24] = (40, 90, 220)
            boxes.append(["blue roof", x, y, x + 24, y + 24])
        Image.fromarray(pixels).save(boxed / f"{number}.png")
        items.append({"file": f"{number}.png", "boxes": boxes})
    (boxed / "facts.json").write_text(json.dumps({"kind": "boxes", "items": items}), encoding="utf-8")
    found, _ = run(monkeypatch, tmp_path, folders, "--only", "extra", "--extra", str(pictures), str(boxed))
    kinds, by_name, by_box = found["rows"]
    assert kinds["n"] == 6 and kinds["figure"] == 1
    assert by_name["n"] > 60 and by_box["chance"] < 0.1
    things = found["details"]["extra"]["things"]["blue roof"]
    assert things["n"] == 8 and things["name"] > 0.8 and things["encoder"] > 0.8


def _random_weights(path):
    from geoloupe.models.compact.architecture import MOBILE, Convolution, Inverted

    torch.manual_seed(0)
    blocks, channels = [Convolution(3, 32, 3, 2)], 32
    for expand, outputs, count, stride in MOBILE:
        for number in range(count):
            blocks.append(Inverted(channels, outputs, stride if number == 0 else 1, expand))
            channels = outputs
    whole = torch.nn.Sequential(*blocks, Convolution(channels, 1280))
    torch.save({f"f.{name}": value.half() for name, value in whole.state_dict().items()}, path)

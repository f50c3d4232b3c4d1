"""The training makes what it says it makes, and a short run of it, exported, answers as the torch network does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")

from geoloupe.models.compact.architecture import CompactNetwork, overlap  # noqa: E402
from geoloupe.models.compact.augment import colour_of, shade, turn, turn_box  # noqa: E402
from geoloupe.models.compact.losses import contrast, soft_contrast  # noqa: E402
from geoloupe.models.compact.packing import on_sphere  # noqa: E402
from geoloupe.models.compact.prompts import COLOUR_NAMES  # noqa: E402


def test_overlap_is_the_exact_part_of_each_token():
    part = overlap(torch.tensor([[[0.25, 0.0, 0.75, 0.5]]]), 2)[0, 0]
    assert part.tolist() == [0.5, 0.5, 0.0, 0.0]
    assert overlap(torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), 14).min() == 1


@pytest.mark.parametrize("way", range(8))
def test_boxes_turn_with_their_picture(way):
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[5:12, 20:33] = 255
    x0, y0, x1, y1 = (int(edge) for edge in turn_box((20, 5, 33, 12), way, 40))
    turned = turn(picture, way)
    assert turned[y0:y1, x0:x1].min() == 255 and turned.sum() == turned[y0:y1, x0:x1].sum()


def test_shades_have_the_name_they_were_made_for():
    rng = np.random.default_rng(0)
    named = [(name, colour_of(shade(name, rng) * 255)) for name in COLOUR_NAMES for _ in range(40)]
    wrong = [pair for pair in named if pair[1] not in (pair[0], None)]
    assert len(wrong) < 0.1 * len(named), wrong


def test_contrast_leaves_unknown_answers_out():
    scores = torch.tensor([[5.0, 9.0, 0.0]])
    assert contrast(scores, torch.tensor([[1.0, -1.0, 0.0]])) < 0.01
    assert contrast(scores, torch.tensor([[1.0, 0.0, 0.0]])) > 3
    assert contrast(scores, torch.tensor([[0.0, 0.0, 0.0]])) == 0
    assert soft_contrast(scores, torch.tensor([[1.0, -1.0, 0.0]])) < 0.01


def test_padding_and_other_suffixes_do_not_change_a_vector():
    torch.manual_seed(0)
    network = CompactNetwork(50).eval()
    words = torch.tensor([[3, 4, 0, 0], [5, 6, 7, 8]])
    places = torch.from_numpy(on_sphere(np.array([[27.7, 85.3], [-12.0, -77.0]])))
    with torch.no_grad():
        for where in (places, places * 0):
            both = network.texts(words, words * 0, where)
            assert torch.allclose(both[0], network.texts(words[:1, :2], words[:1, :2] * 0, where[:1])[0], atol=1e-5)
        seen = network.look(torch.randint(0, 255, (1, 64, 64, 3), dtype=torch.uint8))
        boxes = torch.tensor([[[0.1, 0.1, 0.5, 0.6], [0.3, 0.3, 0.9, 0.9]]])
        assert torch.allclose(network.regions(seen, boxes)[:, 1], network.regions(seen, boxes[:, 1:])[:, 0], atol=1e-5)
        asked = network.composed(seen, boxes, words[None], words[None] * 0, places[None])
        alone = network.composed(seen, boxes[:, :1], words[None, :1, :2], words[None, :1, :2] * 0, places[None, :1])
        assert torch.allclose(asked[:, 0], alone[:, 0], atol=1e-5)


def test_points_lie_on_the_sphere_latitude_first():
    north, east, both = on_sphere(np.array([[90.0, 10.0], [0.0, 90.0], [45.0, 180.0]]))
    assert np.allclose(north, [0, 0, 1], atol=1e-6) and np.allclose(east, [0, 1, 0], atol=1e-6)
    assert np.allclose(both, [-(0.5**0.5), 0, 0.5**0.5], atol=1e-6) and both.dtype == np.float32


def test_words_about_painted_things_are_true_of_the_right_regions(tmp_path):
    batch = _batches(tmp_path, 96)
    chips, boxes, valid = batch["chips"], batch["boxes"][batch["valid"]], batch["valid"]
    assert chips.dtype == torch.uint8 and tuple(chips.shape[1:]) == (96, 96, 3)
    assert (boxes[:, 2:] > boxes[:, :2]).all() and boxes.min() >= 0 and boxes.max() <= 1
    count = int(valid.sum())
    assert batch["target"].shape == (count, len(batch["texts"])) and (batch["target"].max(0).values == 1).all()
    assert torch.equal(batch["alike"], batch["alike"].T) and (batch["alike"].diagonal() == -1).all()
    assert batch["query_target"].shape == (len(batch["query_chip"]), count)
    found = batch["thing"] >= 0
    assert not batch["blocked"][found, batch["thing"][found]].any()


def test_places_come_with_the_names_that_hold_there(tmp_path):
    batch = _batches(tmp_path, 96, places=True)
    points, right = batch["place_points"], batch["country_right"]
    assert torch.allclose(points.norm(dim=-1), torch.ones(len(points)), atol=1e-5)
    east = points[:, 1] > 0  # the first country of the made-up world is its eastern half
    pieces = (tmp_path / "cache" / "pieces.txt").read_text(encoding="utf-8").splitlines()
    said = [{pieces[number] for number in batch["country_words"][row].tolist()} for row in right.tolist()]
    assert all(("roof" in words) == bool(is_east) for words, is_east in zip(said, east, strict=True))
    assert "place_points" not in _batches(tmp_path / "without", 96)


@pytest.mark.heavy
def test_a_short_training_runs_resumes_exports_and_equals_torch(tmp_path):
    pytest.importorskip("onnx")
    from geoloupe.models import Box, Image, Interleaved, Place, Text, load_encoder
    from geoloupe.models.compact.batches import Mix
    from geoloupe.models.compact.export import export, load_network
    from geoloupe.models.compact.packing import pack
    from geoloupe.models.compact.train import Plan, train
    from geoloupe.models.instructions import KIND, PLACE

    training = _training_folder(tmp_path)
    run = tmp_path / "run"
    _cache(run / "cache", training, places=True)
    mix = Mix(mosaics=2, told=1, pairs=1, objects=1, things=1, wholes=1, places=6)
    checkpoint = train(training, run, Plan(0.1, mix=mix, sides=(64, 96)), device="cpu")
    first = torch.load(checkpoint, weights_only=True)
    longer = Plan(first["spent"] / 60 + 0.1, mix=mix, sides=(64, 96))
    second = torch.load(train(training, run, longer, device="cpu", resume=True), weights_only=True)
    assert second["step"] > first["step"] > 0 and second["spent"] > first["spent"]
    moved = [name for name, values in second["network"].items() if not torch.equal(values, first["network"][name])]
    for part in ("stem.f.5", "stem.fine", "box_detail", "globe", "words", "layers.0", "answer"):
        assert any(name.startswith(part) for name in moved), part
    assert not any(name.startswith("stem.f.0.") for name in moved)

    facts = {"revision": "test", "region_graph": "chips.onnx", "box_text_template": "{text}"}
    export(checkpoint, run / "cache" / "pieces.txt", tmp_path / "out", facts)
    encoder, network = load_encoder(tmp_path / "out", "cpu"), load_network(checkpoint)
    chips = _real_chips()
    boxes = np.array([[[0.1, 0.2, 0.4, 0.6], [0.0, 0.0, 1.0, 1.0], [0.7, 0.7, 0.75, 0.8]]] * len(chips), np.float32)
    place = torch.from_numpy(on_sphere(np.array([[27.7, 85.3]])))

    def composed(text, instruction, where):
        words, segments = (torch.from_numpy(rows)[:, None] for rows in pack(encoder._tokens, [text] * 2, [instruction] * 2))
        return network.composed(seen, torch.from_numpy(boxes[:, :1]), words, segments, where.expand(2, 1, 3))[:, 0].numpy()

    with torch.no_grad():
        seen = network.look(torch.from_numpy(chips))
        expected = network.regions(seen, torch.from_numpy(boxes)).numpy()
        by_kind, by_place = composed("but blue roof", KIND, place * 0), composed("", PLACE, place)
        words = torch.from_numpy(encoder._tokens.batch(["a road between trees"], 48))
        said = network.texts(words, words * 0, place * 0).numpy()
        lone = network.texts(words[:, :1] * 0, words[:, :1] * 0 + 1, place).numpy()
    close = {"atol": 1e-5, "rtol": 0}
    assert np.allclose(encoder.encode_regions(chips, boxes), expected, **close)
    box = Box(*(float(edge) for edge in boxes[0, 0]))
    asked = encoder.encode([Interleaved([Image(chip), box, Text("but blue roof")], KIND) for chip in chips])
    assert np.allclose(asked, by_kind, **close)
    asked = encoder.encode([Interleaved([Image(chip), box, Place(27.7, 85.3)], PLACE) for chip in chips])
    assert np.allclose(asked, by_place, **close)
    assert np.allclose(encoder.encode([Interleaved([Text("a road between trees")])]), said, **close)
    assert np.allclose(encoder.encode([Interleaved([Place(27.7, 85.3)])]), lone, **close)


@pytest.mark.heavy
def test_one_command_makes_an_encoder_in_two_processes(tmp_path, root):
    """A smaller run of the command that makes what ships; begun again, it goes on where it was."""
    import csv
    import json
    import subprocess
    import sys

    from geoloupe.models import Interleaved, Text, load_encoder

    training = _training_folder(tmp_path)
    _cache(tmp_path / "run" / "cache", training, places=True)
    command = [
        sys.executable, str(root / "models"), "make", "--data", str(training), "--out", str(tmp_path / "run"), "--to",
        str(tmp_path / "out"), "--sides", "64", "64", "--processes", "2", "--quick", "--resume", "--seed", "3", "--minutes",
    ]  # fmt: skip
    steps = []
    for minutes in ("0.4", "0.8"):
        done = subprocess.run([*command, minutes], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        plan = json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
        steps.append(plan["steps"])
        assert plan["plan"]["seed"] == 3 and plan["chips"] % 2 == 0
    assert 0 < steps[0] < steps[1]
    with (tmp_path / "out" / "curves.csv").open(encoding="utf-8", newline="") as stream:
        assert all(float(line["scene"]) >= 0 for line in csv.DictReader(stream))
    assert load_encoder(tmp_path / "out", "cpu").encode([Interleaved([Text("blue roof")])]).shape == (1, 256)
    assert "n" in json.loads((tmp_path / "out" / "presence.json").read_text(encoding="utf-8"))
    rows = json.loads((tmp_path / "run" / "figures.json").read_text(encoding="utf-8"))["rows"]
    assert all(row["n"] > 0 for row in rows if row["figure"] is not None)


@pytest.mark.heavy
def test_an_export_takes_the_place_of_an_older_one(tmp_path, current):
    pytest.importorskip("onnx")
    import json
    import shutil

    from geoloupe.models import load_encoder
    from geoloupe.models.compact.export import FILES, export

    shutil.copytree(current, tmp_path / "out")
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    (tmp_path / "out" / "older.onnx").write_bytes(b"old")
    (tmp_path / "out" / "CARD.md").write_text("stays", encoding="utf-8")
    (tmp_path / "out" / "card.json").write_text(json.dumps({**card, "files": [*FILES, "older.onnx"]}), encoding="utf-8")
    pieces = ["[PAD]", "[UNK]", *"abc"]
    (tmp_path / "pieces.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    torch.save({"network": CompactNetwork(len(pieces)).state_dict()}, tmp_path / "checkpoint.pt")
    export(tmp_path / "checkpoint.pt", tmp_path / "pieces.txt", tmp_path / "out", {"revision": "newer"})
    assert not (tmp_path / "out" / "older.onnx").exists() and (tmp_path / "out" / "CARD.md").exists()
    assert load_encoder(tmp_path / "out", "cpu").card.revision == "newer"
    with pytest.raises(ValueError, match="word pieces"):
        (tmp_path / "pieces.txt").write_text("\n".join(pieces[:-1]) + "\n", encoding="utf-8")
        export(tmp_path / "checkpoint.pt", tmp_path / "pieces.txt", tmp_path / "out", {})


def _real_chips():
    """Two chips of real imagery where it is at hand, else drawn ones."""
    frames = sorted((Path(os.environ.get("GEOLOUPE_DATA", "")) / "imagery" / "kit_ais_vehicles").glob("*.png"))
    if os.environ.get("GEOLOUPE_DATA") and frames:
        from PIL import Image as Picture

        picture = np.asarray(Picture.open(frames[0]).convert("RGB"))
        return np.stack([picture[:224, :224], picture[100:324, 200:424]])
    rng = np.random.default_rng(5)
    return np.stack([_texture(rng, 224) for _ in range(2)])


def _texture(rng, side):
    from geoloupe.models.compact.augment import resize

    small = rng.integers(30, 220, (6, 6, 3)).astype(np.uint8)
    return np.clip(resize(small, side, side) + rng.normal(0, 8, (side, side, 3)), 0, 255).astype(np.uint8)


THINGS = ("trees", "a bridge")
PICTURES = 16  # of each class


def _training_folder(folder):
    """A tiny folder laid out as the training data is, with a stem of random weights."""
    import json

    training = folder / "training"
    (training / "mobilenet_v2_imagenet").mkdir(parents=True)
    stem = {name[5:]: value.half() * 0.5 for name, value in CompactNetwork(2).state_dict().items() if name.startswith("stem.f.")}
    torch.save(stem, training / "mobilenet_v2_imagenet" / "mobilenet_v2_imagenet_fp16.pt")
    rows = [
        {"image": f"{name}/{n}.webp", "class": name, "captions": [f"{name.lower()} with {THINGS[n % 2]} number {n} ."]}
        for name in ("Forest", "Port")
        for n in range(PICTURES)
    ]
    (training / "scenes_aid_rsicd.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (training / "text").mkdir()
    (training / "text" / "rsitmd_sentences.txt").write_text("Two ponds near a road.\n", encoding="utf-8")
    return training


def _cache(cache, training, places=False):
    """What the steps of preparation would write, from generated pictures and without the teachers; places of a made-up world
    when asked for."""
    import json

    from geoloupe.models.compact.prompts import all_phrases
    from geoloupe.models.compact.text_data import captions
    from geoloupe.models.compact.tokenizer import PAD_PIECE, UNKNOWN_PIECE

    rng = np.random.default_rng(1)
    (cache / "frames").mkdir(parents=True)
    spoken = {text for five in captions(training) for text in five}
    texts = [*sorted(spoken | set(all_phrases())), "a piece of furniture", "an idea"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = [PAD_PIECE, UNKNOWN_PIECE, *letters, *("##" + letter for letter in letters), "roof", "blue"]
    (cache / "pieces.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (cache / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    vectors = rng.normal(size=(len(texts), 384))
    np.save(cache / "vectors.npy", (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16))
    np.save(cache / "table.npy", rng.normal(0, 0.3, (len(pieces), 256)).astype(np.float32))
    np.save(cache / "scenes.npy", np.stack([_texture(rng, 150) for _ in range(2 * PICTURES)]))
    np.save(cache / "trees.npy", np.stack([_texture(rng, 256) for _ in range(2)]))
    np.save(cache / "crowns.npy", np.stack([_texture(rng, 512) for _ in range(2)]))
    np.save(cache / "frames" / "one.npy", _texture(rng, 600))
    cars = [[0, x, y, x + 30, y + 16] for x, y in rng.uniform(0, 560, (12, 2))]
    (cache / "roofs.json").write_text(
        json.dumps([{"source": "frames", "item": 0, "colour": "blue", "box": [100, 100, 180, 160]}]), encoding="utf-8"
    )
    points = rng.uniform(0, 256, (2, 8, 2)).tolist()
    crowns = [[[x, y, x + 60, y + 60] for x, y in rng.uniform(0, 450, (8, 2)).tolist()] for _ in range(2)]
    (cache / "annotations.json").write_text(json.dumps({
        "classes": ["Forest", "Port"], "scene_class": [0] * PICTURES + [1] * PICTURES,
        "scene_held": [n % PICTURES == 4 for n in range(2 * PICTURES)],
        "trees": points, "trees_held": [False, True], "crowns": crowns, "crowns_held": [False, True],
        "frames": [{"name": "one", "size": [600, 600], "boxes": cars, "held": False}],
    }), encoding="utf-8")  # fmt: skip

    (cache / "further.json").write_text("[]", encoding="utf-8")
    facts = {"countries": ["roof", "blue"], "provinces": ["e", "w"]}
    points = np.stack([rng.uniform(-60, 60, 40), rng.uniform(1, 179, 40) * np.where(np.arange(40) % 2, -1, 1)], 1)
    country = np.arange(40) % 2
    if places:
        np.savez(cache / "places.npz", points=points, country=country, province=country, teacher=rng.normal(size=(40, 512)))
        (cache / "places.json").write_text(json.dumps(facts), encoding="utf-8")


def _batches(folder, side, places=False):
    from geoloupe.models.compact.batches import Batches, Mix

    training = _training_folder(folder)
    _cache(folder / "cache", training, places)
    mix = Mix(mosaics=3, told=1, pairs=2, objects=1, things=1, wholes=1, places=8)
    return next(iter(Batches(folder / "cache", training, side, mix, 3)))

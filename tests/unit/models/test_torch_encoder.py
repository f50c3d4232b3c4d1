"""In full precision one vector: in torch as in ONNX Runtime, and whatever else is asked for in the same call."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from geoloupe.models import Box, Image, Interleaved, Place, Text, load_encoder  # noqa: E402
from geoloupe.models.compact import half_weights  # noqa: E402
from geoloupe.models.compact.encoder import WEIGHTS  # noqa: E402
from geoloupe.models.instructions import KIND, PLACE, SURROUNDINGS  # noqa: E402
from geoloupe.plugin.errors import GeoLoupeError  # noqa: E402

CLOSE = 1e-5


@pytest.fixture(scope="module", params=["onnx", "torch"])
def encoder(exact, request):
    return load_encoder(exact, "cpu", request.param)


def every_kind(pictures):
    """One input of each kind, with texts of many lengths."""
    first, second, third = (Image(picture) for picture in pictures[:3])
    box, place = Box(0.2, 0.3, 0.45, 0.6), Place(27.7, 85.3)
    return [
        Interleaved([Text("a road")]), Interleaved([Text("many small houses with red roofs next to a wide river " * 5)]),
        Interleaved([place]), Interleaved([place], PLACE), Interleaved([Text("a village"), place], PLACE),
        Interleaved([first]), Interleaved([second, box]), Interleaved([third, box], KIND),
        Interleaved([second, box, Text("but red")]),
        Interleaved([first, box, Text("with a long row of trees " * 6)], SURROUNDINGS),
        Interleaved([third, place], PLACE), Interleaved([first, box, place, Text("water")], PLACE),
    ]  # fmt: skip


def test_torch_and_onnx_give_the_same_vectors(exact, pictures, layout):
    by_torch, by_onnx = load_encoder(exact, "cpu", "torch"), load_encoder(exact, "cpu")
    chips, boxes = pictures[::3], np.stack([layout] * 8)
    first, second = by_torch.encode_regions(chips, boxes), by_onnx.encode_regions(chips, boxes)
    assert np.abs(first - second).max() < CLOSE
    assert float((first[:, 0] * first[:, 40]).sum(-1).min()) < 0.99, "regions that are all alike prove nothing"
    inputs = every_kind(pictures)
    assert np.abs(by_torch.encode(inputs) - by_onnx.encode(inputs)).max() < CLOSE


def test_empty_and_plain_chips_are_no_exception(exact, layout):
    chips = np.stack([np.full((224, 224, 3), value, np.uint8) for value in (0, 127, 255)])
    first, second = (
        load_encoder(exact, "cpu", runtime).encode_regions(chips, np.stack([layout] * 3)) for runtime in ("torch", "onnx")
    )
    assert np.abs(first - second).max() < CLOSE


def test_a_region_is_the_same_in_any_batch(encoder, pictures, layout):
    chips, boxes = pictures[:8], np.stack([layout] * 8)
    together = encoder.encode_regions(chips, boxes)
    for number in (0, 5):
        alone = encoder.encode_regions(chips[number : number + 1], boxes[:1])
        assert np.abs(alone[0] - together[number]).max() < CLOSE
        few = encoder.encode_regions(chips[number : number + 1], boxes[:1, 7:8])
        assert np.abs(few[0, 0] - together[number, 7]).max() < CLOSE
    companions = encoder.encode_regions(np.concatenate([pictures[16:19], chips[5:6]]), boxes[:4, ::-1])
    assert np.abs(companions[3, ::-1] - together[5]).max() < CLOSE


def test_an_input_is_the_same_in_any_batch(encoder, pictures):
    inputs = every_kind(pictures)
    together = encoder.encode(inputs)
    for vector, given in zip(together, inputs, strict=True):
        assert np.abs(encoder.encode([given])[0] - vector).max() < CLOSE
    assert np.abs(encoder.encode(inputs[::-1])[::-1] - together).max() < CLOSE


def test_a_region_is_the_same_as_an_input_and_in_a_call(encoder, pictures):
    box = np.array([[[0.2, 0.3, 0.45, 0.6]]], np.float32)
    asked = encoder.encode([Interleaved([Image(pictures[1]), Box(*map(float, box[0, 0]))])])
    assert np.abs(asked - encoder.encode_regions(pictures[1:2], box)[0]).max() < CLOSE


def test_the_weights_are_what_safetensors_reads(current):
    numpy_reader = pytest.importorskip("safetensors.numpy")
    ours, theirs = half_weights.read(current / WEIGHTS), numpy_reader.load_file(current / WEIGHTS)
    assert ours.keys() == theirs.keys()
    assert all(values.dtype == np.float16 and np.array_equal(values, theirs[name]) for name, values in ours.items())


def test_a_damaged_weights_file_is_refused(tmp_path):
    path = tmp_path / WEIGHTS
    half_weights.write(path, {"one": np.arange(6.0).reshape(2, 3), "two": np.zeros(0)})
    assert np.array_equal(half_weights.read(path)["one"], np.arange(6).reshape(2, 3))
    good = path.read_bytes()
    for bad in (good[:4], b"\xff" * 8 + good[8:], good[:-2], good.replace(b"F16", b"F32"), good.replace(b"[2,3]", b"[9,3]")):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match="header|precision"):
            half_weights.read(path)


def test_weights_of_another_network_are_refused(exact, tmp_path):
    import shutil

    from geoloupe.models.compact.encoder import files_hash

    shutil.copytree(exact, tmp_path / "other")
    half_weights.write(tmp_path / "other" / WEIGHTS, {"words.weight": np.zeros((4, 256))})
    card = json.loads((exact / "card.json").read_text(encoding="utf-8"))
    card["sha256"] = files_hash(tmp_path / "other", card["files"])
    (tmp_path / "other" / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(GeoLoupeError, match="PyTorch cannot read the weights"):
        load_encoder(tmp_path / "other", "cpu", "torch")

"""The shipped encoder keeps its promises: shapes, unit length, one look equals many looks, and what it refuses."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from geoloupe.models import Box, Image, InputError, Interleaved, Place, Text, load_encoder
from geoloupe.models.catalogue import BUNDLED
from geoloupe.models.instructions import KIND, MATCH, PLACE, SURROUNDINGS, THIS_THING

NEAR = 4e-4  # between calls of other sizes: what rounding can do to eight-bit regions (see test_quantised.py)
BOXES = np.array([[0.1, 0.1, 0.35, 0.4], [0.5, 0.5, 0.9, 0.95], [0, 0, 1, 1], [0.52, 0.05, 0.6, 0.12]], np.float32)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("compact", "cpu")


@pytest.fixture(scope="module")
def placing(current):
    """An encoder that reads places."""
    return load_encoder(current, "cpu")


@pytest.fixture(scope="module")
def chips():
    """A green field with a grey road, a blue and a red roof, and its mirror image."""
    rng = np.random.default_rng(3)
    chip = np.clip(np.array([92, 120, 70]) + rng.normal(0, 9, (224, 224, 3)), 0, 255)
    chip[150:170] = 120
    chip[22:90, 22:78] = (40, 90, 190)
    chip[22:56, 22:78] = (55, 110, 210)
    chip[112:212, 112:200] = (170, 50, 40)
    first = chip.astype(np.uint8)
    return np.stack([first, first[:, ::-1]])


def asked(encoder, chip, box, *words, instruction=None):
    return encoder.encode([Interleaved([Image(chip), Box(*(float(edge) for edge in box)), *map(Text, words)], instruction)])[0]


def test_regions_are_unit_vectors_of_the_promised_shape(encoder, chips):
    vectors = encoder.encode_regions(chips, np.stack([BOXES, BOXES]), gsd=0.15)
    assert vectors.shape == (2, 4, 256) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-5)


def test_one_look_equals_one_box_at_a_time(encoder, chips):
    vectors = encoder.encode_regions(chips, np.stack([BOXES, BOXES]))
    for number, chip in enumerate(chips):
        for place, box in enumerate(BOXES):
            for instruction in (None, THIS_THING, MATCH["thing"], "  find this thing "):
                assert np.abs(asked(encoder, chip, box, instruction=instruction) - vectors[number, place]).max() < NEAR


def test_a_region_does_not_depend_on_its_neighbours_in_the_call(encoder, chips):
    together = encoder.encode_regions(chips, np.stack([BOXES, BOXES]))
    alone = encoder.encode_regions(chips[1:], BOXES[None, 1:2])
    assert np.abs(together[1, 1] - alone[0, 0]).max() < NEAR
    many = encoder.encode_regions(np.concatenate([chips] * 10), np.stack([BOXES] * 20))
    assert np.abs(many.reshape(10, 2, 4, 256) - together).max() < NEAR


def test_boxes_of_one_chip_differ(encoder, chips):
    blue, red = encoder.encode_regions(chips[:1], BOXES[None, :2])[0]
    assert float(blue @ red) < 0.8


def test_an_image_without_a_box_is_its_whole(encoder, chips):
    assert (
        np.abs(
            encoder.encode([Interleaved([Image(chips[0])])])[0] - encoder.encode_regions(chips[:1], BOXES[None, 2:3])[0, 0]
        ).max()
        < NEAR
    )


def test_words_and_instructions_change_the_vector(encoder, chips):
    plain = asked(encoder, chips[0], BOXES[0])
    for words, instruction in ((["red roof"], None), ([], KIND), ([], SURROUNDINGS), (["red roof"], KIND)):
        other = asked(encoder, chips[0], BOXES[0], *words, instruction=instruction)
        assert np.isclose(np.linalg.norm(other), 1, atol=1e-5)
        assert float(other @ plain) < 0.99


def test_colours_are_told_apart_by_words_boxes_and_both(encoder, chips):
    blue, red = encoder.encode_regions(chips[:1], BOXES[None, :2])[0]
    by_blue, by_red = encoder.encode([Interleaved([Text("blue roof")]), Interleaved([Text("red roof")])])
    assert blue @ by_blue > red @ by_blue and red @ by_red > blue @ by_red
    edited = asked(encoder, chips[0], BOXES[1], "blue roof")
    assert blue @ edited > red @ edited


def test_words_beside_a_box_go_into_the_cards_template_once(encoder, chips, tmp_path):
    shutil.copytree(BUNDLED / "compact", tmp_path / "copy")
    card = json.loads((tmp_path / "copy" / "card.json").read_text(encoding="utf-8"))
    (tmp_path / "copy" / "card.json").write_text(json.dumps({**card, "box_text_template": "but {text}"}), encoding="utf-8")
    other = load_encoder(tmp_path / "copy", "cpu")
    expected = asked(encoder, chips[0], BOXES[0], "but blue roof")
    for words in ("blue roof", "but blue roof"):
        assert np.abs(asked(other, chips[0], BOXES[0], words) - expected).max() < NEAR
    plain = [Interleaved([Text("blue roof")])]
    assert np.abs(other.encode(plain) - encoder.encode(plain)).max() < NEAR


def test_several_boxes_and_images_are_averaged(encoder, chips):
    both = encoder.encode(
        [Interleaved([Image(chips[0]), Box(*map(float, BOXES[0])), Box(*map(float, BOXES[1])), Image(chips[1])])]
    )[0]
    parts = (
        asked(encoder, chips[0], BOXES[0])
        + asked(encoder, chips[0], BOXES[1])
        + encoder.encode([Interleaved([Image(chips[1])])])[0]
    )
    assert np.abs(both - parts / np.linalg.norm(parts)).max() < NEAR


def test_mixed_inputs_in_one_call_keep_their_order(encoder, chips):
    inputs = [Interleaved([Text("a road")]), Interleaved([Image(chips[0])]), Interleaved([Text("trees")]),
              Interleaved([Image(chips[0]), Box(0.1, 0.1, 0.3, 0.3), Text("but red")], KIND)]  # fmt: skip
    together = encoder.encode(inputs)
    for vector, given in zip(together, inputs, strict=False):
        assert np.abs(vector - encoder.encode([given])[0]).max() < NEAR
    assert encoder.encode([]).shape == (0, 256)


def test_texts_of_other_lengths_in_the_batch_do_not_matter(encoder):
    short = encoder.encode([Interleaved([Text("roof")])])
    mixed = encoder.encode([Interleaved([Text("roof")]), Interleaved([Text("a very long sentence about many things " * 9)])])
    assert np.abs(short[0] - mixed[0]).max() < NEAR


@pytest.mark.parametrize("shape", [(224, 224, 1), (300, 300, 4), (64, 64, 3), (100, 333, 3), (1, 1, 3)])
def test_any_size_and_number_of_bands(encoder, shape):
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    by_image = encoder.encode([Interleaved([Image(pixels), Box(0.2, 0.2, 0.7, 0.6)])])[0]
    by_region = encoder.encode_regions(pixels[None], np.array([[[0.2, 0.2, 0.7, 0.6]]], np.float32))[0, 0]
    assert np.isfinite(by_image).all() and np.abs(by_image - by_region).max() < NEAR


KATHMANDU, LIMA = Place(27.7, 85.3), Place(-12.0, -77.0)


def test_a_place_alone_is_a_vector_of_its_own(placing):
    here, there, again = placing.encode([Interleaved([KATHMANDU]), Interleaved([LIMA]), Interleaved([Place(27.7, 85.3)])])
    assert here.shape == (256,) and np.isclose(np.linalg.norm(here), 1, atol=1e-5)
    assert np.array_equal(here, again) and float(here @ there) < 0.999
    for instruction in (THIS_THING, KIND, SURROUNDINGS):
        assert np.array_equal(placing.encode([Interleaved([KATHMANDU], instruction)])[0], here)
    assert np.abs(placing.encode([Interleaved([KATHMANDU], PLACE)])[0] - here).max() > 1e-3


@pytest.mark.parametrize("instruction", [None, "", THIS_THING, KIND, SURROUNDINGS, " find THIS thing "])
def test_a_place_is_dropped_unless_the_instruction_asks_for_it(placing, chips, instruction):
    box = Box(0.1, 0.1, 0.35, 0.4)
    for parts in ([Text("a road")], [Image(chips[0])], [Image(chips[0]), box], [Image(chips[0]), box, Text("red roof")]):
        without, beside = placing.encode([Interleaved(parts, instruction), Interleaved([*parts, KATHMANDU], instruction)])
        assert np.array_equal(without, beside)


@pytest.mark.parametrize("instruction", [PLACE, "the same country"])
def test_a_place_matters_when_the_instruction_asks_for_it(placing, chips, instruction):
    for parts in ([Text("a road")], [Image(chips[0])], [Image(chips[0]), Box(0.1, 0.1, 0.35, 0.4), Text("red roof")]):
        without, here, there = placing.encode([Interleaved([*parts, *place], instruction) for place in ([], [KATHMANDU], [LIMA])])
        assert min(np.abs(without - here).max(), np.abs(here - there).max()) > 1e-3
        assert np.isclose(np.linalg.norm(here), 1, atol=1e-5)


def test_an_instruction_beside_a_text_alone_is_ignored(placing):
    plain = placing.encode([Interleaved([Text("a road")])])
    for instruction in (PLACE, KIND, SURROUNDINGS, "the same country"):
        assert np.array_equal(placing.encode([Interleaved([Text("a road")], instruction)]), plain)


def test_several_places_are_averaged(placing, chips):
    for parts, instruction in (([], None), ([], PLACE), ([Text("a road")], PLACE), ([Image(chips[0])], PLACE)):
        both, *each = placing.encode(
            [Interleaved([*parts, *places], instruction) for places in ([KATHMANDU, LIMA], [KATHMANDU], [LIMA])]
        )
        assert np.abs(both - sum(each) / np.linalg.norm(sum(each))).max() < 1e-5


def test_places_texts_and_images_in_one_call_keep_their_order(placing, chips):
    inputs = [
        Interleaved([Text("a road")]), Interleaved([KATHMANDU]), Interleaved([Image(chips[0]), LIMA], PLACE),
        Interleaved([Text("a village"), LIMA], PLACE), Interleaved([LIMA], PLACE), Interleaved([Image(chips[1])]),
    ]  # fmt: skip
    for vector, given in zip(placing.encode(inputs), inputs, strict=True):
        assert np.abs(vector - placing.encode([given])[0]).max() < 1e-5


def test_an_encoder_without_places_refuses_them_in_a_sentence(tmp_path):
    shutil.copytree(BUNDLED / "compact", tmp_path / "copy")
    card = json.loads((tmp_path / "copy" / "card.json").read_text(encoding="utf-8"))
    reads = [part for part in card["reads"] if part != "place"]
    (tmp_path / "copy" / "card.json").write_text(json.dumps({**card, "reads": reads}), encoding="utf-8")
    with pytest.raises(InputError, match="leave the place out"):
        load_encoder(tmp_path / "copy", "cpu").encode([Interleaved([KATHMANDU, Text("blue roof")])])


def test_what_it_cannot_read_is_refused_in_a_sentence(encoder, chips):
    with pytest.raises(InputError, match="two bands"):
        encoder.encode([Interleaved([Image(np.zeros((9, 9, 2), np.uint8))])])
    with pytest.raises(InputError, match="uint8"):
        encoder.encode_regions(chips.astype(np.float32), np.stack([BOXES, BOXES]))
    assert encoder.encode_regions(chips, np.zeros((2, 0, 4), np.float32)).shape == (2, 0, 256)


def test_it_is_small_and_its_weights_lie_beside_it_once(encoder, current):
    onnx = pytest.importorskip("onnx")
    for folder, files in ((encoder.folder, encoder.card.files), (current, load_encoder(current, "cpu").card.files)):
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 20_000_000
        weights = [name for name in files if name.startswith("weights.")]
        for name in files:
            if name.endswith(".onnx"):
                graph = onnx.load(str(folder / name), load_external_data=False).graph
                outside = [e.value for tensor in graph.initializer for e in tensor.external_data if e.key == "location"]
                assert [*set(outside)] == weights
                assert (folder / name).stat().st_size < 200_000


def test_background_phrases_are_there_and_readable(encoder):
    phrases = (BUNDLED / "compact" / encoder.card.extra["background_phrases"]).read_text(encoding="utf-8").splitlines()
    assert len(phrases) == len(set(phrases)) >= 120 and all(phrase.strip() == phrase for phrase in phrases)

"""Words are cut the way WordPiece prescribes."""

from __future__ import annotations

import numpy as np
import pytest

from geoloupe.models.catalogue import BUNDLED
from geoloupe.models.compact.packing import INSTRUCTION_PART, TEXT_PART, pack
from geoloupe.models.compact.tokenizer import PAD_PIECE, UNKNOWN_PIECE, WordPieces, split_words

SHORT = WordPieces([PAD_PIECE, UNKNOWN_PIECE, "roof", "##s", "blue", "##ish", "b", "##l", "-", "un", "##roof", "##ed"])


def test_longest_match_first_and_continuations():
    assert SHORT.numbers("Blue roofs", 9) == [4, 2, 3]
    assert SHORT.numbers("unroofed", 9) == [9, 10, 11]
    assert SHORT.numbers("bluish", 9) == [1]  # "b", "##l", then no piece for "##u": the whole word is unknown
    assert SHORT.numbers("blueish", 9) == [4, 5]


def test_case_accents_and_punctuation():
    assert split_words("Čadca-BLUE,  Roof!") == ["cadca", "-", "blue", ",", "roof", "!"]
    assert SHORT.numbers("BLUE-roof", 9) == [4, 8, 2]
    assert split_words("\u200bblue\u00a0roof") == ["blue", "roof"]


def test_never_empty_and_never_longer_than_asked():
    assert SHORT.numbers("", 5) == [1]
    assert SHORT.numbers("blue " * 50, 7) == [4] * 7
    assert SHORT.numbers("x" * 500, 5) == [1]


def test_batch_is_padded_with_zero():
    table = SHORT.batch(["blue", "blue roofs"], 8)
    assert table.tolist() == [[4, 0, 0], [4, 2, 3]]
    assert table.dtype == np.int64


def test_a_list_without_its_first_two_pieces_is_refused():
    with pytest.raises(ValueError, match="begins with"):
        WordPieces(["roof", "blue"])


def test_packing_puts_the_instruction_after_the_text_and_pads_as_instruction():
    words, segments = pack(SHORT, ["blue roof", ""], ["roofs", "blue"])
    assert words.tolist() == [[4, 2, 2, 3], [4, 0, 0, 0]]
    assert segments.tolist() == [[0, 0, 1, 1], [1, 1, 1, 1]]
    words, _ = pack(SHORT, ["blue " * 90], ["roof " * 90])
    assert words.shape == (1, TEXT_PART + INSTRUCTION_PART)


def test_shipped_pieces_know_everyday_words():
    pieces = WordPieces.load(BUNDLED / "compact" / "pieces.txt")
    assert len(pieces) == 10_000
    for word in ("blue roof", "swimming pool", "glacier", "tennis court", "greenhouse", "solar panel", "trees"):
        assert 1 not in pieces.numbers(word, 20), word
    assert 1 not in pieces.numbers("qwxzzv", 20)  # letters are all there, so no Latin word is unknown
    assert pieces.numbers("屋根", 20) == [1, 1]

"""Words to numbers: the published WordPiece algorithm (greedy longest match, lower case) over a short list of pieces."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PAD_PIECE = "[PAD]"
UNKNOWN_PIECE = "[UNK]"
LONGEST_WORD = 60


def split_words(text: str) -> list[str]:
    """Lower case, without accents, punctuation and ideographs as words of their own."""
    words: list[str] = []
    current: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(char)
        if category == "Mn" or (category.startswith("C") and char not in "\t\n\r"):
            continue
        alone = category[0] in "PS" or 0x3400 <= ord(char) <= 0x9FFF
        if char.isspace() or alone:
            if current:
                words.append("".join(current))
                current = []
            if alone:
                words.append(char)
        else:
            current.append(char)
    if current:
        words.append("".join(current))
    return words


class WordPieces:
    """A list of pieces and the way a text is cut into them."""

    def __init__(self, pieces: Sequence[str]) -> None:
        """``pieces`` in the order of their numbers; the first is the padding, the second stands for an unknown word."""
        if list(pieces[:2]) != [PAD_PIECE, UNKNOWN_PIECE]:
            raise ValueError(f"A list of word pieces begins with {PAD_PIECE} and {UNKNOWN_PIECE}.")
        self.pieces = list(pieces)
        self._numbers = {piece: number for number, piece in enumerate(pieces)}

    @classmethod
    def load(cls, path: Path) -> WordPieces:
        """Read one piece a line, UTF-8."""
        return cls(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))

    def __len__(self) -> int:
        return len(self.pieces)

    def numbers(self, text: str, limit: int) -> list[int]:
        """The numbers of the first ``limit`` pieces of a text; an unknown word is 1. At least one number."""
        found: list[int] = []
        for word in split_words(text):
            found.extend(self._cut(word))
            if len(found) >= limit:
                break
        return found[:limit] or [1]

    def batch(self, texts: Iterable[str], limit: int) -> NDArray[np.int64]:
        """(texts, longest) int64, padded with 0."""
        rows = [self.numbers(text, limit) for text in texts]
        table = np.zeros((len(rows), max((len(row) for row in rows), default=1)), np.int64)
        for line, row in enumerate(rows):
            table[line, : len(row)] = row
        return table

    def _cut(self, word: str) -> list[int]:
        if len(word) > LONGEST_WORD:
            return [1]
        found: list[int] = []
        start = 0
        while start < len(word):
            end = len(word)
            prefix = "##" if start else ""
            while end > start and prefix + word[start:end] not in self._numbers:
                end -= 1
            if end == start:
                return [1]
            found.append(self._numbers[prefix + word[start:end]])
            start = end
        return found

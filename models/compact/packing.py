"""Texts, instructions and places as rows of numbers, the way training and run time both need them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .tokenizer import WordPieces, split_words

TEXT_LIMIT = 48  # word pieces of a text alone
TEXT_PART, INSTRUCTION_PART = 32, 16  # beside a box
CHANGE = "the same but {text}"  # how plain words beside a box are read
SAID_AS_CHANGE = {"but", "same", "instead", "like"}


def says_change(text: str) -> bool:
    """Whether words beside a box already say what they are: a change of the thing in it."""
    return bool(set(split_words(text)) & SAID_AS_CHANGE)


def pack(tokens: WordPieces, texts: Sequence[str], instructions: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Words and segments (rows, longest) int64: the text (segment 0), the instruction (1), padding (word 0, segment 1)."""
    rows = [
        (tokens.numbers(text, TEXT_PART) if text else [], tokens.numbers(said, INSTRUCTION_PART) if said else [])
        for text, said in zip(texts, instructions, strict=False)
    ]
    longest = max([1, *(len(text) + len(said) for text, said in rows)])
    words, segments = np.zeros((len(rows), longest), np.int64), np.ones((len(rows), longest), np.int64)
    for number, (text, said) in enumerate(rows):
        words[number, : len(text) + len(said)] = text + said
        segments[number, : len(text)] = 0
    return words, segments


def on_sphere(points: NDArray) -> NDArray[np.float32]:
    """(n, 2) latitude and longitude in degrees -> (n, 3) on the unit sphere."""
    latitude, longitude = np.radians(np.asarray(points, np.float64)).T
    return np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], -1).astype(
        np.float32
    )

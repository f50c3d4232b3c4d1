"""What the figures are made from: the encoder, the held-out pictures, the folders; and what several of them need once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ... import Encoder, Interleaved, Text
from ..augment import resize
from ..images import Pictures
from ..prompts import scene_name
from ..text_data import captions

SIDE = 224
BATCH = 32
WHOLE = np.array([0, 0, 1, 1], np.float32)


@dataclass
class Given:
    """``left_out``: kinds of scene that the encoder was not trained on; ``extra``: folders of data sets it never saw."""

    encoder: Encoder
    pictures: Pictures
    training: Path
    imagery: Path | None = None
    extra: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    countries: Path | None = None

    def texts(self, words: list[str]) -> NDArray[np.float32]:
        """(n, dim) vectors of texts."""
        return texts(self.encoder, words)

    def scenes(self, rows: NDArray) -> NDArray[np.float32]:
        """(n, dim) vectors of whole scene pictures."""
        return whole(self.encoder, [self.pictures.scenes[int(row)] for row in rows])

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The held-out scene pictures."""
        return np.flatnonzero(self.pictures.scene_held)

    @cached_property
    def held(self) -> NDArray[np.float32]:
        """(n, dim) vectors of the held-out scene pictures."""
        return self.scenes(self.rows)

    @cached_property
    def kinds(self) -> NDArray[np.int64]:
        """(n,) kinds of the held-out scene pictures."""
        return self.pictures.scene_class[self.rows]

    @cached_property
    def names(self) -> NDArray[np.float32]:
        """(kinds, dim) vectors of the kinds' names."""
        return self.texts([scene_name(name) for name in self.pictures.classes])

    @cached_property
    def captions(self) -> list[list[str]]:
        """The captions of every scene picture."""
        return captions(self.training)


def texts(encoder: Encoder, words: list[str]) -> NDArray[np.float32]:
    """(n, dim) vectors of texts."""
    return encoder.encode([Interleaved([Text(word)]) for word in words])


def whole(encoder: Encoder, pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """(n, dim) vectors of whole square pictures of any size."""
    found = []
    for start in range(0, len(pictures), BATCH):
        chips = np.stack([resize(np.asarray(picture), SIDE, SIDE) for picture in pictures[start : start + BATCH]])
        found.append(encoder.encode_regions(chips, np.tile(WHOLE, (len(chips), 1, 1)))[:, 0])
    return np.concatenate(found)

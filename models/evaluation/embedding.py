"""Inputs to vectors: every input once, every picture read once for all its boxes, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ..encoder import Encoder
from ..interleaved import Box, Image, Interleaved, Part, Place, Text
from .forms import Input, Picture
from .pictures import UNREADABLE, Reader

WORDS = 64  # inputs without a picture in one call
LOOKS = 8  # pictures in one call of encode_regions, when they have one size
MIXED = 16  # inputs with a picture and more in one call of encode
BOXES = 64  # boxes of one picture in one call
PIXELS = 48 << 20  # bytes of pixels in one call, about

Progress = Callable[[str, int, int], None]  # what, done, of how many
Stopped = Callable[[], bool]


class Stop(Exception):
    """The user asked to stop."""


class Embedder:
    """Vectors of one encoder, kept for the whole run: an input that two tasks share is read once.

    A picture that cannot be read leaves its inputs without a vector. InputError, for a part that this encoder does not read,
    passes through: the whole way of asking has no answer then. Raises Stop between two batches when ``stopped`` says so.
    """

    def __init__(
        self, encoder: Encoder, reader: Reader, progress: Progress | None = None, stopped: Stopped | None = None
    ) -> None:
        self.encoder, self.reader = encoder, reader
        self.progress, self.stopped = progress, stopped
        self.failed: dict[Picture, str] = {}
        self._known: dict[Input, NDArray[np.float32]] = {}

    def vectors(self, inputs: Sequence[Input], what: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(n, dim) float32 and which of them there are (n); the rest are zero. Raises InputError, Stop."""
        self._learn(inputs, what)
        answer = np.zeros((len(inputs), self.encoder.card.dim), np.float32)
        there = np.zeros(len(inputs), bool)
        for number, item in enumerate(inputs):
            vector = self._known.get(item)
            if vector is not None:
                answer[number], there[number] = vector, True
        return answer, there

    def _learn(self, inputs: Iterable[Input], what: str) -> None:
        new = [item for item in dict.fromkeys(inputs) if item not in self._known and item.picture not in self.failed]
        words = [item for item in new if item.picture is None]
        seen = sorted((item for item in new if item.picture is not None), key=_by_picture)
        done, total = 0, len(new)
        for batch in _chunks(words, WORDS):
            self._between(what, done, total)
            self._encode(batch, [None] * len(batch))
            done += len(batch)
        plain = [item for item in seen if item.box and not (item.texts or item.place or item.instruction)]
        chosen = set(plain)
        for size, work, group in ((LOOKS, self._look, plain), (MIXED, self._mix, [item for item in seen if item not in chosen])):
            waiting: list[tuple[NDArray[np.uint8], list[Input]]] = []
            for pixels, members in self._read(group):
                if waiting and (_full(waiting, size, work == self._look) or _differs(waiting[-1], pixels, members)):
                    self._between(what, done, total)
                    work(waiting)
                    done += sum(len(each) for _, each in waiting)
                    waiting = []
                waiting.append((pixels, members))
            if waiting:
                self._between(what, done, total)
                work(waiting)
                done += sum(len(each) for _, each in waiting)
        if total and self.progress:
            self.progress(what, total, total)

    def _between(self, what: str, done: int, total: int) -> None:
        if self.stopped and self.stopped():
            raise Stop
        if self.progress:
            self.progress(what, done, total)

    def _read(self, group: Sequence[Input]) -> Iterator[tuple[NDArray[np.uint8], list[Input]]]:
        for picture, members in groupby(group, key=lambda item: item.picture):
            if picture is None:
                continue
            try:
                pixels = self.reader.read(picture)
            except UNREADABLE as problem:
                self.failed[picture] = str(problem)
                continue
            for part in _chunks(list(members), BOXES):
                yield pixels, list(part)

    def _look(self, waiting: list[tuple[NDArray[np.uint8], list[Input]]]) -> None:
        """Boxes and nothing else: one look at each picture."""
        most = max(len(members) for _, members in waiting)
        boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (len(waiting), most, 1))
        for row, (_, members) in enumerate(waiting):
            boxes[row, : len(members)] = [item.box for item in members]
        chips = np.stack([pixels for pixels, _ in waiting])
        vectors = self.encoder.encode_regions(chips, boxes, gsd=_gsd(waiting[0][1][0]))
        for row, (_, members) in enumerate(waiting):
            self._known.update(zip(members, np.asarray(vectors[row, : len(members)], np.float32), strict=True))

    def _mix(self, waiting: list[tuple[NDArray[np.uint8], list[Input]]]) -> None:
        items = [(item, pixels) for pixels, members in waiting for item in members]
        for part in _chunks(items, MIXED):
            self._encode([item for item, _ in part], [pixels for _, pixels in part])

    def _encode(self, batch: Sequence[Input], pixels: Sequence[NDArray[np.uint8] | None]) -> None:
        """One call for all ways to say each input; several ways become one unit vector."""
        asked, owners = [], []
        for number, (item, picture) in enumerate(zip(batch, pixels, strict=True)):
            for text in item.texts or (None,):
                asked.append(interleaved(item, picture, text))
                owners.append(number)
        made = np.asarray(self.encoder.encode(asked), np.float32)
        summed = np.zeros((len(batch), made.shape[1]), np.float32)
        np.add.at(summed, owners, made)
        for number, item in enumerate(batch):
            alone = owners.count(number) == 1
            self._known[item] = summed[number] if alone else unit(summed[number : number + 1])[0]


def interleaved(item: Input, pixels: NDArray[np.uint8] | None, text: str | None) -> Interleaved:
    """Image, box, text, place, in this order. Raises InputError for parts that no encoder reads."""
    parts: list[Part] = []
    if pixels is not None:
        parts.append(Image(pixels, gsd=item.picture.gsd if item.picture else None))
        if item.box:
            parts.append(Box(*item.box))
    if text is not None:
        parts.append(Text(text))
    if item.place:
        parts.append(Place(*item.place))
    return Interleaved(parts, item.instruction)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of unit length; rows of zeros stay."""
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)).astype(np.float32)


def _full(waiting: list[tuple[NDArray[np.uint8], list[Input]]], size: int, looks: bool) -> bool:
    count = len(waiting) if looks else sum(len(members) for _, members in waiting)
    return count >= size or waiting[0][0].nbytes * (len(waiting) + 1) > PIXELS


def _differs(last: tuple[NDArray[np.uint8], list[Input]], pixels: NDArray[np.uint8], members: list[Input]) -> bool:
    """True when a picture cannot share a call: another size, or another ground sample distance."""
    return last[0].shape != pixels.shape or _gsd(last[1][0]) != _gsd(members[0])


def _gsd(item: Input) -> float | None:
    return item.picture.gsd if item.picture else None


def _by_picture(item: Input) -> tuple[str, float, tuple[float, ...], int]:
    picture = item.picture or Picture("")
    return picture.path, picture.gsd or 0.0, picture.window or (), picture.side or 0


def _chunks(items: Sequence, size: int) -> Iterator[Sequence]:
    for start in range(0, len(items), size):
        yield items[start : start + size]

"""A small, real, deterministic encoder for tests: the colours and the roughness of a box, and words for colours.

It keeps the Encoder protocol, so tests of retrieval and of the engine do not depend on trained weights. Load it by its file.
"""

from __future__ import annotations

import numpy as np

from geoloupe.models.encoder import ModelCard
from geoloupe.models.interleaved import Box, Image, InputError, Interleaved, Place, Text

BINS = 4
DIM = 72  # 64 colours, 8 degrees of roughness
WORDS = {
    "blue": (50, 110, 200),
    "red": (180, 60, 50),
    "green": (60, 120, 60),
    "grey": (150, 150, 150),
    "white": (240, 240, 240),
    "black": (20, 20, 20),
}


def card(revision: str = "1", dim: int = DIM, chip_size: int = 64) -> ModelCard:
    return ModelCard(
        id="histogram",
        name="Histogram",
        family="test",
        revision=revision,
        sha256="0" * 64,
        dim=dim,
        chip_size=chip_size,
        gsd_range=(0.05, 100.0),
        bands=("red", "green", "blue"),
        region_method="histogram",
        licence="GPL-2.0-or-later",
        trained_on="nothing",
        files=(),
    )


class HistogramEncoder:
    """``device`` is always the CPU. ``looks`` counts the chips that went through it."""

    device, device_reason = "cpu", "a histogram needs no GPU"

    def __init__(self, revision: str = "1", chip_size: int = 64, delay: float = 0.0) -> None:
        self.card = card(revision, chip_size=chip_size)
        self.looks, self.delay = 0, delay

    def encode(self, inputs):
        return np.stack([self._one(each) for each in inputs])

    def _one(self, item: Interleaved):
        vector, image = np.zeros(DIM, dtype=np.float32), None
        for position, part in enumerate(item.parts):
            if isinstance(part, Image):
                image = part.pixels
                follows = item.parts[position + 1] if position + 1 < len(item.parts) else None
                if not isinstance(follows, Box):
                    vector += _describe(image)
            elif isinstance(part, Box):
                vector += _describe(_cut(image, (part.x0, part.y0, part.x1, part.y1)))
            elif isinstance(part, Text):
                vector += _words(part.text)
            elif isinstance(part, Place):
                raise InputError("The histogram encoder knows no places.")
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    def encode_regions(self, chips, boxes, gsd=None):
        if self.delay:
            import time

            time.sleep(self.delay)
        self.looks += len(chips)
        vectors = np.stack([[_describe(_cut(chip, box)) for box in rows] for chip, rows in zip(chips, boxes, strict=True)])
        return vectors.astype(np.float32)


def _cut(pixels, box):
    height, width = pixels.shape[:2]
    x0, y0 = int(box[0] * width), int(box[1] * height)
    x1, y1 = max(x0 + 1, int(np.ceil(box[2] * width))), max(y0 + 1, int(np.ceil(box[3] * height)))
    return pixels[y0:y1, x0:x1]


def _describe(pixels):
    codes = (pixels[..., :3].astype(np.int64) * BINS // 256) @ np.array([BINS * BINS, BINS, 1])
    colours = np.bincount(codes.ravel(), minlength=BINS**3).astype(np.float32)
    grey = pixels[..., :3].mean(axis=2)
    rough = np.zeros(8, dtype=np.float32)
    rough[min(7, int(grey.std() / 8))] = 0.2
    vector = np.concatenate([colours / max(float(np.linalg.norm(colours)), 1e-9), rough])
    return vector / np.linalg.norm(vector)


def _words(text):
    vector = np.zeros(DIM, dtype=np.float32)
    for word, colour in WORDS.items():
        if word in text.lower():
            code = (np.array(colour) * BINS // 256) @ np.array([BINS * BINS, BINS, 1])
            vector[int(code)] += 1
    if not vector.any():  # a word it does not know: a colour that nothing has
        vector[np.ravel_multi_index((3, 0, 3), (BINS,) * 3)] = 1
    return vector / np.linalg.norm(vector)

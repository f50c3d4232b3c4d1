"""What an encoder reads: an ordered mix of text, image, box and place, with an instruction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np
from numpy.typing import NDArray


class InputError(ValueError):
    """An input that no encoder can read; the message says what to change."""


@dataclass(frozen=True)
class Text:
    """Words in English, of any length; encoders say in their card where they stop reading."""

    text: str

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InputError("The text is empty: type what to look for.")


@dataclass(frozen=True)
class Image:
    """Pixels of one view from above.

    ``pixels`` is uint8, (height, width, bands), red green blue first, row 0 at the top. ``gsd`` is metres on the ground per
    pixel, or None when it is not known.
    """

    pixels: NDArray[np.uint8]
    gsd: float | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.dtype != np.uint8 or 0 in self.pixels.shape:
            raise InputError("An image must be uint8 of shape (height, width, bands), not empty.")
        if self.gsd is not None and not (math.isfinite(self.gsd) and self.gsd > 0):
            raise InputError("The ground sample distance must be a positive number of metres per pixel.")


@dataclass(frozen=True)
class Box:
    """A box on the image before it: left, top, right, bottom in 0..1 of its width and height, origin at the top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):
            raise InputError("A box needs 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, in fractions of the image.")


@dataclass(frozen=True)
class Place:
    """A point on the Earth, WGS 84 degrees, latitude first."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise InputError("A place needs a latitude in -90..90 and a longitude in -180..180 degrees.")


Part = Union[Text, Image, Box, Place]


@dataclass(frozen=True)
class Interleaved:
    """One input: its parts in order, and an instruction that says what to match. A box belongs to the image before it."""

    parts: Sequence[Part]
    instruction: str | None = None

    def __post_init__(self) -> None:
        if not self.parts:
            raise InputError("The input is empty: give a text, an image or a place.")
        seen_image = False
        for part in self.parts:
            if isinstance(part, Image):
                seen_image = True
            elif isinstance(part, Box) and not seen_image:
                raise InputError("A box needs an image before it.")

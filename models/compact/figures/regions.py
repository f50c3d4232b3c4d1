"""Boxes on pictures of any size, seen as the product sees them, by one or several readers at once.

A reader turns chips (n, side, side, 3) and boxes (n, regions, 4) in 0..1 into vectors (n, regions, dim). Boxes of a picture are
in its pixels: x0, y0, x1, y1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..augment import resize
from .given import BATCH, SIDE
from .measures import overlaps

SHARE = 79 / 224  # of a chip's side that a box takes
FINEST = 0.5  # pixels of the picture for one of the chip: seeing it magnified more shows nothing new
Reader = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """(height, width, 3) of any picture or raster of bytes; one band is grey."""
    if path.suffix.lower() in (".tif", ".tiff"):
        import rasterio

        with rasterio.open(path) as source:
            return np.ascontiguousarray(source.read([1, 2, 3] if source.count >= 3 else [1, 1, 1]).transpose(1, 2, 0))
    return np.asarray(Image.open(path).convert("RGB"))


def chip_of(pixels: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """A square of a picture at the size of a chip."""
    return resize(np.ascontiguousarray(pixels[top : top + side, left : left + side]), SIDE, SIDE)


def span_of(box: NDArray) -> float:
    """How many pixels of the picture a chip shows, so that the box takes SHARE of it."""
    return max(SIDE * FINEST, float(max(box[2:] - box[:2])) / SHARE)


def chip_around(pixels: NDArray[np.uint8], box: NDArray, span: float | None = None) -> tuple[NDArray[np.uint8], NDArray]:
    """A chip with a box in its middle, of ``span`` pixels of the picture or so that the box takes SHARE of it; the box in it."""
    height, width = pixels.shape[:2]
    side = round(min(span_of(box) if span is None else span, height, width))
    left, top = (round(min(max(float(low + high - side) / 2, 0), length - side))
                 for low, high, length in ((box[0], box[2], width), (box[1], box[3], height)))  # fmt: skip
    inside = np.clip((box - [left, top, left, top]) / side, 0, 1)
    return chip_of(pixels, left, top, side), inside.astype(np.float32)


def read_boxes(
    pixels: NDArray[np.uint8], boxes: NDArray, readers: Sequence[Reader], span: float | None = None
) -> list[NDArray[np.float32]]:
    """Each box on a chip of its own: (n, dim) vectors by each reader."""
    found: list[list[NDArray]] = [[] for _ in readers]
    for start in range(0, len(boxes), BATCH):
        seen = [chip_around(pixels, box, span) for box in boxes[start : start + BATCH]]
        chips, places = np.stack([chip for chip, _ in seen]), np.stack([place for _, place in seen])[:, None]
        for reader, parts in zip(readers, found, strict=True):
            parts.append(reader(chips, places)[:, 0])
    return [np.concatenate(parts) for parts in found]


def read_grid(
    pixels: NDArray[np.uint8], region: int, readers: Sequence[Reader]
) -> tuple[NDArray[np.int64], list[NDArray[np.float32]]]:
    """Square regions on a grid of half overlap, read on chips four regions wide: boxes (n, 4), (n, dim) vectors by each reader.

    Chips begin every three regions; a region that several chips hold is read on the one whose middle is nearest.
    """
    height, width = pixels.shape[:2]
    side, step = 4 * region, region // 2
    lefts, tops = (np.arange(0, length - region + 1, step) for length in (width, height))
    columns, rows = (np.unique(np.append(np.arange(0, max(1, length - side), 3 * region), max(0, length - side)))
                     for length in (width, height))  # fmt: skip
    owners: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for top in tops:
        for left in lefts:
            owner = (nearest(rows, int(top), region, side), nearest(columns, int(left), region, side))
            owners.setdefault(owner, []).append((int(left), int(top)))
    boxes, found = [], [[] for _ in readers]  # type: ignore[var-annotated]
    for (top, left), corners in owners.items():
        part = np.ascontiguousarray(pixels[top : top + side, left : left + side])
        if part.shape[:2] != (side, side):
            part = np.pad(part, ((0, side - part.shape[0]), (0, side - part.shape[1]), (0, 0)))
        own = np.array([[x, y, x + region, y + region] for x, y in corners])
        places = ((own - [left, top, left, top]) / side).astype(np.float32)
        for reader, parts in zip(readers, found, strict=True):
            parts.append(reader(resize(part, SIDE, SIDE)[None], places[None])[0])
        boxes.append(own)
    return np.concatenate(boxes), [np.concatenate(parts) for parts in found]


def nearest(starts: NDArray, at: int, region: int, side: int) -> int:
    """Where the chip begins that holds a region whole and has it nearest to its middle."""
    holds = starts[(starts <= at) & (starts + side >= at + region)]
    return int(holds[np.abs(2 * holds + side - 2 * at - region).argmin()])


def background(boxes: NDArray, shape: Sequence[int], times: int = 5, seed: int = 0) -> NDArray[np.float64]:
    """Random boxes of the same sizes that meet none of the boxes, ``times`` as many or as many as there is room for."""
    rng = np.random.default_rng(seed)
    height, width = shape[:2]
    found: list[NDArray] = []
    for _ in range(50 * times * len(boxes)):
        if len(found) == times * len(boxes):
            break
        like = boxes[rng.integers(len(boxes))]
        size = np.minimum(like[2:] - like[:2], [width, height])
        corner = rng.uniform([0, 0], [width - size[0], height - size[1]])
        box = np.concatenate([corner, corner + size])
        if not overlaps(box[None], boxes).any():
            found.append(box)
    return np.array(found).reshape(-1, 4)


def read_among(
    pixels: NDArray[np.uint8],
    boxes: NDArray,
    every: NDArray,
    readers: Sequence[Reader],
    rng: np.random.Generator,
    others: int = 15,
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[NDArray[np.float32]]]:
    """Each box somewhere on a chip, among boxes of its size on the same chip that meet none of ``every``.

    -> boxes (n, 4), which of ``boxes`` each is (-1: none of them), and (n, dim) vectors by each reader. The box is not in the
    middle, or its place would give it away.
    """
    height, width = pixels.shape[:2]
    where, which, found = [], [], [[] for _ in readers]  # type: ignore[var-annotated]
    for number, box in enumerate(boxes):
        side = round(min(span_of(box), height, width))
        size = np.minimum(box[2:] - box[:2], side)
        low = np.maximum(np.ceil(box[:2] + size - side), 0)
        high = np.minimum(np.floor(box[:2]), [width - side, height - side])
        left, top = (int(value) for value in rng.uniform(np.minimum(low, high), high))
        corners = rng.uniform([left, top], [left + side - size[0], top + side - size[1]], (4 * others, 2))
        tried = np.concatenate([corners, corners + size], 1)
        near = np.concatenate([box[None], tried[~overlaps(tried, every).any(1)][:others]])
        places = np.clip((near - [left, top, left, top]) / side, 0, 1).astype(np.float32)
        chip = chip_of(pixels, left, top, side)
        for reader, parts in zip(readers, found, strict=True):
            parts.append(reader(chip[None], places[None])[0])
        where.append(near)
        which.append(np.where(np.arange(len(near)) == 0, number, -1))
    return np.concatenate(where), np.concatenate(which), [np.concatenate(parts) for parts in found]

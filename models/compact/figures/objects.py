"""Cells of held-out frames and tiles with and without trees or cars, by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scenes import Chip, SceneMaker
from .given import SIDE, Given
from .measures import average_precision
from .rows import Asked, Found, Row

COUNT = 60  # chips of each


def region_vectors(given: Given, chip: Chip) -> NDArray[np.float32]:
    """(regions, dim) of one chip."""
    if not chip.regions:
        return np.zeros((0, given.encoder.card.dim), np.float32)
    return given.encoder.encode_regions(chip.pixels[None], np.array([[region.box for region in chip.regions]], np.float32))[0]


def measure(given: Given) -> Found:
    """Average precision of "a tree" and "a car" over balanced cells."""
    maker = SceneMaker(given.pictures, np.random.default_rng(11), held=True)
    gathered: dict[str, list[tuple[NDArray, NDArray]]] = {"a tree": [], "a car": []}
    for _ in range(20 * COUNT):
        chip = maker.objects(SIDE)
        if chip.noun in gathered and len(gathered[chip.noun]) < COUNT:
            gathered[chip.noun].append((region_vectors(given, chip), np.array([region.item for region in chip.regions])))
        if min(len(rows) for rows in gathered.values()) == COUNT:
            break
    found = Found()
    before = {"a tree": ".949", "a car": ".860"}
    for noun, rows in gathered.items():
        if rows:
            vectors, labels = np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows]) == 1
            scores = vectors @ given.texts([noun])[0]
            found.rows.append(Row("objects", f"cells of held-out pictures, AP of “{noun}”", average_precision(scores, labels),
                                  len(labels), float(labels.mean()), None, before[noun]))  # fmt: skip
            found.asked.append(Asked("object words", scores, labels))
    return found

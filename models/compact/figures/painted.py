"""Painted scenes made of held-out pictures: their things' colours by name, and the things as a pool to search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..pairs import PairMaker
from ..prompts import COLOUR_NAMES, KINDS
from ..scenes import ITEM, Chip
from .given import SIDE, Given
from .measures import ranks
from .objects import region_vectors
from .rows import Asked, Found, Row

COUNT = 80  # pairs of views


@dataclass
class Things:
    """Drawn, repainted and real things of pairs of views: their chips, vectors (n, dim), kinds, colours (-1: unknown), pairs."""

    chips: list[Chip]
    vectors: NDArray[np.float32]
    kind: NDArray[np.int64]
    colour: NDArray[np.int64]
    pair: NDArray[np.int64]
    where: list[tuple[int, int]]  # chip and region of each

    @cached_property
    def coloured(self) -> NDArray[np.int64]:
        """Those whose colour is known."""
        return np.flatnonzero(self.colour >= 0)


def things(given: Given, count: int = COUNT, seed: int = 12) -> Things:
    """The things of so many pairs."""
    maker = PairMaker(given.pictures, np.random.default_rng(seed), held=True)
    chips = [chip for _ in range(count) for chip in maker.pair(SIDE).chips]
    where, vectors = [], []
    for number, chip in enumerate(chips):
        found = region_vectors(given, chip)
        kept = [place for place, region in enumerate(chip.regions) if region.role == ITEM]
        where += [(number, place) for place in kept]
        vectors.append(found[kept])
    regions = [chips[number].regions[place] for number, place in where]
    kind, colour = (np.array([getattr(region, name) for region in regions]) for name in ("kind", "colour"))
    return Things(chips, np.concatenate(vectors), kind, colour, np.array([number // 2 for number, _ in where]), where)


def said(kind: int, colour: int) -> str:
    """A thing of a colour in words."""
    return f"{COLOUR_NAMES[colour]} {KINDS[kind]}"


def measure(given: Given) -> Found:
    """The colour of painted things by name, among all colours of the same kind of thing."""
    pool = things(given)
    colours = len(COLOUR_NAMES)
    names = given.texts([said(kind, colour) for kind in range(len(KINDS)) for colour in range(colours)])
    names = names.reshape(len(KINDS), colours, -1)
    known = pool.coloured
    scores = np.einsum("nd,ncd->nc", pool.vectors[known], names[pool.kind[known]])
    hit = ranks(scores, pool.colour[known]) == 0
    by_colour = {name: {"p1": float(hit[pool.colour[known] == number].mean()), "n": int((pool.colour[known] == number).sum())}
                 for number, name in enumerate(COLOUR_NAMES) if (pool.colour[known] == number).any()}  # fmt: skip
    return Found(
        [Row("painted", f"colour of painted things by name, of {colours}, P@1", float(hit.mean()), len(known), 1 / colours, None,
             ".884 (10 colours)")],
        {"by_colour": by_colour}, [Asked("colour words", scores, pool.colour[known][:, None] == np.arange(colours))],
    )  # fmt: skip

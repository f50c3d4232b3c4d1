"""A box with words that change it: the target has the kind of the box and the attribute of the words.

For each query as many targets, things that share only the kind, and things that share only the attribute are drawn (as many as
the scarcest of them has, at most MOST; fewer than LEAST: no query). So chance is a third. Painted: a thing of one colour and
the word of another colour; nothing of the query's own pair of views is found. Scenes: one cell of four of a mosaic and "with" a
noun (alone: the noun) that no caption of it says; a picture has the noun when two captions say it and lacks it when none does;
the query's pictures are not found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ... import Box, Image, Interleaved, Text
from ..prompts import COLOUR_NAMES, NOUN_PATTERNS
from .given import Given
from .measures import mean, precision_at, unit
from .mosaics import cells, mosaic
from .painted import things
from .rows import Found, Row

LEAST, MOST = 3, 20
QUERIES = 100  # of each sort
SAID = 2  # captions that say a noun, for the picture to have it


def draw(own: Sequence[NDArray[np.int64]], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """Targets, sharers of the kind, sharers of the attribute -> as many of each, and which are targets; None when too few."""
    count = min(MOST, *(len(part) for part in own))
    if count < LEAST:
        return None
    pool = np.concatenate([rng.permutation(part)[:count] for part in own])
    return pool, np.arange(len(pool)) < count


class Tally:
    """P@10 of the ways to ask, query by query; among many, nearest to a tie goes to the distractor."""

    def __init__(self) -> None:
        self.ways: dict[str, list[float]] = {}

    def add(self, pool: NDArray[np.float32], truth: NDArray[np.bool_], both: NDArray, box: NDArray, text: NDArray) -> None:
        """(n, dim) candidates, which are right, and the vectors of one query."""
        ways = {"box and words": both, "box alone": box, "words alone": text, "average of the two": unit(unit(box) + unit(text))}
        for way, vector in ways.items():
            self.ways.setdefault(way, []).append(precision_at(pool @ vector, truth))

    def rows(self, what: str) -> list[Row]:
        """The row of box and words, whose goals follow from the others, and theirs."""
        if not self.ways:
            return [Row("composition", f"{what}: box and words", None, 0, 1 / 3, note="Too few pictures share what is asked.")]
        means = {way: mean(values) for way, values in self.ways.items()}
        n = len(self.ways["box alone"])
        better = max(means["box alone"], means["words alone"])
        goal = max(1 - (1 - better) / 2, means["average of the two"])
        note = "Goal: half the error of the better of box and words alone, and no less than their average."
        found = [Row("composition", f"{what}: box and words, P@10", means["box and words"], n, 1 / 3, goal, "not tried", note)]
        return found + [Row("composition", f"{what}: {way}, P@10", means[way], n, 1 / 3)
                        for way in ("box alone", "words alone", "average of the two")]  # fmt: skip


def painted(given: Given) -> list[Row]:
    """Painted things in another colour."""
    rng = np.random.default_rng(21)
    pool = things(given, seed=22)
    words = given.texts(list(COLOUR_NAMES))
    tally = Tally()
    for own in rng.permutation(pool.coloured):
        away = (pool.pair != pool.pair[own]) & (pool.colour >= 0)
        alike = pool.kind == pool.kind[own]
        colours = [colour for colour in range(len(COLOUR_NAMES)) if colour != pool.colour[own]]
        for colour in rng.permutation(colours):
            such = pool.colour == colour
            drawn = draw([np.flatnonzero(away & part) for part in (alike & such, alike & ~such, ~alike & such)], rng)
            if drawn is None:
                continue
            number, place = pool.where[own]
            chip = pool.chips[number]
            box = Box(*(float(edge) for edge in chip.regions[place].box))
            both = given.encoder.encode([Interleaved([Image(chip.pixels), box, Text(COLOUR_NAMES[colour])])])[0]
            tally.add(pool.vectors[drawn[0]], drawn[1], both, pool.vectors[own], words[colour])
            break
        if len(tally.ways.get("box alone", ())) == QUERIES:
            break
    return tally.rows("another colour, painted things")


def scenes(given: Given) -> list[Row]:
    """Scenes of the same kind, with something more in them."""
    rng = np.random.default_rng(23)
    nouns = list(NOUN_PATTERNS)
    counts = np.array([[sum(bool(pattern.search(text)) for text in given.captions[row]) for pattern in NOUN_PATTERNS.values()]
                       for row in given.rows])  # fmt: skip
    has, lacks = counts >= SAID, counts == 0
    words = given.texts(nouns)
    tally = Tally()
    for own in rng.permutation(len(given.rows)):
        alike = given.kinds == given.kinds[own]
        others = rng.permutation(np.flatnonzero(~alike))[:3]
        away = ~np.isin(np.arange(len(given.rows)), [own, *others])
        for noun in rng.permutation(np.flatnonzero(lacks[own])):
            parts = (alike & has[:, noun], alike & lacks[:, noun], ~alike & has[:, noun])
            drawn = draw([np.flatnonzero(away & part) for part in parts], rng)
            if drawn is None:
                continue
            place = int(rng.integers(4))
            rows = [int(given.rows[row]) for row in np.insert(others, place, own)]
            chip, boxes = mosaic(given.pictures, rows), cells(2)
            box = Box(*(float(edge) for edge in boxes[place]))
            both, alone = given.encoder.encode([
                Interleaved([Image(chip), box, Text(f"with {nouns[noun]}")]), Interleaved([Image(chip), box]),
            ])  # fmt: skip
            tally.add(given.held[drawn[0]], drawn[1], both, alone, words[noun])
            break
        if len(tally.ways.get("box alone", ())) == QUERIES:
            break
    return tally.rows("with something more, scenes")


def measure(given: Given) -> Found:
    """Both sorts of queries."""
    return Found([*painted(given), *scenes(given)])

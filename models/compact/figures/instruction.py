"""The same box under two instructions, each judged by the truth of both.

Mosaics: a chip has one scene in its middle third and eight scenes of another kind around it. Candidates are the middles and the
wholes of all the other chips. The kind of the box's thing: a middle of the same kind. Its surroundings: a whole chip whose ring
is of the kind that lies around the box. What could be claimed by both or is neither is left out: chips alike in both, middles
that show what lies around the box, wholes whose ring shows what is in the box.

Painted: two views of scenes with painted things. Candidates are the things and the boxes around them in all the other views. Its
kind: things of the same kind. Its surroundings: the box around the same thing in the other view, one in all, so P@10 is P@1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ... import Box, Image, Interleaved
from ...instructions import KIND, SURROUNDINGS
from ..pairs import PairMaker
from ..scenes import AROUND, ITEM
from .given import SIDE, WHOLE, Given
from .measures import mean, precision_at
from .mosaics import cells, mosaic
from .objects import region_vectors
from .rows import Found, Row

SCENES = 9  # kinds, each in the middle of each other
MIDDLE = 4  # of nine cells
PAIRS, QUERIES = 60, 100  # of painted things
Table = dict[str, dict[str, float]]
ASKED = {"no instruction": None, "its kind": KIND, "its surroundings": SURROUNDINGS}


def mosaics(given: Given) -> tuple[list[Row], Table]:
    """P@10 of scenes within scenes."""
    rng = np.random.default_rng(31)
    at_hand = [kind for kind in range(len(given.pictures.classes)) if (given.kinds == kind).sum() >= MIDDLE]
    kinds = rng.permutation(at_hand)[:SCENES]
    pairs = np.array([(inside, around) for inside in kinds for around in kinds if inside != around for _ in range(2)])
    chips = []
    for inside, around in pairs:
        rows = [int(rng.choice(given.rows[given.kinds == (inside if cell == MIDDLE else around)])) for cell in range(9)]
        chips.append(mosaic(given.pictures, rows))
    boxes = np.stack([cells(3)[MIDDLE], WHOLE])
    vectors = given.encoder.encode_regions(np.stack(chips), np.tile(boxes, (len(chips), 1, 1)))
    box = Box(*(float(edge) for edge in boxes[0]))
    asked = np.arange(0, len(chips), 2)
    table: Table = {}
    shares: list[tuple[float, float]] = []
    for name, instruction in ASKED.items():
        queries = given.encoder.encode([Interleaved([Image(chips[row]), box], instruction) for row in asked])
        found: list[tuple[float, float]] = []
        for row, query in zip(asked, queries, strict=True):
            inside, around = pairs[row]
            alike, ring = pairs[:, 0] == inside, pairs[:, 1] == around
            allowed = np.stack([pairs[:, 0] != around, pairs[:, 1] != inside], 1) & ~(alike & ring)[:, None]
            allowed[row] = False
            kind, near = np.zeros_like(allowed), np.zeros_like(allowed)
            kind[:, 0], near[:, 1] = alike, ring
            scores = vectors @ query
            found.append((precision_at(scores[allowed], kind[allowed]), precision_at(scores[allowed], near[allowed])))
            shares.append((float(kind[allowed].mean()), float(near[allowed].mean())))
        table[name] = {"by kind": mean([one for one, _ in found]), "by surroundings": mean([other for _, other in found])}
    return rows_of("mosaics", table, np.mean(shares, 0), len(asked)), table


def painted(given: Given) -> tuple[list[Row], Table]:
    """P@10 by kind and P@1 by surroundings of painted things."""
    maker = PairMaker(given.pictures, np.random.default_rng(32), held=True)
    chips = [chip for _ in range(PAIRS) for chip in maker.pair(SIDE).chips]
    vectors = np.concatenate([region_vectors(given, chip) for chip in chips])
    facts = [(number, region) for number, chip in enumerate(chips) for region in chip.regions]
    chip_of, role, kind, item = (np.array(values) for values in zip(
        *((number, region.role, region.kind, region.item) for number, region in facts), strict=True))  # fmt: skip
    asked = []
    for row in np.flatnonzero(role == ITEM):
        near = (chip_of == chip_of[row] + (-1 if chip_of[row] % 2 else 1)) & (role == AROUND) & (item == item[row])
        if near.any():
            asked.append((row, near))
    asked = [asked[number] for number in np.random.default_rng(33).permutation(len(asked))[:QUERIES]]
    table: Table = {}
    shares: list[tuple[float, float]] = []
    for name, instruction in ASKED.items():
        queries = given.encoder.encode([
            Interleaved([Image(chips[chip_of[row]].pixels), Box(*(float(edge) for edge in facts[row][1].box))], instruction)
            for row, _ in asked
        ])  # fmt: skip
        found: list[tuple[float, float]] = []
        for (row, near), query in zip(asked, queries, strict=True):
            allowed = np.isin(role, (ITEM, AROUND)) & (chip_of != chip_of[row])
            alike, near = ((role == ITEM) & (kind == kind[row]))[allowed], near[allowed]
            scores = vectors[allowed] @ query
            found.append((precision_at(scores, alike), precision_at(scores, near)))
            shares.append((float(alike.mean()), float(near.mean())))
        table[name] = {"by kind": mean([one for one, _ in found]), "by surroundings": mean([other for _, other in found])}
    return rows_of("painted things", table, np.mean(shares, 0), len(asked)), table


def rows_of(what: str, table: Table, chances: NDArray, n: int) -> list[Row]:
    """The table of both instructions and none by both truths, and how many times better each is at its own."""
    rows = [Row("instruction", f"{what}, same box, “{name}”, judged {truth}, P@10", table[name][truth], n, float(chance))
            for name in ASKED for truth, chance in zip(("by kind", "by surroundings"), chances, strict=True)]  # fmt: skip
    pairs = (("its kind", "its surroundings", "by kind"), ("its surroundings", "its kind", "by surroundings"))
    for (own, other, truth), chance in zip(pairs, chances, strict=True):
        ratio = table[own][truth] / max(table[other][truth], float(chance))
        rows.append(Row("instruction", f"{what}, “{own}” over “{other}”, judged {truth}, ratio of P@10", ratio, n, 1.0, 1.3,
                        "not tried", "The divisor is no less than chance."))  # fmt: skip
    return rows


def measure(given: Given) -> Found:
    """Both sorts of boxes."""
    rows, table = mosaics(given)
    more, other = painted(given)
    return Found([*rows, *more], {"mosaics": table, "painted": other})

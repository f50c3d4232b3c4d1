"""Figures on the held-out tenth of the training pictures, through the shipped encoder.

    python models validate --run DIR [--data ../shared/training] [--encoder compact]

Prints JSON; every figure has its number of cases and, where it has one, its chance.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import Box, Encoder, Image, Interleaved, Text, load_encoder
from ..instructions import KIND, SURROUNDINGS
from .augment import resize
from .images import Pictures
from .pairs import PairMaker
from .prompts import COLOUR_NAMES, KINDS, scene_name
from .scenes import AROUND, ITEM, Chip, SceneMaker
from .text_data import captions

SIDE = 224


def texts(encoder: Encoder, words: list[str]) -> NDArray[np.float32]:
    """(n, dim) vectors of texts."""
    return encoder.encode([Interleaved([Text(word)]) for word in words])


def average_precision(scores: NDArray, truth: NDArray) -> float:
    """Area under precision and recall, by rank."""
    ordered = truth[np.argsort(-scores, kind="stable")].astype(bool)
    return float((np.cumsum(ordered) / np.arange(1, len(ordered) + 1))[ordered].mean())


def scenes(encoder: Encoder, pictures: Pictures, training: Path) -> dict[str, Any]:
    """Whole held-out scenes: named among all kinds, found by another of their kind, found by their captions."""
    rows = np.flatnonzero(pictures.scene_held)
    chips = np.stack([resize(pictures.scenes[row], SIDE, SIDE) for row in rows])
    vectors = encoder.encode_regions(chips, np.tile(np.array([0, 0, 1, 1], np.float32), (len(rows), 1, 1)))[:, 0]
    kinds = pictures.scene_class[rows]
    names = texts(encoder, [scene_name(name) for name in pictures.classes])
    same = vectors @ vectors.T
    np.fill_diagonal(same, -2)
    nearest = np.argsort(-same, 1)[:, :10]
    spoken = texts(encoder, [captions(training)[row][0] for row in rows])
    scores = spoken @ vectors.T
    rank = (scores > np.diag(scores)[:, None]).sum(1)
    return {
        "n": len(rows), "kinds": len(names), "chance": round(1 / len(names), 3),
        "p1_by_name": round(float(((vectors @ names.T).argmax(1) == kinds).mean()), 3),
        "same_kind_p10": round(float((kinds[nearest] == kinds[:, None]).mean()), 3),
        "caption_r1": round(float((rank < 1).mean()), 3), "caption_r10": round(float((rank < 10).mean()), 3),
    }  # fmt: skip


def mosaics(encoder: Encoder, pictures: Pictures, training: Path, count: int = 100) -> dict[str, Any]:
    """Nine different kinds in one 224 pixel chip: each box among the nine names, each name among the nine boxes; captions too."""
    rng = np.random.default_rng(7)
    names = texts(encoder, [scene_name(name) for name in pictures.classes])
    spoken = captions(training)
    right = np.zeros(4)
    cells = np.array([[x / 3, y / 3, (x + 1) / 3, (y + 1) / 3] for y in range(3) for x in range(3)], np.float32)
    edges = np.linspace(0, SIDE, 4).round().astype(int)
    for _ in range(count):
        kinds = rng.permutation(len(pictures.classes))[:9]
        rows = [int(rng.choice(np.flatnonzero(pictures.scene_held & (pictures.scene_class == kind)))) for kind in kinds]
        chip = np.zeros((SIDE, SIDE, 3), np.uint8)
        for number, row in enumerate(rows):
            y, x = divmod(number, 3)
            width, height = edges[x + 1] - edges[x], edges[y + 1] - edges[y]
            chip[edges[y] : edges[y + 1], edges[x] : edges[x + 1]] = resize(pictures.scenes[row], width, height)
        vectors = encoder.encode_regions(chip[None], cells[None])[0]
        said = texts(encoder, [spoken[row][0] for row in rows])
        for place, other in ((0, names[kinds]), (2, said)):
            scores = vectors @ other.T
            right[place] += (scores.argmax(1) == np.arange(9)).sum()
            right[place + 1] += (scores.argmax(0) == np.arange(9)).sum()
    shares = [round(float(value), 3) for value in right / (9 * count)]
    return dict(zip(("box_to_kind", "kind_to_box", "box_to_caption", "caption_to_box"), shares, strict=False)) | {
        "n": 9 * count,
        "chance": 0.111,
    }


def objects(encoder: Encoder, maker: SceneMaker, count: int = 120) -> dict[str, Any]:
    """Cells with and without trees or cars."""
    found: dict[str, Any] = {}
    gathered: dict[str, list[tuple[NDArray, NDArray]]] = {"a tree": [], "a car": []}
    while min(len(rows) for rows in gathered.values()) < count:
        chip = maker.objects(SIDE)
        if chip.noun and len(gathered[chip.noun]) < count:
            gathered[chip.noun].append((region_vectors(encoder, chip), np.array([region.item for region in chip.regions])))
    for noun, rows in gathered.items():
        vectors, labels = np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows])
        text = average_precision(vectors @ texts(encoder, [noun])[0], labels)
        found[noun] = {"n": len(labels), "chance": round(float(labels.mean()), 3), "text_ap": round(text, 3)}
    return found


def region_vectors(encoder: Encoder, chip: Chip) -> NDArray[np.float32]:
    """(regions, dim) of one chip."""
    boxes = np.array([region.box for region in chip.regions], np.float32)
    return encoder.encode_regions(chip.pixels[None], boxes[None])[0]


def painted(encoder: Encoder, maker: PairMaker, count: int = 60) -> dict[str, Any]:
    """Painted things of held-out scenes: their colour by name, and boxes with words or an instruction."""
    names = texts(encoder, [f"{colour} {'area' if kind == 'area' else kind}" for kind in KINDS for colour in COLOUR_NAMES])
    chips: list[Chip] = []
    pairs = []
    for _ in range(count):
        pair = maker.pair(SIDE)
        pairs.append((len(chips), pair.queries))
        chips += pair.chips
    vectors = [region_vectors(encoder, chip) if chip.regions else np.zeros((0, names.shape[1]), np.float32) for chip in chips]
    every = np.concatenate(vectors)
    regions = [region for chip in chips for region in chip.regions]
    kind, colour, view, role = (
        np.array([getattr(region, name) for region in regions]) for name in ("kind", "colour", "view", "role")
    )
    first = np.concatenate([[0], np.cumsum([len(chip.regions) for chip in chips])])
    coloured = np.flatnonzero((role == ITEM) & (colour >= 0))
    right = [(names[kind[n] * len(COLOUR_NAMES) :][: len(COLOUR_NAMES)] @ every[n]).argmax() == colour[n] for n in coloured]
    found: dict[str, Any] = {
        "colour_by_name": {"n": len(coloured), "chance": round(1 / len(COLOUR_NAMES), 3), "p1": round(float(np.mean(right)), 3)}
    }
    results: dict[str, list[tuple[float, ...]]] = {"edit": [], "kind": [], "around": []}
    for start, queries in pairs:
        for query in queries:
            chip = chips[start + query.chip]
            box = Box(*(float(edge) for edge in chip.regions[query.region].box))
            own = first[start + query.chip] + query.region
            words = [Text(f"but {COLOUR_NAMES[query.colour]}")] if query.rule == "edit" else []
            instruction = {"edit": None, "kind": KIND, "around": SURROUNDINGS}[query.rule]
            asked = encoder.encode([Interleaved([Image(chip.pixels), box, *words], instruction)])[0]
            if query.rule == "around":
                truth, allowed = (view == query.view) & (role == AROUND), np.isin(role, (AROUND, ITEM))
                shown = np.zeros(len(role), bool)
                shown[first[start + query.chip] : first[start + query.chip + 1]] = True
                truth, allowed = truth & ~shown, allowed & ~shown
            else:
                truth = (role == ITEM) & (kind == query.kind) & ((colour == query.colour) if query.rule == "edit" else True)
                allowed = role == ITEM
            allowed[own] = False
            if truth[allowed].any():
                scores = [average_precision(every[allowed] @ vector, truth[allowed]) for vector in (asked, every[own])]
                results[query.rule].append((*scores, float(truth[allowed].mean())))
    for rule, rows in results.items():
        if rows:
            means = np.mean(rows, 0)
            found[rule] = {
                "n": len(rows),
                "chance": round(float(means[2]), 3),
                "ap": round(float(means[0]), 3),
                "ap_box_alone": round(float(means[1]), 3),
            }
    return found


def all_figures(encoder: Encoder, cache: Path, training: Path) -> dict[str, Any]:
    """Everything above."""
    pictures = Pictures(cache)
    maker = SceneMaker(pictures, np.random.default_rng(11), held=True)
    pairs = PairMaker(pictures, np.random.default_rng(12), held=True)
    return {
        "scenes": scenes(encoder, pictures, training), "mosaic9": mosaics(encoder, pictures, training),
        "objects": objects(encoder, maker), "painted": painted(encoder, pairs),
    }  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Validate the compact encoder.")
    parser.add_argument("--run", type=Path, required=True, help="the folder of a training run, for its cache")
    parser.add_argument("--data", type=Path, default=Path("../shared/training"))
    parser.add_argument("--encoder", default="compact")
    given = parser.parse_args()
    figures = all_figures(load_encoder(given.encoder, "cpu"), given.run / "cache", given.data)
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")

"""Data sets that training never saw: a folder with facts.json, {"kind": "scenes" | "boxes", "items": [...]}.

Scenes have "file" and "label"; pictures with boxes have "file" and "boxes", [label, x0, y0, x1, y1] in pixels. Scenes are named
among the labels of their set. Boxes stand among those of other labels and among fifteen boxes of their own size on the same chip
that meet nothing labelled; scores are gathered over the whole set, and what meets a query's box is never its answer.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....plugin.errors import GeoLoupeError
from .baseline import apart
from .given import SIDE, Given, whole
from .imagery import NONE, beside, kinds_of, readers
from .measures import average_precision, first_right, mean, overlaps
from .regions import read_among, read_pixels
from .rows import Found, Row

PICTURES = 400  # scenes of a set, drawn evenly over the labels
BOXES, OF_A_PICTURE = 60, 6  # of a label
QUERIES = 40  # of a label


def measure(given: Given) -> Found:
    """Every extra set."""
    found = Found()
    small: list[tuple[dict[str, float], int]] = []
    for folder in given.extra:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        if facts.get("kind") not in ("scenes", "boxes"):
            raise GeoLoupeError("usage", f"In {folder / 'facts.json'} “kind” must be “scenes” or “boxes”.")
        part = scenes(given, folder, facts) if facts["kind"] == "scenes" else boxes(given, folder, facts, small)
        found.rows += part.rows
        found.details |= part.details
    if len(small) > 1:
        over = {name: mean([maps[name] for maps, _ in small]) for name in small[0][0]}
        found.rows += [*against(f"mean of {len(small)} sets", over, sum(n for _, n in small), "extra --extra ...")]
    if not given.extra:
        what = "scene kinds of a data set never seen, by name, P@1"
        found.rows.append(Row("extra", what, None, 0, None, 0.82, ".676", "No data set was given (--extra)."))
    return found


def scenes(given: Given, folder: Path, facts: dict[str, Any]) -> Found:
    """P@1 by the labels' own names."""
    rng = np.random.default_rng(51)
    labels = sorted({item["label"] for item in facts["items"]})
    each = max(1, PICTURES // len(labels))
    chosen = []
    for label in labels:
        own = [item for item in facts["items"] if item["label"] == label]
        chosen += [own[number] for number in rng.permutation(len(own))[:each]]
    kinds = np.array([labels.index(item["label"]) for item in chosen])
    vectors = whole(given.encoder, [square(read_pixels(folder / item["file"])) for item in chosen])
    scores = vectors @ given.texts(labels).T
    by_label = {label: first_right(scores[kinds == number], kinds[kinds == number]) for number, label in enumerate(labels)}
    row = Row(f"extra --extra {folder}", f"{len(labels)} scene kinds of a data set never seen ({folder.name}), by name, P@1",
              first_right(scores, kinds), len(chosen), 1 / len(labels), 0.82, ".676 of 7")  # fmt: skip
    return Found([row], {folder.name: by_label})


def square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle of a picture, no smaller than a chip where it is as large."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side]) if side else np.zeros((SIDE, SIDE, 3), np.uint8)


def boxes(given: Given, folder: Path, facts: dict[str, Any], small: list[tuple[dict[str, float], int]]) -> Found:
    """Small objects by name and by box, beside the ImageNet features; their figures are added to ``small``."""
    rng = np.random.default_rng(52)
    both = readers(given)
    taken: Counter[str] = Counter()
    gathered: list[tuple[int, NDArray, NDArray, NDArray, NDArray]] = []
    for number in rng.permutation(len(facts["items"])):
        item = facts["items"][number]
        every = np.array([edges[1:] for edges in item["boxes"]], float).reshape(-1, 4)
        here: Counter[str] = Counter()
        kept = []
        for place in rng.permutation(len(every)):
            label = item["boxes"][place][0]
            if taken[label] < BOXES and here[label] < OF_A_PICTURE:
                taken[label] += 1
                here[label] += 1
                kept.append(int(place))
        if not kept:
            continue
        own, which, (vectors, other) = read_among(read_pixels(folder / item["file"]), every[kept], every, both, rng)
        labels = np.array([item["boxes"][kept[place]][0] if place >= 0 else NONE for place in which])
        gathered.append((int(number), own, labels, vectors, other))
    picture = np.concatenate([np.full(len(part[1]), part[0]) for part in gathered])
    where, labels, vectors, other = (np.concatenate([part[place] for part in gathered]) for place in (1, 2, 3, 4))
    apart_ = ~(overlaps(where) & (picture[:, None] == picture))
    ways = {"encoder": vectors, **apart(other)}
    kinds = kinds_of(labels)
    names = dict(zip(kinds, given.texts(kinds), strict=True))
    table: dict[str, dict[str, float]] = {}
    for label in kinds:
        truth = labels == label
        asked = rng.permutation(np.flatnonzero(truth))[:QUERIES]
        table[label] = {"name": average_precision(vectors @ names[label], truth), "n": int(truth.sum()),
                        "chance": float(truth.mean())}  # fmt: skip
        for way, pool in ways.items():
            table[label][way] = mean([average_precision(pool @ pool[row], truth, apart_[row]) for row in asked])
    maps = {name: mean([one[name] for one in table.values()]) for name in ("name", "chance", *ways)}
    small.append((maps, len(labels)))
    named = f"{folder.name}, {len(kinds)} kind{'s' if len(kinds) > 1 else ''}"
    return Found(against(named, maps, len(labels), f"extra --extra {folder}"), {folder.name: table})


def against(what: str, maps: dict[str, float], n: int, part: str) -> list[Row]:
    """The rows of small objects: mAP by name and by box over that of the better ImageNet map by box."""
    what = f"small objects never seen ({what})"
    ratio = maps["name"] / max(maps["stride 16"], maps["stride 32"])
    by_name = Row(part, f"{what} by name: mAP over that of the ImageNet features by box", ratio, n, maps["chance"], 3.0, "",
                  f"mAP by name {maps['name']:.3f}; chance is of the mAP.")  # fmt: skip
    return [by_name, beside(what, maps, n, 3.0, "1.5 to 2.2", part)]

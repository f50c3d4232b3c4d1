"""Nine scenes of distinct kinds in one chip: each box among the names and captions, and the other way round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..augment import resize
from ..images import Pictures
from .given import SIDE, Given
from .measures import ranks
from .rows import Found, Row

COUNT = 100  # mosaics


def cells(across: int) -> NDArray[np.float32]:
    """(across squared, 4) boxes of a grid, row by row."""
    steps = range(across)
    return np.asarray(np.array([[x, y, x + 1, y + 1] for y in steps for x in steps]) / across, np.float32)


def mosaic(pictures: Pictures, rows: list[int], side: int = SIDE) -> NDArray[np.uint8]:
    """A square of scene pictures, as many across as down."""
    across = round(len(rows) ** 0.5)
    edges = np.linspace(0, side, across + 1).round().astype(int)
    chip = np.zeros((side, side, 3), np.uint8)
    for number, row in enumerate(rows):
        y, x = divmod(number, across)
        part = resize(np.asarray(pictures.scenes[row]), edges[x + 1] - edges[x], edges[y + 1] - edges[y])
        chip[edges[y] : edges[y + 1], edges[x] : edges[x + 1]] = part
    return chip


def measure(given: Given) -> Found:
    """Box to caption, caption to box, box to kind, kind to box: P@1 among nine."""
    rng = np.random.default_rng(7)
    pictures = given.pictures
    kinds = [kind for kind in range(len(pictures.classes)) if (given.kinds == kind).any()]
    chosen = [rng.permutation(kinds)[:9] for _ in range(COUNT)]
    rows = [[int(rng.choice(given.rows[given.kinds == kind])) for kind in nine] for nine in chosen]
    right: dict[str, list[NDArray]] = {name: [] for name in ("box to caption", "caption to box", "box to kind", "kind to box")}
    own = np.arange(9)
    for nine, nine_rows in zip(chosen, rows, strict=True):
        vectors = given.encoder.encode_regions(mosaic(pictures, nine_rows)[None], cells(3)[None])[0]
        said = given.texts([given.captions[row][0] for row in nine_rows])
        for others, name in ((said, "caption"), (given.names[nine], "kind")):
            scores = vectors @ others.T
            right[f"box to {name}"].append(ranks(scores, own) == 0)
            right[f"{name} to box"].append(ranks(scores.T, own) == 0)
    stand = {"box to caption": (0.96, ".90"), "caption to box": (0.96, ".92"), "box to kind": (None, ".942"),
             "kind to box": (None, ".968")}  # fmt: skip
    return Found([
        Row("mosaics", f"nine distinct kinds in one chip: {name}, P@1", float(np.mean(right[name])), 9 * COUNT, 1 / 9, *beside)
        for name, beside in stand.items()
    ])  # fmt: skip

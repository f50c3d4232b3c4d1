"""Whole held-out scenes: named among all kinds, found by another of their kind; and kinds that training left out."""

from __future__ import annotations

from collections import Counter

import numpy as np

from .given import Given
from .measures import first_right, mean, precision_at
from .rows import Asked, Found, Row

MOST_LEFT_OUT = 100  # pictures of each kind that was left out


def measure(given: Given) -> Found:
    """Held-out scenes by name and by each other."""
    vectors, kinds, classes = given.held, given.kinds, given.pictures.classes
    scores = vectors @ given.names.T
    by_kind = {name: first_right(scores[kinds == number], kinds[kinds == number]) for number, name in enumerate(classes)
               if (kinds == number).any()}  # fmt: skip
    wrong = Counter((classes[kind], classes[said]) for kind, said in zip(kinds, scores.argmax(1), strict=True) if kind != said)
    others = ~np.eye(len(kinds), dtype=bool)
    same = mean([precision_at(vectors @ vectors[row], kinds == kinds[row], others[row]) for row in range(len(kinds))])
    shares = np.bincount(kinds, minlength=len(classes)) / len(kinds)
    return Found(
        [
            Row("scenes", f"{len(classes)} scene kinds by name, held-out tenth, P@1", first_right(scores, kinds), len(kinds),
                1 / len(classes), 0.95, ".884 (25 kinds)"),
            Row("scenes", "image to the same kind, P@10", same, len(kinds), float((shares**2).sum()), None, ".840 (25 kinds)"),
        ],
        {"by_kind": by_kind, "confused": [{"is": a, "said": b, "n": n} for (a, b), n in wrong.most_common(20)]},
        [Asked("scene words", scores, kinds[:, None] == np.arange(len(classes)))],
    )  # fmt: skip


def unseen_kinds(given: Given) -> Found:
    """Kinds of scene that the run left out: their pictures among all names, and among the names left out.

    At most MOST_LEFT_OUT pictures of each, from all of them, for training saw none.
    """
    classes = given.pictures.classes
    left = [classes.index(name) for name in given.left_out]
    whole = f"kinds never trained on, by name among all {len(classes)}, P@1"
    if not left:
        return Found([Row("unseen", whole, None, 0, 1 / len(classes), 0.45, ".005", "This run left no kinds out.")])
    rng = np.random.default_rng(3)
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(given.pictures.scene_class == number))[:MOST_LEFT_OUT] for number in left]
    )
    kinds = given.pictures.scene_class[rows]
    scores = given.scenes(rows) @ given.names.T
    among = np.searchsorted(np.sort(left), kinds)
    part = f"unseen --left-out {','.join(given.left_out)}"
    note = f"Left out of pictures and captions: {', '.join(given.left_out)}."
    details = {classes[number]: {
        "among_all": first_right(scores[kinds == number], kinds[kinds == number]),
        "among_left_out": first_right(scores[kinds == number][:, np.sort(left)], among[kinds == number]),
        "said": [classes[said] for said, _ in Counter(scores[kinds == number].argmax(1).tolist()).most_common(3)],
    } for number in left}  # fmt: skip
    return Found([
        Row(part, whole, first_right(scores, kinds), len(rows), 1 / len(classes), 0.45, ".005", note),
        Row(part, f"the same among the {len(left)}, P@1", first_right(scores[:, np.sort(left)], among), len(rows),
            1 / len(left), 0.80, ".59", note),
    ], details)  # fmt: skip

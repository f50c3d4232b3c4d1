"""Measures of retrieval. Scores are higher for better; ties count against the truth; nan where nothing is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def order(scores: NDArray, truth: NDArray) -> NDArray[np.int64]:
    """Positions from the best score to the worst; among equal scores what is less true comes first."""
    return np.lexsort((truth, -scores))


def average_precision(scores: NDArray, truth: NDArray, allowed: NDArray[np.bool_] | None = None) -> float:
    """(n,) scores and truth -> area under precision and recall, by rank."""
    if allowed is not None:
        scores, truth = scores[allowed], truth[allowed]
    ordered = truth[order(scores, truth)].astype(bool)
    if not ordered.any():
        return float("nan")
    return float((np.cumsum(ordered) / np.arange(1, len(ordered) + 1))[ordered].mean())


def precision_at(scores: NDArray, truth: NDArray, allowed: NDArray[np.bool_] | None = None, count: int = 10) -> float:
    """The share of right answers among the first ``count``, or among as many as are right when those are fewer."""
    if allowed is not None:
        scores, truth = scores[allowed], truth[allowed]
    count = min(count, int(truth.sum()))
    return float(truth[order(scores, truth)[:count]].mean()) if count else float("nan")


def ranks(scores: NDArray, right: NDArray) -> NDArray[np.int64]:
    """(n, m) scores and the right column of each row -> how many other columns are not worse than it."""
    own = scores[np.arange(len(scores)), right]
    return (scores >= own[:, None]).sum(1) - 1


def recalls(scores: NDArray, right: NDArray, counts: Sequence[int] = (1, 5, 10)) -> dict[int, float]:
    """The share of rows whose right column is among the first, for each count."""
    rank = ranks(scores, right)
    return {count: float((rank < count).mean()) for count in counts}


def first_right(scores: NDArray, right: NDArray) -> float:
    """P@1: the share of rows whose right column beats every other."""
    return float((ranks(scores, right) == 0).mean())


def gain_at(scores: NDArray, gains: NDArray, count: int = 10) -> tuple[float, float]:
    """(m,) scores and gains of one query -> nDCG, and what a random order gives on average."""
    count = min(count, len(gains))
    discounts = 1 / np.log2(np.arange(2, count + 2))
    ideal = float((np.sort(gains)[::-1][:count] * discounts).sum())
    if not ideal:
        return float("nan"), float("nan")
    found = float((gains[order(scores, gains)[:count]] * discounts).sum())
    return found / ideal, float(gains.mean() * discounts.sum()) / ideal


def unit(vectors: NDArray) -> NDArray:
    """Rows of unit length."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def overlaps(boxes: NDArray, others: NDArray | None = None) -> NDArray[np.bool_]:
    """(n, 4) and (m, 4) -> (n, m): which boxes meet; without others, among themselves."""
    others = boxes if others is None else others
    across = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(boxes[:, None, :2], others[None, :, :2])
    return (across > 0).all(-1)


def mean(values: Sequence[float]) -> float:
    """The mean of what is not nan."""
    kept = [value for value in values if not np.isnan(value)]
    return float(np.mean(kept)) if kept else float("nan")

"""Figures of one ranking, and what a random order would score. Only numpy.

``right`` is bool and ``grades`` are numbers, both in the order of the ranking, best first. Ties are settled before: see
:func:`order_against`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TIE = 1e-6  # scores closer than this are equal: float32 dot products of equal vectors differ by about 1e-7
EARTH_KM = 6371.0088
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


def order_against(scores: Numbers, worth: Numbers, tie: float = TIE) -> tuple[NDArray[np.int64], int]:
    """The order of the candidates, best score first, and how many share the first place.

    Among equal scores the least worth comes first, so an encoder gains nothing from giving everything the same score. What is
    not a number comes last.
    """
    scores = np.where(np.isnan(scores), -np.inf, scores)
    first = np.argsort(-scores, kind="stable")
    ranked = scores[first]
    with np.errstate(invalid="ignore"):
        steps = ranked[:-1] - ranked[1:] > tie
    groups = np.concatenate([[0], np.cumsum(steps)]) if len(ranked) else np.zeros(0, np.int64)
    return first[np.lexsort((worth[first], groups))], int((groups == 0).sum())


def precision_at(right: Flags, count: int) -> float:
    """The share of right ones among the first ``count``; places that do not exist count as wrong."""
    return float(right[:count].sum()) / count


def any_at(right: Flags, count: int) -> float:
    """1 when any right one is among the first ``count``: what retrieval papers call R@k."""
    return float(right[:count].any())


def share_at(right: Flags, count: int) -> float:
    """The share of all right ones that are among the first ``count``; 0 when there is none."""
    return float(right[:count].sum()) / max(1, int(right.sum()))


def reciprocal_rank(right: Flags) -> float:
    """One over the rank of the first right one; 0 when there is none."""
    return 1.0 / (int(np.argmax(right)) + 1) if right.any() else 0.0


def average_precision(right: Flags) -> float:
    """The mean, over the right ones, of the precision at their rank; 0 when there is none."""
    places = np.flatnonzero(right)
    return float((np.arange(1, len(places) + 1) / (places + 1)).mean()) if len(places) else 0.0


def ndcg_at(grades: Numbers, count: int) -> float:
    """Discounted gain (the grade itself over log2(rank + 1)) against the best possible order; 0 when every grade is 0."""
    best = _gain(np.sort(grades)[::-1], count)
    return _gain(grades, count) / best if best > 0 else 0.0


def _gain(grades: Numbers, count: int) -> float:
    part = grades[:count]
    return float((part / np.log2(np.arange(2, len(part) + 2))).sum())


# What a random order of ``total`` candidates, ``right`` of them right, scores on average. All are exact.


def chance_precision(total: int, right: int, count: int) -> float:
    """Of :func:`precision_at`."""
    return right / total * min(count, total) / count


@lru_cache(maxsize=65536)
def chance_any(total: int, right: int, count: int) -> float:
    """Of :func:`any_at`."""
    if right == 0:
        return 0.0
    if total - right < count:
        return 1.0
    return 1.0 - math.exp(sum(math.log((total - right - i) / (total - i)) for i in range(count)))


def chance_share(total: int, right: int, count: int) -> float:
    """Of :func:`share_at`."""
    return min(count, total) / total if right else 0.0


@lru_cache(maxsize=65536)
def chance_reciprocal(total: int, right: int) -> float:
    """Of :func:`reciprocal_rank`."""
    if right == 0:
        return 0.0
    ranks = np.arange(1, total - right + 2)
    # The chance that the first right one is at rank r: all before it are wrong, it is right.
    wrong_before = np.concatenate([[1.0], np.cumprod((total - right - ranks[:-1] + 1) / (total - ranks[:-1] + 1))])
    return float((wrong_before * right / (total - ranks + 1) / ranks).sum())


@lru_cache(maxsize=65536)
def chance_average_precision(total: int, right: int) -> float:
    """Of :func:`average_precision`."""
    if right == 0:
        return 0.0
    harmonic = float((1 / np.arange(1, total + 1)).sum())
    others = (right - 1) / (total - 1) if total > 1 else 0.0
    return (harmonic + others * (total - harmonic)) / total


def chance_ndcg(grades: Numbers, count: int) -> float:
    """Of :func:`ndcg_at`."""
    best = _gain(np.sort(grades)[::-1], count)
    return _gain(np.full(len(grades), grades.mean()), count) / best if best > 0 else 0.0


def overlap(first: Numbers, second: Numbers) -> Numbers:
    """Intersection over union of boxes (..., 4) as x0, y0, x1, y1, without the one pixel that some scripts add."""
    low, high = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [np.clip(box[..., 2:] - box[..., :2], 0, None).prod(-1) for box in (first, second)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-12)


def kilometres(first: Numbers, second: Numbers) -> Numbers:
    """Great-circle distance between points (..., 2) as latitude, longitude in degrees, on a sphere."""
    lat0, lon0, lat1, lon1 = (np.radians(part) for points in (first, second) for part in (points[..., 0], points[..., 1]))
    half = np.sin((lat1 - lat0) / 2) ** 2 + np.cos(lat0) * np.cos(lat1) * np.sin((lon1 - lon0) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


def normal_function(values: Numbers) -> Numbers:
    """Each similarity's place in a normal distribution with their mean and deviation (n - 1), in 0..1; .5 where all are equal."""
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    if spread < 1e-9:
        return np.full(len(values), 0.5)
    scaled = (values - values.mean()) / (spread * math.sqrt(2))
    return 0.5 * (1 + np.fromiter(map(math.erf, scaled), float, len(scaled)))


def interval(values: Numbers, units: NDArray[np.int64], seed: int, rounds: int = 1000) -> NDArray[np.float64]:
    """95 % bootstrap intervals (2, m) of the means of ``values`` (n, m): ``units`` (n) are drawn together."""
    rng = np.random.default_rng(seed)
    count = int(units.max()) + 1 if len(units) else 0
    if count < 2:
        return np.full((2, values.shape[1]), np.nan)
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, units, values)
    sizes = np.bincount(units, minlength=count)
    means = np.empty((rounds, values.shape[1]))
    for number in range(rounds):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count)
        means[number] = drawn @ sums / (drawn @ sizes)
    return np.percentile(means, [2.5, 97.5], axis=0)

"""Hits: found regions, one for each place, best first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of the smaller box: with so much of it in a better hit it is the same place. Neighbours on a grid share exactly half, and a list
# with every thing twice is what users complain of, so half is too much already; one pixel of rounding must not decide.
SAME_PLACE = 0.49


@dataclass(frozen=True)
class Hit:
    """A region with its score (cosine) and rank (from 1). The window is in full-resolution pixels of its source; ``footprint``
    is a closed ring in ``crs``; ``date`` yyyy-mm-dd or None; ``id`` is the region's in its index."""

    rank: int
    score: float
    source: str
    source_name: str
    x0: int
    y0: int
    x1: int
    y1: int
    gsd: float
    scale: int
    date: str | None
    footprint: list[list[float]]
    crs: str
    id: int
    index: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def best_places(sources: NDArray[np.int64], boxes: NDArray[np.float64], allowed: NDArray[np.bool_], count: int) -> list[int]:
    """Candidates (n,) with boxes (n, 4), best first -> the positions of at most ``count`` that are places of their own.

    A candidate is dropped when half or more of the smaller box lies in a better one that was kept, on the same source.
    """
    still = allowed.copy()
    chosen: list[int] = []
    place = 0
    while len(chosen) < count:
        ahead = int(still[place:].argmax()) if place < len(still) else 0
        place += ahead
        if place >= len(still) or not still[place]:
            break
        chosen.append(place)
        place += 1
        same = sources[place:] == sources[place - 1]
        still[place:] &= ~(same & (covered(boxes[place:], boxes[place - 1]) > SAME_PLACE))
    return chosen


def covered(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) boxes and one box -> (n,): the overlap with each as a share of the smaller of the two."""
    across = np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0])
    down = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
    shared = np.clip(across, 0, None) * np.clip(down, 0, None)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return shared / np.maximum(np.minimum(areas, (box[2] - box[0]) * (box[3] - box[1])), 1e-9)


def overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(across, 0.0) * max(down, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / max(sum(areas) - shared, 1e-9)


def date_text(date: int) -> str | None:
    """yyyymmdd -> yyyy-mm-dd; 0 -> None."""
    return f"{date // 10000:04d}-{date // 100 % 100:02d}-{date % 100:02d}" if date else None

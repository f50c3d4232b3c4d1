"""Where candidates lie: their boxes on images, their places on Earth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .forms import Candidate, Edges


class Geometry:
    """Boxes and places of all candidates in arrays, so that one query costs one look at them."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        images = {candidate.box[0] for candidate in candidates if candidate.box}
        self._numbers = {image: number for number, image in enumerate(sorted(images))}
        nowhere = (np.nan, np.nan)
        self._images = np.array([self._numbers[one.box[0]] if one.box else -1 for one in candidates], np.int64)
        self._boxes = np.array([one.box[1] if one.box else (0, 0, 0, 0) for one in candidates], float).reshape(-1, 4)
        self._places = np.array([one.place or nowhere for one in candidates], float).reshape(-1, 2)

    def overlap(self, pool: NDArray[np.int64], target: tuple[str, Edges]) -> NDArray[np.float64]:
        """Intersection over union with the true box; none on another image."""
        image, edges = target
        found = np.zeros(len(pool))
        same = np.flatnonzero(self._images[pool] == self._numbers.get(image, -2))
        found[same] = metrics.overlap(self._boxes[pool[same]], np.array(edges, float))
        return found

    def kilometres(self, pool: NDArray[np.int64], place: tuple[float, float]) -> NDArray[np.float64]:
        """Distances to a latitude and longitude; not a number for a candidate without a place."""
        return metrics.kilometres(np.array(place, float), self._places[pool])

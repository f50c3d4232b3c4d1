"""Pixels that only QGIS can draw (XYZ, WMS, styled layers): they come through a callback and may fail."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ..errors import GeoLoupeError
from .georeference import ground_gsd, pixel_to_ground, short_crs
from .pixel_source import PixelsMissing, SourceSpec, Window
from .stretch import Stretch

Fetch = Callable[[tuple[float, float, float, float], tuple[int, int]], "bytes | None"]

TRIES = 3
PAUSE_SECONDS = 0.3  # before the second try; doubled before the third
ENOUGH = 0.98  # of a view drawn; less may be a tile that did not come, so it is asked for again


class RenderedSource:
    """A :class:`~.pixel_source.PixelSource` whose ``fetch(bounds, (w, h))`` answers RGBA bytes, row 0 at the top, or None.

    ``bounds`` (x0, y0, x1, y1) are in the source's CRS. The grid must not be rotated. Raises GeoLoupeError: "usage", "no_crs".
    """

    def __init__(self, spec: SourceSpec, fetch: Fetch, sleep: Callable[[float], object] = time.sleep) -> None:
        if not (spec.width and spec.height and spec.transform and len(spec.transform) >= 6):
            raise GeoLoupeError("usage", f"{spec.label} is drawn by QGIS: its width, height and transform are needed.")
        if not spec.crs:
            raise GeoLoupeError("no_crs", f"{spec.label} has no coordinate reference system: set the layer's CRS and try again.")
        self.spec, self.identity = spec, spec.identity
        self.width, self.height = int(spec.width), int(spec.height)
        self.transform = Affine(*spec.transform[:6])
        if self.transform.b or self.transform.d:
            raise GeoLoupeError("usage", f"{spec.label} is drawn by QGIS: its pixel grid must not be rotated.")
        self.crs_wkt = short_crs(spec.crs)
        self.gsd = spec.gsd or ground_gsd(self.transform, self.crs_wkt, self.width, self.height)
        self.bands: tuple[int, ...] = (1, 2, 3)
        self.band_count, self.dtype = 3, "uint8"
        self.stretch = Stretch()
        self.date: int | None = None
        self._fetch, self._sleep = fetch, sleep

    def coverage(self) -> None:
        """A service says nothing about where it has pictures."""

    def cache_bytes(self, rows: int) -> int:
        return 0

    def read(self, window: Window, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """See :class:`~.pixel_source.PixelSource`. Raises PixelsMissing when nothing came after a few tries."""
        corners = pixel_to_ground(self.transform, np.array([(window.x0, window.y0), (window.x1, window.y1)], dtype=float))
        xs, ys = sorted(corners[:, 0].tolist()), sorted(corners[:, 1].tolist())
        best: NDArray[np.uint8] | None = None
        drawn = 0.0
        expected = self._inside(window)
        for attempt in range(TRIES):
            if attempt:
                self._sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
            rgba = self._ask((xs[0], ys[0], xs[1], ys[1]), size)
            if rgba is None:
                continue
            share = float((rgba[..., 3] > 0).mean())
            if best is None or share > drawn:
                best, drawn = rgba, share
            if drawn >= ENOUGH * expected:
                break
        if best is None or drawn == 0:
            raise PixelsMissing(f"{self.spec.label} did not answer.")
        valid = best[..., 3] > 0
        return np.where(valid[..., None], best[..., :3], 0).astype(np.uint8), valid

    def _inside(self, window: Window) -> float:
        across = max(0, min(window.x1, self.width) - max(window.x0, 0)) / window.width
        down = max(0, min(window.y1, self.height) - max(window.y0, 0)) / window.height
        return across * down

    def _ask(self, bounds: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.uint8] | None:
        try:
            answer = self._fetch(bounds, size)
        except (OSError, TimeoutError, RuntimeError):
            return None
        if answer is None or len(answer) != size[0] * size[1] * 4:
            return None
        return np.frombuffer(answer, dtype=np.uint8).reshape(size[1], size[0], 4)

    def close(self) -> None:
        """Nothing is held."""

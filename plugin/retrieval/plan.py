"""Which chips of a raster are to be indexed, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from ..errors import GeoLoupeError
from .georeference import bounds_to_polygon
from .grid import Grid, Scale, scales_for_object_size
from .opening import AnySource
from .records import interleave

OUTSIDE = "The extent lies outside the raster: move it onto the raster, or index the whole layer."
WORTH_A_LOOK = 0.25  # of a raster that an extent must cover before the whole is looked at
BLOCK = 16  # chips along a side of the blocks that are walked one after another


@dataclass(frozen=True)
class Extent:
    """A rectangle in ``crs``; None: in each raster's own."""

    bounds: tuple[float, float, float, float]
    crs: str | None = None

    @classmethod
    def from_json(cls, facts: Extent | Mapping[str, Any] | Sequence[Any] | None) -> Extent | None:
        """From an Extent, {"bounds": [4], "crs"}, or (bounds, crs); None stays None."""
        if facts is None or isinstance(facts, Extent):
            return facts
        try:
            bounds, crs = (facts["bounds"], facts.get("crs")) if isinstance(facts, Mapping) else facts
            x0, y0, x1, y1 = (float(number) for number in bounds)
        except (KeyError, TypeError, ValueError) as error:
            raise GeoLoupeError("usage", "An extent needs four numbers (x0, y0, x1, y1) and their CRS.") from error
        return cls((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), crs)

    def in_pixels(self, transform: Affine, crs: str) -> Polygon:
        """The extent as a polygon in a raster's pixels; exact in any CRS, rotated rasters too."""
        return bounds_to_polygon(self.bounds, self.crs or crs, transform, crs)


def coverage_of(source: AnySource, polygon: Polygon | None) -> NDArray[np.bool_] | None:
    """The source's coarse mask; None where it has none, where a damaged file gives none as a whole, and where the extent
    (in pixels) is so small a part of the raster that looking at the chips themselves costs less."""
    whole = source.width * source.height
    if polygon is not None and polygon.intersection(box(0, 0, source.width, source.height)).area < WORTH_A_LOOK * whole:
        return None
    try:
        return source.coverage()
    except GeoLoupeError:
        return None


def choose_scales(
    native_gsd: float,
    gsd_range: tuple[float, float],
    chip_size: int,
    gsds: Sequence[float] | None = None,
    object_size: float | None = None,
) -> list[Scale]:
    """The scales to index a raster at: those asked for, else by the size of what is looked for, else the raster's own GSD."""
    if gsds:
        if any(not 0 < gsd < 1e6 for gsd in gsds):
            raise GeoLoupeError("usage", "A GSD is a positive number of metres per pixel.")
        return list({scale.key: scale for scale in (Scale(float(gsd)) for gsd in sorted(gsds))}.values())
    if object_size is not None and not 0 < object_size < 1e6:
        raise GeoLoupeError("usage", "The size of what you look for is a positive number of metres.")
    return scales_for_object_size(object_size, native_gsd, gsd_range, chip_size)


def chips_in(grid: Grid, polygon: Polygon | None) -> NDArray[np.bool_]:
    """(rows, columns): the chips that an extent, in pixels, touches; all of them without one."""
    chosen = np.ones(grid.shape, dtype=bool)
    if polygon is None:
        return chosen
    if polygon.is_empty:
        return ~chosen
    x0, y0, x1, y1 = polygon.bounds
    across = (grid.columns < x1) & (grid.columns + grid.side > x0)
    down = (grid.rows < y1) & (grid.rows + grid.side > y0)
    chosen = down[:, None] & across[None, :]
    # What a padded chip shows beyond a small raster is no part of the raster.
    inside = (x0 < grid.across.length) & (x1 > 0) & (y0 < grid.down.length) & (y1 > 0)
    chosen &= bool(inside)
    if polygon.area < 0.999999 * (x1 - x0) * (y1 - y0):
        rows, columns = np.nonzero(chosen)
        xs, ys = grid.columns[columns], grid.rows[rows]
        shapely.prepare(polygon)
        chosen[rows, columns] = shapely.intersects(polygon, shapely.box(xs, ys, xs + grid.side, ys + grid.side))
    return chosen


def valid_share(grid: Grid, coverage: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """(rows, columns): about how much of each chip is valid, from a coarse mask that was widened by a cell; 1 without one."""
    if coverage is None:
        return np.ones(grid.shape)
    wide = np.pad(coverage, 1)
    wide = wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    total = np.pad(wide.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def cells(starts: NDArray[np.int64], length: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        low = np.floor(starts * count / length).astype(np.int64)
        high = np.ceil(np.minimum(starts + grid.side, length) * count / length).astype(np.int64)
        return low, np.clip(high, low + 1, count)

    left, right = cells(grid.columns, grid.across.length, coverage.shape[1])
    top, bottom = cells(grid.rows, grid.down.length, coverage.shape[0])
    held = total[np.ix_(bottom, right)] - total[np.ix_(top, right)] - total[np.ix_(bottom, left)] + total[np.ix_(top, left)]
    return held / ((bottom - top)[:, None] * (right - left)[None, :])


def in_order(chosen: NDArray[np.bool_], striped: bool) -> NDArray[np.int64]:
    """(n, 2) row and column of the chosen chips: row by row within square blocks that follow a Morton curve.

    Row by row over the whole width where the file is stored in strips: a block of chips would decode each strip many times.
    """
    rows, columns = np.nonzero(chosen)
    if not striped:
        order = np.lexsort((columns, rows, interleave(columns // BLOCK, rows // BLOCK)))
        rows, columns = rows[order], columns[order]
    return np.stack([rows, columns], axis=1)

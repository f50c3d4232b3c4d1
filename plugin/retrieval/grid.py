"""Chips and regions: where they lie on a raster, which chip a region belongs to, and the view a query box is seen in.

All lengths are full-resolution pixels. At a scale a chip is ``8 * unit`` wide: the stride of chips (6 units), the regions
(2, 4 and 8 units) and their steps (1 and 2 units) are then whole pixels and fall together. With overlap off, chips and regions
lie side by side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import GeoLoupeError
from .pixel_source import Window

QUARTER, HALF, WHOLE = 0, 1, 2
SIZES = {QUARTER: 2, HALF: 4, WHOLE: 8}  # units
OBJECT_SHARE = 0.354  # of a chip's side: between the quarter regions and the half regions
MOST_CHIPS = 10_000_000  # of one grid: months of work on a laptop, and all that a plan keeps in memory
FINEST = 0.5  # of the raster's own GSD: seeing it magnified more shows nothing new


@dataclass(frozen=True)
class Scale:
    """One chip GSD, metres on the ground per pixel of a chip."""

    gsd: float

    @property
    def key(self) -> int:
        """The scale in tenths of a millimetre: equal scales are equal keys, whatever float they came from."""
        return max(1, round(self.gsd * 10_000))


def scales_for_object_size(
    metres: float | None, native_gsd: float, gsd_range: tuple[float, float], chip_size: int
) -> list[Scale]:
    """The scale at which an object so large fills about a third of a chip.

    Never finer than half the raster's own GSD, and within the encoder's range where the raster allows it. Without a size:
    the raster's own GSD within the encoder's range.
    """
    wanted = native_gsd if metres is None else metres / (OBJECT_SHARE * chip_size)
    gsd = min(max(wanted, gsd_range[0]), gsd_range[1])
    return [Scale(max(gsd, native_gsd * (FINEST if metres is not None else 1.0)))]


def unit_pixels(scale: Scale, native_gsd: float, chip_size: int) -> int:
    """An eighth of a chip's side in full-resolution pixels."""
    return max(1, round(chip_size * scale.gsd / native_gsd / 8))


@dataclass(frozen=True)
class Axis:
    """Chips and regions along one side of a raster, ``length`` pixels long."""

    length: int
    unit: int
    overlap: bool = True

    @property
    def side(self) -> int:
        return 8 * self.unit

    @property
    def chip_starts(self) -> NDArray[np.int64]:
        """Where chips begin; the last one ends with the raster. One chip from 0 when the raster is smaller than a chip."""
        return _starts(self.length, self.side, (6 if self.overlap else 8) * self.unit)

    def region_starts(self, kind: int) -> NDArray[np.int64]:
        """Where regions of this kind begin; whole regions are the chips themselves."""
        if kind == WHOLE:
            return self.chip_starts
        size = SIZES[kind] * self.unit
        return _starts(self.length, size, size // 2 if self.overlap else size)

    def owners(self, kind: int) -> NDArray[np.int64]:
        """For each region the chip, among those that hold it whole, whose middle is nearest its own; the first of two."""
        chips, starts, size = self.chip_starts, self.region_starts(kind), SIZES[kind] * self.unit
        if kind == WHOLE:
            return np.arange(len(chips), dtype=np.int64)
        last = np.searchsorted(chips, starts, side="right") - 1  # the last chip that begins at or before the region
        owners = np.full(len(starts), -1, dtype=np.int64)
        best = np.full(len(starts), np.iinfo(np.int64).max, dtype=np.int64)
        for back in (2, 1, 0):  # at most three chips hold a region; ties go to the earlier one
            chip = last - back
            start = chips[np.maximum(chip, 0)]
            distance = np.abs(2 * start + self.side - 2 * starts - size)
            good = (chip >= 0) & (start + self.side >= starts + size) & (distance < best)
            owners[good], best[good] = chip[good], distance[good]
        return owners


def _starts(length: int, size: int, step: int) -> NDArray[np.int64]:
    if length <= size:
        return np.zeros(1, dtype=np.int64)
    starts = np.arange(0, length - size + 1, step, dtype=np.int64)
    return starts if starts[-1] + size == length else np.append(starts, length - size)


@dataclass(frozen=True)
class Chip:
    """One chip of a grid: its place among the columns and rows, and its window."""

    column: int
    row: int
    window: Window


class Grid:
    """All chips of a raster at one scale, and the regions that belong to each.

    A region's window depends on the raster and the scale alone. At full overlap a chip inside the raster owns 46 regions:
    36 quarters, 9 halves and itself. Raises GeoLoupeError ("usage") for a grid that no index can hold.
    """

    def __init__(self, width: int, height: int, native_gsd: float, scale: Scale, chip_size: int, overlap: bool = True) -> None:
        self.scale, self.chip_size = scale, chip_size
        unit = unit_pixels(scale, native_gsd, chip_size)
        self.across, self.down = Axis(width, unit, overlap), Axis(height, unit, overlap)
        self.side = 8 * unit
        self.columns, self.rows = self.across.chip_starts, self.down.chip_starts
        if len(self.columns) * len(self.rows) > MOST_CHIPS:
            millions = len(self.columns) * len(self.rows) / 1e6
            raise GeoLoupeError(
                "usage",
                f"At {scale.gsd:g} m per pixel this layer has {millions:,.0f} million chips, which is too many: look for larger "
                "things, or clip the layer to the area you need.",
            )
        self._owned = [_regions_by_owner(self.across), _regions_by_owner(self.down)]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of chips."""
        return len(self.rows), len(self.columns)

    def chip(self, column: int, row: int) -> Chip:
        x, y = int(self.columns[column]), int(self.rows[row])
        return Chip(column, row, Window(x, y, x + self.side, y + self.side))

    def regions(self, chip: Chip) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The regions that belong to a chip: windows (n, 4) as x0, y0, x1, y1 and kinds (n,)."""
        windows, kinds = [], []
        for kind, size in SIZES.items():
            xs, ys = self._owned[0][kind][chip.column], self._owned[1][kind][chip.row]
            x, y = (values.ravel() for values in np.meshgrid(xs, ys))
            length = size * self.across.unit
            windows.append(np.stack([x, y, x + length, y + length], axis=1))
            kinds.append(np.full(len(x), kind, dtype=np.int64))
        return np.concatenate(windows), np.concatenate(kinds)

    def region_counts(self) -> NDArray[np.int64]:
        """(rows, columns): how many regions belong to each chip."""
        counts = np.zeros(self.shape, dtype=np.int64)
        for kind in SIZES:
            across = np.array([len(starts) for starts in self._owned[0][kind]], dtype=np.int64)
            down = np.array([len(starts) for starts in self._owned[1][kind]], dtype=np.int64)
            counts += down[:, None] * across[None, :]
        return counts


def _regions_by_owner(axis: Axis) -> dict[int, list[NDArray[np.int64]]]:
    owned = {}
    for kind in SIZES:
        starts, owners = axis.region_starts(kind), axis.owners(kind)
        order = np.argsort(owners, kind="stable")
        edges = np.searchsorted(owners[order], np.arange(len(axis.chip_starts) + 1))
        owned[kind] = [np.sort(starts[order][first:last]) for first, last in pairwise(edges)]
    return owned


def query_chip(
    box: tuple[float, float, float, float],
    width: int,
    height: int,
    native_gsd: float,
    gsds: list[float],
    chip_size: int,
) -> tuple[Window, float, tuple[float, float, float, float]]:
    """The view an encoder gets of a query box: its chip's window, GSD, and the box in 0..1 of it.

    Of ``gsds`` (those of the index; empty: any) the one at which the box is seen nearest to the size of the regions; coarser
    when the box would not fit. The box lies in the middle unless the raster's edge is near.
    """
    x0, y0, x1, y1 = box
    long, typical = max(x1 - x0, y1 - y0), math.sqrt(max(x1 - x0, 1e-9) * max(y1 - y0, 1e-9))
    wanted = typical * native_gsd / (OBJECT_SHARE * chip_size)
    gsd = min(gsds, key=lambda value: abs(math.log(value / wanted))) if gsds else max(wanted, FINEST * native_gsd)
    gsd = max(gsd, long * native_gsd / chip_size)
    unit = unit_pixels(Scale(gsd), native_gsd, chip_size)
    side = max(8 * unit, math.ceil(long) + 1)  # and a pixel for where the window begins
    left, top = (
        max(0, min(round((low + high - side) / 2), length - side)) for low, high, length in ((x0, x1, width), (y0, y1, height))
    )
    low_x, high_x = (min(max((x - left) / side, 0.0), 1.0) for x in (x0, x1))
    low_y, high_y = (min(max((y - top) / side, 0.0), 1.0) for y in (y0, y1))
    return Window(left, top, left + side, top + side), gsd, (low_x, low_y, high_x, high_y)

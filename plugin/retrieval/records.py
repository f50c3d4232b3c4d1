"""One record for each region, of fixed size, beside its vector: mapped, never parsed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Packed, little-endian. Windows are full-resolution pixels; west..north WGS 84 degrees; date yyyymmdd or 0.
RECORD = np.dtype(
    [
        ("id", "<i8"),
        ("chip", "<i8"),
        ("source", "<i4"),
        ("scale", "<i4"),
        ("x0", "<i4"),
        ("y0", "<i4"),
        ("x1", "<i4"),
        ("y1", "<i4"),
        ("gsd", "<f4"),
        ("west", "<f8"),
        ("south", "<f8"),
        ("east", "<f8"),
        ("north", "<f8"),
        ("date", "<i4"),
        ("generation", "<i4"),
    ]
)


def curve(records: NDArray[np.void]) -> NDArray[np.uint64]:
    """(n,) place of each record along a space-filling (Morton) curve over longitude and latitude."""
    lon = np.clip(((records["west"] + records["east"]) / 2 + 180) / 360, 0, 1)
    lat = np.clip(((records["south"] + records["north"]) / 2 + 90) / 180, 0, 1)
    top = float((1 << 31) - 1)
    return _spread((lon * top).astype(np.uint64)) | (_spread((lat * top).astype(np.uint64)) << np.uint64(1))


def interleave(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Morton order of two arrays of small, non-negative numbers."""
    return _spread(x.astype(np.uint64)) | (_spread(y.astype(np.uint64)) << np.uint64(1))


def _spread(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A zero between each two of the lower 32 bits."""
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        value = (value | (value << np.uint64(shift))) & np.uint64(mask)
    return value

"""Any picture to the encoder's chip: bands, shape and size. Only numpy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..interleaved import InputError


def three_bands(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., bands) -> (..., 3): grey is repeated, more than three are cut. Raises InputError for two."""
    bands = pixels.shape[-1]
    if bands == 2:
        raise InputError("An image with two bands cannot be shown as colours: give one band or three.")
    return np.repeat(pixels, 3, -1) if bands == 1 else pixels[..., :3]


def square(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float, float]:
    """Mirror the short side of (n, height, width, 3) until it is square; also the used share of the width and the height."""
    height, width = pixels.shape[1:3]
    side = max(height, width)
    if height == width:
        return pixels, 1.0, 1.0
    padding = [(0, 0), (0, side - height), (0, side - width), (0, 0)]
    return np.pad(pixels, padding, mode="symmetric"), width / side, height / side


@lru_cache(maxsize=64)
def weights(source: int, target: int) -> NDArray[np.float32]:
    """(target, source): how much of each old pixel is in each new one; triangles as wide as the step, so nothing aliases."""
    step = source / target
    reach = max(1.0, step)
    middle = (np.arange(target) + 0.5) * step
    away = np.abs(np.arange(source)[None] + 0.5 - middle[:, None]) / reach
    table = np.clip(1 - away, 0, None)
    return (table / table.sum(1, keepdims=True)).astype(np.float32)


def resize(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """(n, s, s, 3) -> (n, side, side, 3)."""
    if pixels.shape[1] == side:
        return np.ascontiguousarray(pixels)
    table = weights(pixels.shape[1], side)
    done = np.empty((len(pixels), side, side, 3), np.uint8)
    for number, picture in enumerate(pixels):
        rows = table @ picture.reshape(picture.shape[0], -1).astype(np.float32)
        across = np.einsum("tw,hwb->htb", table, rows.reshape(side, -1, 3), optimize=True)
        done[number] = np.clip(np.rint(across), 0, 255)
    return done


def to_chips(pixels: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(n, height, width, bands) -> chips (n, side, side, 3) and the factors (4) that bring boxes along."""
    squared, across, down = square(three_bands(pixels))
    return resize(squared, side), np.array([across, down, across, down], np.float32)

"""Pixels of the pictures of a data set, by rasterio: any size, band count and depth, to (height, width, 3) bytes."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from .forms import Picture

LONGEST = 2048  # pixels of the longer side of a whole picture; larger ones are averaged down when they are read
SAMPLE = 1024
OPEN_FILES = 4
SENTINEL_BANDS = 13  # EuroSAT's multispectral form: red, green and blue are bands 4, 3 and 2
SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".jp2", ".gif"}
UNREADABLE = (RasterioError, OSError, ValueError)


class Reader:
    """Reads pictures; keeps the last few files open, because one raster may hold many chips. Close it when done."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Any] = OrderedDict()
        self._stretch: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]] | None] = {}

    def read(self, picture: Picture) -> NDArray[np.uint8]:
        """(height, width, 3) uint8. Raises one of ``UNREADABLE``."""
        data = self._dataset(picture.path)
        if picture.window is None:
            window = Window(0, 0, data.width, data.height)
            shrink = max(1.0, max(data.width, data.height) / LONGEST)
            shape = (max(1, round(data.height / shrink)), max(1, round(data.width / shrink)))
        else:
            x0, y0, x1, y1 = picture.window
            window = Window(x0, y0, x1 - x0, y1 - y0)
            side = picture.side or max(1, round(x1 - x0))
            shape = (side, side)
        return self._colours(picture.path, data, window, shape)

    def size(self, path: str) -> tuple[int, int]:
        """Width and height in pixels. Raises one of ``UNREADABLE``."""
        data = self._dataset(path)
        return int(data.width), int(data.height)

    def dataset(self, path: str) -> Any:
        """The open rasterio dataset; it closes by itself when others are read."""
        return self._dataset(path)

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def _dataset(self, path: str) -> Any:
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            data = rasterio.open(path)
        self._open[path] = data
        while len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)[1].close()
        return data

    def _colours(self, path: str, data: Any, window: Window, shape: tuple[int, int]) -> NDArray[np.uint8]:
        if data.colorinterp[0] == ColorInterp.palette:
            values = data.read(1, window=window, out_shape=shape, resampling=Resampling.nearest)
            table = np.zeros((256, 3), np.uint8)
            for value, colour in data.colormap(1).items():
                if value < 256:
                    table[value] = colour[:3]
            return table[values.astype(np.int64) % 256]
        values = data.read(bands_of(data), window=window, out_shape=(3, *shape), resampling=Resampling.average)
        if values.dtype != np.uint8:
            if path not in self._stretch:
                self._stretch[path] = measure(data)
            values = stretched(values, self._stretch[path])
        return np.ascontiguousarray(values.transpose(1, 2, 0))


def bands_of(data: Any) -> list[int]:
    """The bands shown as red, green and blue; one or two bands are grey."""
    if data.count == SENTINEL_BANDS:
        return [4, 3, 2]
    roles = {role: number + 1 for number, role in enumerate(data.colorinterp)}
    named = [roles.get(role) for role in (ColorInterp.red, ColorInterp.green, ColorInterp.blue)]
    if all(named):
        return [int(band) for band in named if band]
    return [1, 2, 3] if data.count >= 3 else [1, 1, 1]


def measure(data: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 2nd and the 98th percentile of each shown band, (3) and (3), from one small look at the whole file."""
    shrink = max(1.0, max(data.width, data.height) / SAMPLE)
    shape = (3, max(1, round(data.height / shrink)), max(1, round(data.width / shrink)))
    values = data.read(bands_of(data), out_shape=shape, resampling=Resampling.nearest).astype(np.float64)
    valid = np.isfinite(values) & (data.dataset_mask(out_shape=shape[1:]) > 0)[None]
    edges = np.array([np.percentile(band[ok], [2, 98]) if ok.any() else [0, 1] for band, ok in zip(values, valid, strict=True)])
    return edges[:, 0], np.maximum(edges[:, 1], edges[:, 0] + 1e-9)


def stretched(values: NDArray[Any], edges: tuple[NDArray[np.float64], NDArray[np.float64]] | None) -> NDArray[np.uint8]:
    """(3, h, w) of any type to bytes; what is not finite becomes 0."""
    low, high = edges if edges is not None else (np.zeros(3), np.ones(3))
    scaled = (np.nan_to_num(values.astype(np.float64), nan=-np.inf) - low[:, None, None]) / (high - low)[:, None, None]
    return (np.clip(scaled, 0, 1) * 255 + 0.5).astype(np.uint8)


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")

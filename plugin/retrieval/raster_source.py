"""Pixels of any raster that GDAL reads: any CRS, rotated or tied by ground control points, any type, any nodata."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterioWindow

from ..errors import GeoLoupeError
from .georeference import ground_gsd, short_crs
from .pixel_source import SourceSpec, Window, date_of
from .stretch import Stretch, measure

CELL = 8  # pixels; undeclared nodata is looked for in squares of this side
SAMPLE_SIDE = 1024  # pixels of the longer side that a stretch is measured on
COVERAGE_STEP = 32  # full-resolution pixels for each cell of the coarse mask
DECODE_LIMIT = 64_000_000  # pixels without overviews that may be decoded for one coarse look
CACHE_MIN, CACHE_MAX = 64 << 20, 512 << 20


@contextmanager
def gdal_environment(cache_bytes: int = CACHE_MIN) -> Iterator[None]:
    """GDAL's settings for reading many windows in this thread; the block cache is the process's, in bytes."""
    with rasterio.Env(GDAL_CACHEMAX=int(cache_bytes), VSI_CACHE=True, GDAL_HTTP_TIMEOUT=30, GDAL_HTTP_MAX_RETRY=3):
        yield


class RasterSource:
    """A :class:`~.pixel_source.PixelSource` over rasterio. Not for two threads at once: open one for each.

    ``stretch`` is the one an index stored; None measures it. Raises GeoLoupeError: "raster_unreadable", "no_crs", "usage".
    """

    def __init__(self, spec: SourceSpec, stretch: Stretch | None = None) -> None:
        self.spec, self.identity = spec, spec.identity
        self._handles: list[Any] = []
        try:
            with self._reading():
                self._open()
                self._choose_bands()
            self.stretch = stretch if stretch is not None else self._measure()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            data: Any = rasterio.open(self.spec.uri)
            self._handles.append(data)
            placed = data.transform != Affine.identity()
            points, points_crs = data.gcps
            if not placed and points and points_crs:
                data = WarpedVRT(data, src_crs=points_crs, crs=points_crs, add_alpha=True, resampling=Resampling.nearest)
                self._handles.append(data)
                placed = True
        crs = self.spec.crs or (data.crs.to_wkt() if data.crs else None)
        if not crs:
            raise GeoLoupeError(
                "no_crs",
                f"{self.spec.label} has no coordinate reference system: set the layer's CRS, or save the raster with one, "
                "and try again.",
            )
        self._data = data
        self.width, self.height = int(data.width), int(data.height)
        # Without a georeference QGIS draws the raster from (0, 0) downwards; hits must lie on what it draws.
        self.transform = data.transform if placed else Affine(1, 0, 0, 0, -1, 0)
        self.crs_wkt = short_crs(crs)
        self.gsd = self.spec.gsd or ground_gsd(self.transform, self.crs_wkt, self.width, self.height)
        self.date = date_of(os.path.basename(self.spec.uri), self._handles[0].tags())

    def _choose_bands(self) -> None:
        data = self._data
        alphas = {i + 1 for i, role in enumerate(data.colorinterp) if role == ColorInterp.alpha}
        colours = [i + 1 for i in range(data.count) if i + 1 not in alphas]
        if self.spec.bands:
            bands = self.spec.bands[:3] if len(self.spec.bands) >= 3 else self.spec.bands[:1]
            if max(bands) > data.count or min(bands) < 1:
                raise GeoLoupeError(
                    "usage", f"{self.spec.label} has {data.count} band(s); bands {list(bands)} were asked: choose others."
                )
        else:
            roles = {role: i + 1 for i, role in enumerate(data.colorinterp)}
            named = [roles.get(role) for role in (ColorInterp.red, ColorInterp.green, ColorInterp.blue)]
            if all(named):
                bands = tuple(band for band in named if band)
            else:
                bands = tuple(colours[:3]) if len(colours) >= 3 else tuple(colours[:1]) or (1,)
        self.bands: tuple[int, ...] = tuple(bands)
        self.band_count, self.dtype = int(data.count), str(data.dtypes[bands[0] - 1])
        self._palette = self._read_palette(bands[0]) if len(bands) == 1 else None
        flags = [data.mask_flag_enums[band - 1] for band in self.bands]
        self._masked = not all(MaskFlags.all_valid in flag for flag in flags)
        self._shared_mask = all(MaskFlags.per_dataset in flag for flag in flags)
        self.block_height, self.block_width = data.block_shapes[bands[0] - 1]

    def _read_palette(self, band: int) -> NDArray[np.uint8] | None:
        if self._data.colorinterp[band - 1] != ColorInterp.palette:
            return None
        try:
            entries = self._data.colormap(band)
        except ValueError:
            return None
        table = np.zeros((max(256, max(entries) + 1), 4), dtype=np.uint8)
        for value, colour in entries.items():
            table[value] = colour
        return table

    def _measure(self) -> Stretch:
        if self.dtype == "uint8" or self._palette is not None:
            return Stretch()
        values, valid = self._sample()
        return measure(values, valid)

    def _sample(self) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Raw values and validity of the whole raster seen small, or of windows spread over it when that would cost too much."""
        if self._cheap_overview():
            shrink = max(1.0, max(self.width, self.height) / SAMPLE_SIDE)
            size = (max(1, round(self.width / shrink)), max(1, round(self.height / shrink)))
            return self._read_raw(Window(0, 0, self.width, self.height), size, Resampling.nearest)
        side, pieces = 256, []
        for row in np.linspace(0, self.height - side, 10).astype(int):
            for column in np.linspace(0, self.width - side, 10).astype(int):
                window = Window(int(column), int(row), int(column) + side, int(row) + side)
                pieces.append(self._read_raw(window, (64, 64), Resampling.nearest))
        return np.concatenate([piece[0] for piece in pieces], axis=2), np.concatenate([piece[1] for piece in pieces], axis=1)

    def _cheap_overview(self) -> bool:
        return bool(self._data.overviews(self.bands[0])) or self.width * self.height <= DECODE_LIMIT

    def coverage(self) -> NDArray[np.bool_] | None:
        """Coarse validity of the whole raster, (rows, columns), one look; None when a look would cost as much as reading it."""
        if not self._cheap_overview():
            return None
        size = (math.ceil(self.width / COVERAGE_STEP), math.ceil(self.height / COVERAGE_STEP))
        whole = Window(0, 0, self.width, self.height)
        if self._masked and self.dtype[:5] not in ("float", "compl"):
            with self._reading():
                return self._read_mask(RasterioWindow(0, 0, self.width, self.height), size)
        fine = (min(self.width, size[0] * CELL), min(self.height, size[1] * CELL))
        valid = self._read_raw(whole, fine, Resampling.nearest)[1]
        rows, columns = np.arange(fine[1]) * size[1] // fine[1], np.arange(fine[0]) * size[0] // fine[0]
        found = np.zeros((size[1], size[0]), dtype=bool)
        np.logical_or.at(found, (rows[:, None], columns[None, :]), valid)
        return found

    def read(self, window: Window, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """See :class:`~.pixel_source.PixelSource`."""
        width, height = size
        pixels = np.zeros((height, width, 3), dtype=np.uint8)
        valid = np.zeros((height, width), dtype=bool)
        inside = Window(max(window.x0, 0), max(window.y0, 0), min(window.x1, self.width), min(window.y1, self.height))
        if inside.width <= 0 or inside.height <= 0:
            return pixels, valid
        across, down = width / window.width, height / window.height
        left, right = (min(width, round((x - window.x0) * across)) for x in (inside.x0, inside.x1))
        top, bottom = (min(height, round((y - window.y0) * down)) for y in (inside.y0, inside.y1))
        if right <= left or bottom <= top:
            return pixels, valid
        part = (right - left, bottom - top)
        if self._palette is not None:
            colours, good = self._read_palette_colours(inside, part)
        else:
            shrinking = inside.width > part[0] or inside.height > part[1]
            same = (inside.width, inside.height) == part
            how = Resampling.nearest if same else Resampling.average if shrinking else Resampling.bilinear
            values, good = self._read_raw(inside, part, how)
            colours = np.moveaxis(self.stretch.apply(values), 0, 2)
        pixels[top:bottom, left:right] = colours if good.all() else np.where(good[..., None], colours, 0)
        valid[top:bottom, left:right] = good
        return pixels, valid

    def _read_palette_colours(self, window: Window, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Class numbers must not be averaged, their colours may: several nearest samples make one pixel."""
        table = self._palette
        if table is None:
            raise GeoLoupeError("internal", "This raster has no colour map.")
        factor = min(4, max(1, round(window.width / size[0])))
        values, good = self._read_raw(window, (size[0] * factor, size[1] * factor), Resampling.nearest)
        colours = table[np.clip(values[0].astype(np.int64), 0, len(table) - 1)]
        good &= colours[..., 3] > 0
        shape = (size[1], factor, size[0], factor)
        weight = good.reshape(shape).sum(axis=(1, 3))
        total = (colours[..., :3].astype(np.float32) * good[..., None]).reshape(*shape, 3).sum(axis=(1, 3))
        mean = np.rint(total / np.maximum(weight, 1)[..., None]).astype(np.uint8)
        return mean, weight * 2 >= factor * factor

    def _read_mask(self, window: RasterioWindow, size: tuple[int, int]) -> NDArray[np.bool_]:
        bands = [self.bands[0]] if self._shared_mask else list(self.bands)
        return self._data.read_masks(bands, window=window, out_shape=(len(bands), size[1], size[0])).any(axis=0)

    def _read_raw(self, window: Window, size: tuple[int, int], how: Resampling) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values (bands, h, w), three bands even for grey, and validity (h, w)."""
        place = RasterioWindow(window.x0, window.y0, window.width, window.height)
        with self._reading():
            values = self._data.read(
                list(self.bands), window=place, out_shape=(len(self.bands), size[1], size[0]), resampling=how
            )
            valid = self._read_mask(place, size) if self._masked else np.ones((size[1], size[0]), dtype=bool)
        if np.iscomplexobj(values):
            values = np.abs(values)
        if values.dtype.kind == "f":
            valid &= np.isfinite(values).all(axis=0)
        if not self._masked and self._palette is None:
            valid &= ~_undeclared(values)
        if len(values) == 1 and self._palette is None:
            values = np.repeat(values, 3, axis=0)
        return values, valid

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (RasterioError, rasterio._err.CPLE_BaseError, OSError) as error:
            absent = self.spec.kind == "file" and not self.spec.uri.startswith("/vsi") and ":" not in self.spec.uri[2:]
            if absent and not os.path.exists(self.spec.uri):
                message = f"{self.spec.label} is not there any more: check the path {self.spec.uri}."
            else:
                message = (
                    f"{self.spec.label} cannot be read: the file is damaged, cut short or of an unknown kind; "
                    "replace it and try again."
                )
            cause = error.__cause__ or error.__context__
            raise GeoLoupeError("raster_unreadable", message, f"{error} {cause or ''}".strip()) from error

    def cache_bytes(self, rows: int) -> int:
        """A block cache for chips ``rows`` pixels high, read row by row: what they touch and one block row more."""
        per_row = self.width * len(self.bands) * np.dtype(self._data.dtypes[0]).itemsize
        return int(min(CACHE_MAX, max(CACHE_MIN, 1.2 * per_row * (rows + 2 * self.block_height))))

    def close(self) -> None:
        while self._handles:
            self._handles.pop().close()


def _undeclared(values: NDArray[Any]) -> NDArray[np.bool_]:
    """(bands, h, w) -> (h, w): True in squares that hold nothing but black, or (bytes) nothing but white.

    Many mosaics fill what they do not cover and declare nothing; a square without any other value shows nothing anyway.
    """
    byte = values.dtype == np.uint8
    brightest = values.max(axis=0)
    if not byte:
        return _whole_cells((brightest == 0) & (values.min(axis=0) == 0))
    return _whole_cells(brightest <= 1) | _whole_cells(values.min(axis=0) >= 254)


def _whole_cells(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    height, width = flags.shape
    if not flags.any():
        return np.zeros_like(flags)
    padded = flags
    if height % CELL or width % CELL:
        padded = np.pad(flags, ((0, -height % CELL), (0, -width % CELL)), constant_values=True)
    cells = padded.reshape(padded.shape[0] // CELL, CELL, padded.shape[1] // CELL, CELL).all(axis=(1, 3))
    if not cells.any():
        return np.zeros_like(flags)
    return np.repeat(np.repeat(cells, CELL, axis=0), CELL, axis=1)[:height, :width]

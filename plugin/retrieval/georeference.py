"""Pixels, ground and coordinates: GSD in ground metres, footprints of windows, and polygons brought into pixels."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry import Polygon

from ..errors import GeoLoupeError
from .pixel_source import Window

WGS84 = "EPSG:4326"
DENSE = 16  # points along an edge that may bend when it is reprojected


@lru_cache(maxsize=64)
def parse_crs(text: str) -> CRS:
    """A CRS from WKT or AUTH:CODE. Raises GeoLoupeError("no_crs")."""
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise GeoLoupeError(
            "no_crs", f"The coordinate reference system {text[:60]!r} is not known: choose another.", str(error)
        ) from error


@lru_cache(maxsize=64)
def short_crs(text: str) -> str:
    """AUTH:CODE where the CRS has one that means exactly the same, else WKT."""
    crs = parse_crs(text)
    authority = crs.to_authority(min_confidence=100)
    if authority is None:
        authority = crs.to_authority(min_confidence=70)
        if authority and not same_crs(":".join(authority), text):
            authority = None
    return ":".join(authority) if authority else crs.to_wkt()


@lru_cache(maxsize=256)
def same_crs(first: str, second: str) -> bool:
    """True when coordinates of one (x first) are coordinates of the other."""
    return first == second or parse_crs(first).equals(parse_crs(second), ignore_axis_order=True)


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """Coordinates of ``source`` to ``target``, x (east, longitude) always first."""
    return Transformer.from_crs(parse_crs(source), parse_crs(target), always_xy=True)


def ground_gsd(transform: Affine, crs: str, width: int, height: int) -> float:
    """Metres on the ground covered by one pixel at the raster's centre: the side of a square of the same area."""
    column, row = width / 2, height / 2
    points = pixel_to_ground(transform, np.array([(column, row), (column + 1, row), (column, row + 1)]))
    try:
        lon, lat = transformer(crs, WGS84).transform(points[:, 0], points[:, 1], errcheck=True)
        _, _, across = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])
        _, _, down = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[2], lat[2])
        gsd = math.sqrt(across * down)
    except ProjError:
        gsd = math.nan
    if math.isfinite(gsd) and gsd > 0:
        return gsd
    # A local grid that has no way to longitude and latitude: trust its own unit.
    unit = parse_crs(crs).axis_info[0].unit_conversion_factor if parse_crs(crs).axis_info else 1.0
    return math.sqrt(abs(transform.determinant)) * (unit or 1.0)


def _ring(x0: float, y0: float, x1: float, y1: float, points: int) -> NDArray[np.float64]:
    """(4 * points + 1, 2): the outline of a rectangle with ``points`` steps along each edge."""
    steps = np.arange(points) / points
    xs = np.concatenate([x0 + (x1 - x0) * steps, np.full(points, x1), x1 + (x0 - x1) * steps, np.full(points, x0)])
    ys = np.concatenate([np.full(points, y0), y0 + (y1 - y0) * steps, np.full(points, y1), y1 + (y0 - y1) * steps])
    ring = np.stack([xs, ys], axis=1)
    return np.concatenate([ring, ring[:1]])


def pixel_to_ground(transform: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) column, row -> (n, 2) x, y."""
    x, y = points[:, 0], points[:, 1]
    return np.stack([transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f], axis=1)


def window_to_footprint(
    window: Window | tuple[float, float, float, float], transform: Affine, crs: str, target: str | None = None
) -> list[list[float]]:
    """The window's outline as a closed ring [[x, y], ...] in ``target`` (its own CRS when None).

    Corners alone where edges stay straight to a tenth of a pixel; else the edges are densified. Raises GeoLoupeError("no_crs")
    when the window has no coordinates in ``target``.
    """
    x0, y0, x1, y1 = (window.x0, window.y0, window.x1, window.y1) if isinstance(window, Window) else window
    if target is None or same_crs(crs, target):
        return pixel_to_ground(transform, _ring(x0, y0, x1, y1, 1)).tolist()
    dense = _ring(x0, y0, x1, y1, DENSE)
    ground = pixel_to_ground(transform, dense)
    xs, ys = transformer(crs, target).transform(ground[:, 0], ground[:, 1])
    ring = np.stack([xs, ys], axis=1)
    if not np.isfinite(ring).all():
        raise GeoLoupeError("no_crs", "A region has no coordinates in the chosen coordinate reference system: choose another.")
    corners = ring[::DENSE]
    middles = ring[DENSE // 2 :: DENSE]
    bend = np.abs(middles - (corners[:-1] + corners[1:]) / 2).max()
    pixel = np.abs(corners[:-1] - corners[1:]).max() / max(x1 - x0, y1 - y0)
    return (corners if bend <= 0.1 * pixel else ring).tolist()


def footprint_bounds(windows: NDArray[np.int64], transform: Affine, crs: str) -> NDArray[np.float64]:
    """(n, 4) windows -> (n, 4) west, south, east, north in WGS 84 degrees; the CRS's own numbers where there is no way there."""
    x0, y0, x1, y1 = (windows[:, i].astype(float) for i in range(4))
    columns = np.stack([x0, x1, x1, x0, (x0 + x1) / 2, x1, (x0 + x1) / 2, x0], axis=1)
    rows = np.stack([y0, y0, y1, y1, y0, (y0 + y1) / 2, y1, (y0 + y1) / 2], axis=1)
    ground = pixel_to_ground(transform, np.stack([columns.ravel(), rows.ravel()], axis=1))
    try:
        lon, lat = transformer(crs, WGS84).transform(ground[:, 0], ground[:, 1])
    except ProjError:
        lon, lat = ground[:, 0], ground[:, 1]
    lon, lat = np.asarray(lon).reshape(columns.shape), np.asarray(lat).reshape(columns.shape)
    return np.stack([lon.min(1), lat.min(1), lon.max(1), lat.max(1)], axis=1)


def polygon_to_pixels(ring: list[list[float]] | NDArray[np.float64], crs: str, transform: Affine, raster_crs: str) -> Polygon:
    """A ring in ``crs`` (or two corners of a box) as a polygon in a raster's full-resolution pixels, rotated rasters too.

    Edges are densified when they may bend. Empty when it has no coordinates in the raster's CRS.
    """
    points = np.asarray(ring, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or not np.isfinite(points).all():
        raise GeoLoupeError("usage", "A box needs two corners, or a ring of points, as [[x, y], ...].")
    if len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = _ring(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), 1)
    if not same_crs(crs, raster_crs):
        closed = shapely.linestrings(np.concatenate([points, points[:1]]))
        points = shapely.get_coordinates(shapely.segmentize(closed, max(closed.length / (4 * DENSE), 1e-12)))
        xs, ys = transformer(crs, raster_crs).transform(points[:, 0], points[:, 1])
        points = np.stack([xs, ys], axis=1)
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) < 3:
            return Polygon()
    pixels = pixel_to_ground(~transform, points)
    polygon = Polygon(pixels) if len(pixels) > 2 else Polygon()
    if polygon.area < 1e-9:  # a click, or a line: still a place
        return shapely.MultiPoint(pixels).envelope.buffer(1e-3)
    return polygon if polygon.is_valid else polygon.buffer(0)


def bounds_to_polygon(bounds: tuple[float, ...], crs: str, transform: Affine, raster_crs: str) -> Polygon:
    """Bounds (x0, y0, x1, y1) in ``crs`` as a polygon in the raster's pixels."""
    if len(bounds) != 4 or not all(math.isfinite(number) for number in bounds):
        raise GeoLoupeError("usage", "An extent needs four numbers: x0, y0, x1, y1.")
    return polygon_to_pixels([list(bounds[:2]), list(bounds[2:])], crs, transform, raster_crs)


def bounds_to_window(bounds: tuple[float, ...], crs: str, transform: Affine, raster_crs: str) -> Window | None:
    """The smallest window that holds the bounds, or None when they have no place in the raster's CRS."""
    return polygon_window(bounds_to_polygon(bounds, crs, transform, raster_crs))


def polygon_window(polygon: Polygon) -> Window | None:
    """The smallest window of whole pixels that holds a polygon in pixels; None when it is empty."""
    if polygon.is_empty:
        return None
    x0, y0, x1, y1 = polygon.bounds
    slack = 1e-6  # so that an edge computed a hair beyond a pixel's does not take one more
    return Window(math.floor(x0 + slack), math.floor(y0 + slack), math.ceil(x1 - slack), math.ceil(y1 - slack))

"""A small georeferenced town, drawn with numpy: what tests and the offline demo look at when no real imagery is at hand.

The town has fields, roads, houses with blue, red and grey roofs, trees and a pond, each with a labelled pixel box, so that a
test can say what a search should have found. The same seed gives the same pixels. Written by rasterio where that imports,
else by GDAL's own Python, so it serves both test environments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import numpy as np

ROOF_COLOURS = {"blue roof": (52, 110, 190), "red roof": (176, 62, 48), "grey roof": (150, 150, 148)}
ROAD, FIELDS = (116, 112, 108), ((112, 134, 70), (152, 150, 88), (92, 118, 62), (170, 152, 108))
TREE, WATER = (46, 78, 40), (40, 66, 84)
BLOCK_M = 60.0  # streets are this far apart, in metres


@dataclass(frozen=True)
class Thing:
    """One labelled thing, its box in full-resolution pixels, origin at the top left, ends exclusive."""

    label: str
    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Town:
    """The file and what is drawn in it. ``transform`` is rasterio's order: a, b, c, d, e, f."""

    path: Path
    width: int
    height: int
    gsd: float
    crs: Optional[str]
    transform: Tuple[float, float, float, float, float, float]
    things: List[Thing]

    def of(self, label: str) -> List[Thing]:
        """The things with this label: 'blue roof', 'red roof', 'grey roof', 'tree' or 'water'."""
        return [thing for thing in self.things if thing.label == label]

    def ground(self, x: float, y: float) -> Tuple[float, float]:
        """Pixel (column, row) to a point in the town's CRS."""
        a, b, c, d, e, f = self.transform
        return a * x + b * y + c, d * x + e * y + f

    def ground_ring(self, thing: Thing) -> List[Tuple[float, float]]:
        """The four corners of a thing's box in the town's CRS."""
        return [
            self.ground(x, y) for x, y in ((thing.x0, thing.y0), (thing.x1, thing.y0), (thing.x1, thing.y1), (thing.x0, thing.y1))
        ]


def draw(width: int, height: int, gsd: float, seed: int = 1) -> Tuple[np.ndarray, List[Thing]]:
    """Pixels (height, width, 3) uint8 and the things in them; ``gsd`` in metres per pixel sets how large they are."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((height, width, 3), np.float32)
    step = max(16, round(BLOCK_M / gsd))
    half_road = max(1, round(3.0 / gsd))
    things: List[Thing] = []
    for top in range(0, height, step):
        for left in range(0, width, step):
            canvas[top : top + step, left : left + step] = FIELDS[rng.integers(len(FIELDS))]
    canvas += _smooth_noise(rng, height, width)[:, :, None] * 14
    pond = (int(rng.integers(1, max(2, height // step))), int(rng.integers(1, max(2, width // step))))
    for row, top in enumerate(range(0, height, step)):
        for column, left in enumerate(range(0, width, step)):
            inner = (
                left + half_road + 1,
                top + half_road + 1,
                min(left + step, width) - half_road - 1,
                min(top + step, height) - half_road - 1,
            )
            if inner[2] - inner[0] < step // 2 or inner[3] - inner[1] < step // 2:
                continue
            if (row, column) == pond:
                things.append(_pond(canvas, inner))
            elif rng.random() < 0.25:
                things.extend(_trees(rng, canvas, inner, gsd, 6))
            else:
                things.extend(_houses(rng, canvas, inner, gsd))
    for line in range(0, max(width, height), step):
        canvas[max(0, line - half_road) : line + half_road] = ROAD
        canvas[:, max(0, line - half_road) : line + half_road] = ROAD
    canvas += rng.normal(0, 4, canvas.shape)
    return np.clip(canvas, 1, 254).astype(np.uint8), things


def write_town(
    path: Path,
    *,
    width: int = 1024,
    height: int = 896,
    gsd: float = 0.3,
    seed: int = 1,
    crs: Optional[str] = "EPSG:32633",
    origin: Tuple[float, float] = (500000.0, 5000000.0),
    rotation: float = 0.0,
    dtype: str = "uint8",
    bands: Sequence[int] = (0, 1, 2),
    nodata: Optional[float] = None,
    empty_margin: int = 0,
) -> Town:
    """Draw a town and write it as a tiled GeoTIFF.

    ``origin`` is the top left corner in ``crs`` (None: no CRS); ``rotation`` turns the grid by degrees, clockwise;
    ``dtype`` uint8, uint16 (values spread over 200..3000) or float32 (0..0.3); ``bands`` picks and orders colours (repeat for
    more bands, one for grey); ``empty_margin`` pixels at the right edge hold ``nodata`` (0 where that is None).
    In a geographic CRS, ``gsd`` still means metres: the pixel is sized for the origin's latitude.
    """
    pixels, things = draw(width, height, gsd, seed)
    values = pixels[:, :, list(bands)].astype(np.float32)
    if dtype == "uint16":
        values = 200 + values * (2800 / 255)
    elif dtype == "float32":
        values = values * (0.3 / 255)
    if empty_margin:
        values[:, width - empty_margin :] = 0 if nodata is None else nodata
        things = [thing for thing in things if thing.x1 <= width - empty_margin]
    transform = _transform(gsd, origin, rotation, _is_geographic(crs))
    path = Path(path)
    _write(path, values.astype(dtype).transpose(2, 0, 1), crs, transform, nodata)
    return Town(path, width, height, gsd, crs, transform, things)


def _is_geographic(crs):
    return crs in ("EPSG:4326", "OGC:CRS84")


def _transform(gsd, origin, rotation, geographic):
    across = down = gsd
    if geographic:
        across, down = gsd / (111320.0 * math.cos(math.radians(origin[1]))), gsd / 110574.0
    turn = math.radians(rotation)
    return (
        across * math.cos(turn),
        -across * math.sin(turn),
        origin[0],
        -down * math.sin(turn),
        -down * math.cos(turn),
        origin[1],
    )


def _smooth_noise(rng, height, width, cell=24):
    coarse = rng.normal(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
    rows, columns = np.arange(height) / cell, np.arange(width) / cell
    r, c = rows.astype(int), columns.astype(int)
    fr, fc = (rows - r)[:, None].astype(np.float32), (columns - c)[None, :].astype(np.float32)
    top = coarse[r][:, c] * (1 - fc) + coarse[r][:, c + 1] * fc
    bottom = coarse[r + 1][:, c] * (1 - fc) + coarse[r + 1][:, c + 1] * fc
    return top * (1 - fr) + bottom * fr


def _houses(rng, canvas, inner, gsd):
    """Two rows of houses with a shadow to the lower right and two roof slopes."""
    x0, y0, x1, y1 = inner
    labels = list(ROOF_COLOURS)
    built = []
    pitch = max(6, round(19.0 / gsd))
    for top in range(y0 + 2, y1 - pitch + 2, pitch):
        for left in range(x0 + 2, x1 - pitch + 2, pitch):
            if rng.random() < 0.2:
                built.extend(_trees(rng, canvas, (left, top, left + pitch - 2, top + pitch - 2), gsd, 1))
                continue
            width, height = (max(4, round(float(rng.uniform(9, 14)) / gsd)) for _ in range(2))
            label = labels[int(rng.choice(len(labels), p=(0.25, 0.25, 0.5)))]
            shadow = max(1, round(1.5 / gsd))
            canvas[top + shadow : top + height + shadow, left + shadow : left + width + shadow] *= 0.5
            colour = np.asarray(ROOF_COLOURS[label], np.float32) * rng.uniform(0.92, 1.08)
            middle = top + height // 2
            canvas[top:middle, left : left + width] = colour * 1.1
            canvas[middle : top + height, left : left + width] = colour * 0.86
            built.append(Thing(label, left, top, left + width, top + height))
    return built


def _trees(rng, canvas, inner, gsd, count):
    x0, y0, x1, y1 = inner
    grown = []
    for _ in range(count):
        radius = max(2, round(float(rng.uniform(2.5, 4.5)) / gsd))
        if x1 - x0 <= 2 * radius + 1 or y1 - y0 <= 2 * radius + 1:
            continue
        cx, cy = int(rng.integers(x0 + radius, x1 - radius)), int(rng.integers(y0 + radius, y1 - radius))
        ys, xs = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disc = xs**2 + ys**2 <= radius**2
        patch = canvas[cy - radius : cy + radius + 1, cx - radius : cx + radius + 1]
        light = (1.15 - 0.25 * (xs + ys) / radius)[disc][:, None]
        patch[disc] = np.asarray(TREE, np.float32) * light + rng.normal(0, 6, (int(disc.sum()), 1))
        grown.append(Thing("tree", cx - radius, cy - radius, cx + radius + 1, cy + radius + 1))
    return grown


def _pond(canvas, inner):
    x0, y0, x1, y1 = inner
    ys, xs = np.mgrid[y0:y1, x0:x1]
    disc = ((xs - (x0 + x1) / 2) / ((x1 - x0) / 2)) ** 2 + ((ys - (y0 + y1) / 2) / ((y1 - y0) / 2)) ** 2 <= 1
    canvas[y0:y1, x0:x1][disc] = WATER
    return Thing("water", x0, y0, x1, y1)


def _write(path, bands, crs, transform, nodata):
    """``bands`` is (count, height, width)."""
    try:
        import rasterio
    except ImportError:
        _write_with_gdal(path, bands, crs, transform, nodata)
        return
    count, height, width = bands.shape
    options = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": bands.dtype.name}
    layout = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}
    if count >= 3:
        layout["photometric"] = "RGB"
    with rasterio.open(path, "w", crs=crs, transform=rasterio.Affine(*transform), nodata=nodata, **options, **layout) as out:
        out.write(bands)


def _write_with_gdal(path, bands, crs, transform, nodata):
    from osgeo import gdal, osr

    types = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "float32": gdal.GDT_Float32}
    count, height, width = bands.shape
    layout = ["TILED=YES", "COMPRESS=DEFLATE"] + (["PHOTOMETRIC=RGB"] if count >= 3 else [])
    out = gdal.GetDriverByName("GTiff").Create(str(path), width, height, count, types[bands.dtype.name], layout)
    a, b, c, d, e, f = transform
    out.SetGeoTransform((c, a, b, f, d, e))
    if crs:
        system = osr.SpatialReference()
        system.SetFromUserInput(crs)
        out.SetProjection(system.ExportToWkt())
    for number, band in enumerate(bands, 1):
        target = out.GetRasterBand(number)
        if nodata is not None:
            target.SetNoDataValue(nodata)
        target.WriteRaster(0, 0, width, height, np.ascontiguousarray(band).tobytes())
    out.FlushCache()
    out = None  # closes the file: GDAL's Python has no close() in the versions QGIS ships

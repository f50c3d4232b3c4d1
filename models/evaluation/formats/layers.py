"""Labelled layers over rasters: any vector GDAL reads, JSON lists of pixel boxes, or YOLO text."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError

from ....plugin.errors import GeoLoupeError
from ..forms import Edges, Picture, Plan
from ..pictures import UNREADABLE, Reader, bands_of
from ..records import Composable, Material, Region
from .base import cleaned, edges

SHARE = 79 / 224  # of a chip's side that the longer side of its box takes, in the views
STEP = 1.25  # chips of views come in sizes this factor apart, so that many share a ground sample distance
IN_TILE = 4  # the median box goes this often into the side of a tile with many boxes
LEAST_INSIDE = 0.5  # of a box's area must lie on its tile
BACKGROUND = 5  # boxes around nothing for each labelled one, where nearly all have one label
MOST_ALIKE = 0.9
LOOK = 2048  # pixels of the longer side of the look for empty areas
MOST_EMPTY = 0.9

Row = tuple[NDArray[np.float64], str, str]  # pixel box x0, y0, x1, y1; label; attribute


def load(rasters: Sequence[Path], labels: Sequence[Path], field: str, attribute: str | None, side: int, plan: Plan) -> Material:
    """Regions of all rasters twice: on tiles that hold many of them, and each on a chip of its own (``side`` pixels)."""
    if len(labels) not in (1, len(rasters)):
        raise GeoLoupeError("usage", f"Give one file of labels, or one for each of the {len(rasters)} rasters.")
    material, reader = Material(format="labelled layer over rasters"), Reader()
    try:
        for number, raster in enumerate(rasters):
            source = labels[number] if len(labels) > 1 else labels[0]
            try:
                reader.size(str(raster))
            except UNREADABLE as problem:
                raise GeoLoupeError(
                    "raster_unreadable", f"{raster} cannot be read as a raster: choose another.", str(problem)
                ) from problem
            rows = read_rows(source, raster, field, attribute, reader, material)
            add_raster(
                raster,
                f"{number + 1}. {raster.name}" if len(rasters) > 1 else raster.name,
                rows,
                side,
                reader,
                plan,
                material,
                attribute,
            )
    finally:
        reader.close()
    if not material.views:
        reasons = ", ".join(f"{count} {reason}" for reason, count in material.left_out.items() if count) or "it has no features"
        raise GeoLoupeError(
            "usage", f"No label of {labels[0]} lies on a raster ({reasons}): check the files and the field {field}."
        )
    material.notes.append(
        f"views: chips of {side} pixels in which the longer side of the box takes {SHARE:.2f}, never finer than the raster"
    )
    return material


def read_rows(source: Path, raster: Path, field: str, attribute: str | None, reader: Reader, material: Material) -> list[Row]:
    if not source.is_file() and not source.is_dir():  # a folder may be a layer (File Geodatabase)
        raise GeoLoupeError("usage", f"{source} is not there: give a file of labels.")
    if source.suffix.lower() == ".txt":
        return yolo(source, reader.size(str(raster)), material)
    if source.suffix.lower() == ".json":
        raw = pixel_list(source)
        if raw is not None:
            return pixel_rows(raw, source, field, attribute, material)
    return vector(source, raster, field, attribute, reader, material)


def pixel_list(source: Path) -> list[Any] | None:
    """A JSON list of objects with ``bbox`` (x0, y0, x1, y1 in pixels); None for other JSON, such as GeoJSON."""
    try:
        raw = json.loads(source.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    return raw if isinstance(raw, list) else None


def pixel_rows(raw: list[Any], source: Path, field: str, attribute: str | None, material: Material) -> list[Row]:
    names = sorted({name for row in raw if isinstance(row, dict) for name in row} - {"bbox"})
    check_fields(source, names, field, attribute)
    rows = []
    for row in raw:
        box = row.get("bbox") if isinstance(row, dict) else None
        if not isinstance(box, list) or len(box) != 4 or not all(isinstance(number, (int, float)) for number in box):
            material.left_out["features without an area"] += 1
        else:
            rows.append((np.array(box, float), cleaned(row.get(field)), cleaned(row.get(attribute)) if attribute else ""))
    return rows


def yolo(source: Path, size: tuple[int, int], material: Material) -> list[Row]:
    """Lines of class, middle x, middle y, width, height in fractions; names from the *.names file beside it."""
    lists = sorted(source.parent.glob("*.names"))
    names = lists[0].read_text(encoding="utf-8").split("\n") if lists else []
    rows = []
    for line in source.read_text(encoding="utf-8").splitlines():
        parts = line.split()
        try:
            kind = int(parts[0])
            x, y, width, height = (float(part) for part in parts[1:5])
        except (ValueError, IndexError):
            material.left_out["lines that cannot be read"] += bool(parts)
            continue
        box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]) * [*size, *size]
        label = names[kind].strip() if 0 <= kind < len(names) and names[kind].strip() else f"class {kind}"
        rows.append((box, label, ""))
    return rows


def check_fields(source: Path, names: Sequence[str], *wanted: str | None) -> None:
    for field in wanted:
        if field and field not in names:
            raise GeoLoupeError("usage", f"{source.name} has no field “{field}”: choose one of {', '.join(names) or 'none'}.")


def vector(source: Path, raster: Path, field: str, attribute: str | None, reader: Reader, material: Material) -> list[Row]:
    """Polygons of a layer in pixels of the raster, whatever both CRSs are."""
    try:
        info = pyogrio.read_info(source)
        check_fields(source, [str(name) for name in info["fields"]], field, attribute)
        wanted = list(dict.fromkeys(name for name in (field, attribute) if name))
        meta, _, geometry, values = pyogrio.raw.read(source, columns=wanted)
    except (DataSourceError, DataLayerError) as problem:
        raise GeoLoupeError(
            "usage", f"{source} cannot be read as a vector layer: choose another file.", str(problem)
        ) from problem
    data = reader.dataset(str(raster))
    if not data.crs or not meta["crs"]:
        lacking = raster if not data.crs else source
        raise GeoLoupeError("no_crs", f"{lacking} has no coordinate reference system: save it with one and try again.")
    columns = dict(zip(meta["fields"], values, strict=True))
    try:
        change = Transformer.from_crs(CRS.from_user_input(meta["crs"]), CRS.from_wkt(data.crs.to_wkt()), always_xy=True)
    except (CRSError, ProjError) as problem:
        raise GeoLoupeError("no_crs", f"The coordinates of {source} cannot be brought to {raster}.", str(problem)) from problem
    shapes = shapely.from_wkb(geometry)
    rows = []
    back = ~data.transform
    for number, shape in enumerate(shapes):
        if shape is None or shape.is_empty or shapely.get_dimensions(shape) < 2:
            material.left_out["features without an area"] += 1
            continue
        points = shapely.get_coordinates(shape)
        x, y = change.transform(points[:, 0], points[:, 1])
        column, row = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
        box = np.array([column.min(), row.min(), column.max(), row.max()])
        if not np.isfinite(box).all():
            material.left_out["features without coordinates on the raster"] += 1
            continue
        rows.append((box, text_of(columns[field][number]), text_of(columns[attribute][number]) if attribute else ""))
    return rows


def text_of(value: Any) -> str:
    """A field's value in words; nothing for null."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    return cleaned(value.item() if isinstance(value, np.generic) else value)


def add_raster(
    raster: Path, name: str, rows: Sequence[Row], side: int, reader: Reader, plan: Plan, material: Material, attribute: str | None
) -> None:
    """Regions of one raster into ``regions`` (tiles), ``views`` and ``composables``."""
    width, height = reader.size(str(raster))
    kept, empty = [], empty_places(reader.dataset(str(raster)))
    for box, label, value in rows:
        inside = np.clip(box, 0, [width, height, width, height])
        size = inside[2:] - inside[:2]
        if not label:
            material.left_out["features without a value"] += 1
        elif (size < 1).any() or size.prod() < LEAST_INSIDE * max((box[2:] - box[:2]).prod(), 1e-9):
            material.left_out["features off the raster"] += 1
        elif is_empty(empty, inside, width, height):
            material.left_out["features where the raster is empty"] += 1
        else:
            kept.append((inside, label, value))
    if not kept:
        return
    known = len(kept)
    boxes = np.array([box for box, _, _ in kept])
    times = plan.extra.get("background")
    if times is None:
        commonest = Counter(label for _, label, _ in kept).most_common(1)[0][1]
        times = BACKGROUND if commonest > MOST_ALIKE * known else 0
    extra = around_nothing(boxes, int(str(times)), (width, height), np.random.default_rng(plan.seed), empty)
    if extra:
        kept += [(box, "", "") for box in extra]
        boxes = np.array([box for box, _, _ in kept])
        material.notes.append(f"{name}: {len(extra)} boxes around nothing, of the labelled ones' sizes, are candidates too")
    shapes = shapely.box(*boxes.T)
    pairs = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    meets: list[set[str]] = [set() for _ in kept]
    for first, second in pairs.T:
        if first != second:
            meets[first].add(f"{name} {second}")
    gsd = ground_gsd(reader.dataset(str(raster)))
    tile = min(max(side, IN_TILE * float(np.median((boxes[:known, 2:] - boxes[:known, :2]).max(1)))), width, height)
    for number, (box, label, value) in enumerate(kept):
        own, place = view(raster, box, side, width, height, gsd)
        if place is None:
            continue
        region = Region(f"{name} {number}", name, own, place, label, meets=frozenset(meets[number]))
        material.views.append(region)
        if attribute and value:
            material.composables.append(Composable(region.name, own, label, attribute, value, place, region.meets))
        add_tile(raster, name, region, box, tile, side, (width, height), gsd, material)


def view(
    raster: Path, box: NDArray[np.float64], side: int, width: int, height: int, gsd: float | None
) -> tuple[Picture, Edges | None]:
    """The chip around one box, and the box on it."""
    wanted = max(1.0, float((box[2:] - box[:2]).max()) / SHARE / side)
    span = min(side * STEP ** math.ceil(math.log(wanted, STEP) - 1e-9), width, height)
    left, top = (float(np.clip((box[i] + box[i + 2] - span) / 2, 0, most - span)) for i, most in ((0, width), (1, height)))
    picture = Picture(str(raster), (left, top, left + span, top + span), side, gsd * span / side if gsd else None)
    return picture, edges(*((box - [left, top, left, top]) / span))


def add_tile(
    raster: Path,
    name: str,
    region: Region,
    box: NDArray[np.float64],
    tile: float,
    side: int,
    size: tuple[int, int],
    gsd: float | None,
    material: Material,
) -> None:
    """The region on the tile in whose middle it lies most."""
    starts = [tile_start((box[i] + box[i + 2]) / 2, tile, most) for i, most in ((0, size[0]), (1, size[1]))]
    left, top = starts
    place = edges(*((box - [left, top, left, top]) / tile))
    area = (box[2:] - box[:2]).prod() / tile**2
    if place is None or (place[2] - place[0]) * (place[3] - place[1]) < LEAST_INSIDE * area:
        material.left_out["regions larger than a tile (left out of the tasks on the same image)"] += 1
        return
    picture = Picture(str(raster), (left, top, left + tile, top + tile), side, gsd * tile / side if gsd else None)
    material.regions.append(Region(region.name, f"{name} tile {left:.0f},{top:.0f}", picture, place, region.label))


def tile_start(middle: float, tile: float, most: int) -> float:
    """Tiles lie three quarters of their side apart; the last is moved inwards."""
    starts = [*np.arange(0, most - tile, tile * 0.75), most - tile]
    return float(min(starts, key=lambda start: abs(start + tile / 2 - middle)))


def around_nothing(
    boxes: NDArray[np.float64], times: int, size: tuple[int, int], rng: np.random.Generator, empty: NDArray[np.bool_]
) -> list[NDArray[np.float64]]:
    """``times`` as many boxes of the labelled ones' sizes that meet none of them; fewer where there is no room."""
    found: list[NDArray[np.float64]] = []
    for _ in range(10 * times * len(boxes)):
        if len(found) == times * len(boxes):
            break
        like = boxes[rng.integers(len(boxes))]
        across, down = like[2] - like[0], like[3] - like[1]
        x, y = rng.uniform(0, size[0] - across), rng.uniform(0, size[1] - down)
        box = np.array([x, y, x + across, y + down])
        meets = (np.minimum(boxes[:, 2:], box[2:]) > np.maximum(boxes[:, :2], box[:2])).all(1).any()
        if not meets and not is_empty(empty, box, *size):
            found.append(box)
    return found


def empty_places(data: Any) -> NDArray[np.bool_]:
    """Where a raster shows nothing, (rows, columns) of one small look: masked, or all black, or all white in bytes."""
    shrink = max(1.0, max(data.width, data.height) / LOOK)
    shape = (max(1, round(data.height / shrink)), max(1, round(data.width / shrink)))
    values = data.read(bands_of(data), out_shape=(3, *shape))
    empty = (data.dataset_mask(out_shape=shape) == 0) | (values == 0).all(0)
    return empty | (values == 255).all(0) if values.dtype == np.uint8 else empty


def is_empty(empty: NDArray[np.bool_], box: NDArray[np.float64], width: int, height: int) -> bool:
    rows, columns = empty.shape
    x0, y0 = int(box[0] / width * columns), int(box[1] / height * rows)
    x1, y1 = max(x0 + 1, math.ceil(box[2] / width * columns)), max(y0 + 1, math.ceil(box[3] / height * rows))
    part = empty[y0:y1, x0:x1]
    return bool(part.size) and float(part.mean()) > MOST_EMPTY


def ground_gsd(data: Any) -> float | None:
    """Metres on the ground for one pixel at the middle of the raster; None without a way to know."""
    if not data.crs:
        return None
    column, row = data.width / 2, data.height / 2
    points = [data.transform @ point for point in ((column, row), (column + 1, row), (column, row + 1))]
    try:
        change = Transformer.from_crs(data.crs.to_wkt(), "EPSG:4326", always_xy=True)
        lon, lat = change.transform([x for x, _ in points], [y for _, y in points], errcheck=True)
    except (CRSError, ProjError):
        return None
    sides = [Geod(ellps="WGS84").inv(lon[0], lat[0], lon[i], lat[i])[2] for i in (1, 2)]
    gsd = math.sqrt(sides[0] * sides[1])
    return gsd if math.isfinite(gsd) and gsd > 0 else None

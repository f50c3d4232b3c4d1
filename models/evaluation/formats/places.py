"""Images with places: a CSV of file, lat, lon and perhaps a caption, or a folder of georeferenced rasters."""

from __future__ import annotations

import math
from pathlib import Path

from pyproj import Transformer
from pyproj.exceptions import CRSError, ProjError

from ..forms import Picture, Plan
from ..pictures import UNREADABLE, Reader
from ..records import Located, Material
from .base import Format, cleaned, column, files_like, read_table, roots, walk, wrong

EXPECTED_CSV = "a CSV file with columns file, lat and lon, in degrees, and perhaps caption, and the images below the same folder"
EXPECTED_TIFF = "a folder of GeoTIFF files that have a coordinate reference system"


def table(path: Path) -> Path | None:
    for file in files_like(path, r".*\.(csv|tsv)"):
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            head = stream.readline()
        names = [name.strip().lower() for name in head.strip().split(max(",;\t|", key=head.count))]
        if all(column(names, meaning) for meaning in ("file", "lat", "lon")):
            return file
    return None


def load_table(path: Path, plan: Plan) -> Material:
    """Rows with a picture and a place on Earth."""
    file = table(path)
    if file is None:
        raise wrong(path, EXPECTED_CSV)
    rows = read_table(file)
    material = Material(notes=[file.name])
    names = rows[0] if rows else {}
    file_column, lat, lon = (column(names, meaning) or "" for meaning in ("file", "lat", "lon"))
    text, split = column(names, "text"), column(names, "split")
    finder = roots(file, plan, "images")
    for row in rows:
        if split and (row.get(split) or "").strip() != plan.split:
            continue
        place = degrees(row.get(lat), row.get(lon))
        if place is None:
            material.left_out["rows without a latitude in -90..90 and a longitude in -180..180"] += 1
            continue
        name = (row.get(file_column) or "").strip()
        picture = finder.picture(name, material.left_out)
        if picture:
            material.located.append(Located(name, picture, *place, cleaned(row.get(text) or "") if text else ""))
    return material


def degrees(lat: str | None, lon: str | None) -> tuple[float, float] | None:
    try:
        place = float(lat or ""), float(lon or "")
    except ValueError:
        return None
    return place if math.isfinite(sum(place)) and -90 <= place[0] <= 90 and -180 <= place[1] <= 180 else None


def georeferenced(path: Path, most: int | None = None) -> list[Path]:
    if not path.is_dir():
        return []
    reader, found = Reader(), []
    try:
        for number, file in enumerate(walk(path, lambda one: one.suffix.lower() in (".tif", ".tiff"))):
            if most is not None and number >= most:
                break
            try:
                if reader.dataset(str(file)).crs:
                    found.append(file)
            except UNREADABLE:
                continue
    finally:
        reader.close()
    return found


def load_rasters(path: Path, plan: Plan) -> Material:
    """The middle of each raster is its place."""
    files = georeferenced(path)
    if len(files) < 2:
        raise wrong(path, EXPECTED_TIFF)
    reader, material = Reader(), Material(notes=["places are the middles of the rasters"])
    try:
        for file in files:
            data = reader.dataset(str(file))
            x, y = data.transform @ (data.width / 2, data.height / 2)
            try:
                lon, lat = Transformer.from_crs(data.crs.to_wkt(), "EPSG:4326", always_xy=True).transform(x, y, errcheck=True)
            except (CRSError, ProjError):
                lon, lat = math.nan, math.nan
            place = degrees(str(lat), str(lon))
            if place is None:
                material.left_out["rasters that have no place on Earth"] += 1
                continue
            material.located.append(Located(file.relative_to(path).as_posix(), Picture(str(file)), *place))
    finally:
        reader.close()
    return material


TABLE = Format(
    "places-csv",
    "images with latitude and longitude",
    EXPECTED_CSV,
    ("places",),
    lambda path: table(path) is not None,
    load_table,
)
RASTERS = Format(
    "geotiffs",
    "georeferenced rasters",
    EXPECTED_TIFF,
    ("places",),
    lambda path: len(georeferenced(path, most=8)) > 1,
    load_rasters,
)

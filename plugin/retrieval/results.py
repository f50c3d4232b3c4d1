"""Hits as files: GeoJSON (always WGS 84) and GeoPackage (the rasters' common CRS, else WGS 84)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from ..errors import GeoLoupeError
from .georeference import WGS84, same_crs, transformer
from .hits import Hit

FIELDS = (
    "rank", "score", "source", "source_name", "query", "model", "gsd", "date", "index", "region", "x0", "y0", "x1", "y1",
)  # fmt: skip


def write_hits(path: str | Path, hits: Sequence[Hit], *, query: str = "", model: str = "", layer: str = "hits") -> None:
    """Write hits to ``path``, .gpkg or .geojson; a file that is there is replaced, whole or not at all.

    Raises GeoLoupeError: "usage" for another ending or a place that cannot be written, "disk_full".
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in (".gpkg", ".geojson", ".json"):
        raise GeoLoupeError("usage", f"Hits are written to .gpkg or .geojson, not {path.suffix or 'a file without ending'}.")
    temporary = path.with_name(f".{path.stem}.part{ending}")
    try:
        if ending == ".gpkg":
            _write_gpkg(temporary, hits, query, model, layer)
        else:
            temporary.write_text(hits_to_geojson(hits, query=query, model=model), encoding="utf-8")
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        raise GeoLoupeError("usage", f"{path} cannot be written: choose another place for the hits.", str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def hits_to_geojson(hits: Sequence[Hit], *, query: str = "", model: str = "") -> str:
    """A FeatureCollection in WGS 84, longitude first, rings counter-clockwise (RFC 7946)."""
    features = []
    for hit in hits:
        ring = shapely.get_coordinates(shapely.geometry.polygon.orient(_polygon(hit, WGS84))).round(8).tolist()
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "id": hit.rank, "geometry": geometry, "properties": _properties(hit, query, model)})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _properties(hit: Hit, query: str, model: str) -> dict[str, Any]:
    extra = {"query": query, "model": model, "region": hit.id}
    return {name: extra[name] if name in extra else getattr(hit, name) for name in FIELDS}


def _polygon(hit: Hit, crs: str) -> shapely.Polygon:
    ring = np.asarray(hit.footprint, dtype=float)
    if not same_crs(hit.crs, crs):
        x, y = transformer(hit.crs, crs).transform(ring[:, 0], ring[:, 1])
        ring = np.stack([x, y], axis=1)
    return shapely.Polygon(ring)


def _write_gpkg(path: Path, hits: Sequence[Hit], query: str, model: str, layer: str) -> None:
    try:
        from pyogrio.errors import DataSourceError
        from pyogrio.raw import write
    except ImportError as error:
        raise GeoLoupeError(
            "usage", "GeoPackage needs the Python package pyogrio: install it, or write .geojson.", str(error)
        ) from error
    crs = hits[0].crs if hits else WGS84
    if not all(same_crs(hit.crs, crs) for hit in hits):
        crs = WGS84
    rows = [_properties(hit, query, model) for hit in hits]
    columns = [_column([row[name] for row in rows], name) for name in FIELDS]
    geometry = np.array([shapely.to_wkb(_polygon(hit, crs)) for hit in hits], dtype=object)
    text = crs if crs.upper().startswith("EPSG:") else CRS.from_user_input(crs).to_wkt()
    try:
        write(
            str(path), geometry, columns, np.array(FIELDS, dtype=object), geometry_type="Polygon", crs=text, driver="GPKG",
            layer=layer, append=False, encoding="UTF-8",
        )  # fmt: skip
    except DataSourceError as error:
        raise OSError(str(error)) from error


def _column(values: list[Any], name: str) -> np.ndarray[Any, Any]:
    if name in ("rank", "region", "x0", "y0", "x1", "y1"):
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.float64 if name in ("score", "gsd") else object)

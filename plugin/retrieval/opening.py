"""Open a source from its spec, and say in short what it is."""

from __future__ import annotations

from typing import Any

from ..errors import GeoLoupeError
from .georeference import window_to_footprint
from .pixel_source import SourceSpec, Window
from .raster_source import RasterSource
from .rendered_source import Fetch, RenderedSource
from .stretch import Stretch

AnySource = RasterSource | RenderedSource


def open_source(spec: SourceSpec, stretch: Stretch | None = None, fetch: Fetch | None = None) -> AnySource:
    """The pixels of ``spec``; ``stretch`` is the one an index stored. Close it when done.

    Raises GeoLoupeError: "raster_unreadable", "no_crs", "usage".
    """
    if spec.kind == "rendered":
        if fetch is None:
            raise GeoLoupeError("usage", f"{spec.label} is drawn by QGIS: open QGIS with this layer to read it.")
        return RenderedSource(spec, fetch)
    return RasterSource(spec, stretch)


def inspect_source(spec: SourceSpec, fetch: Fetch | None = None) -> dict[str, Any]:
    """Facts about a source before it is indexed; ``problem`` is None or {"code", "message"}, and nothing is raised."""
    try:
        source = open_source(spec, fetch=fetch)
    except GeoLoupeError as error:
        return {"identity": spec.identity, "name": spec.label, "problem": error.to_json()}
    try:
        coverage = source.coverage()
        valid = 1.0 if coverage is None else float(coverage.mean())
        ring = window_to_footprint(Window(0, 0, source.width, source.height), source.transform, source.crs_wkt)
        xs, ys = [point[0] for point in ring], [point[1] for point in ring]
        problem = None
        if valid == 0:
            problem = GeoLoupeError("raster_empty", f"{spec.label} holds nothing but nodata: choose another raster.").to_json()
        return {
            "identity": source.identity,
            "name": spec.label,
            "width": source.width,
            "height": source.height,
            "crs": source.crs_wkt,
            "gsd": source.gsd,
            "bands": list(source.bands),
            "band_count": source.band_count,
            "dtype": source.dtype,
            "valid_fraction": valid,
            "bounds": [min(xs), min(ys), max(xs), max(ys)],
            "problem": problem,
        }
    except GeoLoupeError as error:
        return {"identity": spec.identity, "name": spec.label, "problem": error.to_json()}
    finally:
        source.close()

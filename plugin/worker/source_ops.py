"""inspect: what a raster is, before it is indexed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import GeoLoupeError
from .context import Context, Fetch

if TYPE_CHECKING:
    from ..retrieval.pixel_source import SourceSpec


def inspect(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """{source} -> identity, width, height, crs, gsd, bands, dtype, valid_fraction, bounds, problem (None or {code, message})."""
    from ..retrieval.opening import inspect_source

    spec = read_source(params.get("source"))
    return inspect_source(spec, fetch=fetch_of(spec, context))


def read_source(value: Any) -> SourceSpec:
    """A SourceSpec from its JSON. Raises GeoLoupeError("usage")."""
    from ..retrieval.pixel_source import SourceSpec

    if not isinstance(value, Mapping):
        raise GeoLoupeError("usage", "Choose a raster first.")
    return SourceSpec.from_json(value)


def read_sources(value: Any) -> list[SourceSpec]:
    """At least one SourceSpec. Raises GeoLoupeError("no_raster") when there is none."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise GeoLoupeError("no_raster", "There is no raster to index; add one to the map, or choose one.")
    return [read_source(item) for item in value]


def fetch_of(spec: SourceSpec, context: Context) -> Fetch | None:
    """How the pixels of a source that only QGIS can draw are had; None for files."""
    if spec.kind != "rendered":
        return None
    return context.fetch_for(spec.identity, spec.crs)


class Fetches:
    """What retrieval asks for pixels that only QGIS can draw, source by source."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def for_source(self, spec: SourceSpec) -> Fetch | None:
        return fetch_of(spec, self._context)


def required(params: Mapping[str, Any], name: str, sentence: str) -> Any:
    """``params[name]``. Raises GeoLoupeError("usage", ``sentence``) when it is absent or empty."""
    value = params.get(name)
    if not value:
        raise GeoLoupeError("usage", sentence)
    return value

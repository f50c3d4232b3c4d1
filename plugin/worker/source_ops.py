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
    return inspect_source(spec, fetch=Fetches(context).for_source(spec))


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


class Fetches:
    """What retrieval asks for pixels that only QGIS can draw, source by source; files never ask."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def for_source(self, spec: SourceSpec) -> Fetch:
        return self._context.fetch_for(spec.identity, spec.crs)

    __call__ = for_source


def required(params: Mapping[str, Any], name: str, sentence: str) -> Any:
    """``params[name]``. Raises GeoLoupeError("usage", ``sentence``) when it is absent or empty."""
    value = params.get(name)
    if not value:
        raise GeoLoupeError("usage", sentence)
    return value

"""What was asked: text, boxes, pictures and a place, and how they become one vector.

Each box gives one input [Image, Box, Text, Place] and each picture one [Image, Text, Place]; their unit vectors are averaged.
Without boxes and pictures the input is [Text, Place]. What is not wanted is subtracted: with q the wanted and n the mean of the
unwanted unit vectors, the query is ``unit(q - NOT_WEIGHT * n)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ...models.instructions import MATCH
from ...models.interleaved import Box, Image, InputError, Interleaved, Part, Place, Text
from ..errors import GeoLoupeError
from .catalogue_db import SourceRow
from .georeference import polygon_to_pixels
from .grid import query_chip
from .opening import open_source
from .pixel_source import SourceSpec

if TYPE_CHECKING:
    from ...models.encoder import Encoder

NOT_WEIGHT = 0.5
LEAST_BOX = 2.0  # full-resolution pixels; a click that drew no box still points at something


@dataclass(frozen=True)
class QueryBox:
    """A ring (or two corners) [[x, y], ...] in ``crs`` (None: the raster's own) on the raster ``source``."""

    source: SourceSpec
    geometry: list[list[float]]
    crs: str | None = None

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> QueryBox:
        try:
            ring = [[float(x), float(y)] for x, y, *_ in facts["geometry"]]
            return cls(SourceSpec.from_json(facts["source"]), ring, facts.get("crs"))
        except (KeyError, TypeError, ValueError) as error:
            raise GeoLoupeError("usage", "A query box needs a raster and its corners.", repr(error)) from error


@dataclass(frozen=True)
class Query:
    """One search. ``images`` are uint8 (height, width, bands); ``place`` is (latitude, longitude)."""

    text: str | None = None
    boxes: Sequence[QueryBox] = ()
    match: str = "thing"
    instruction: str | None = None
    images: Sequence[NDArray[np.uint8]] = ()
    place: tuple[float, float] | None = None
    not_text: str | None = None
    not_boxes: Sequence[QueryBox] = ()
    exclude_self: bool = False

    @classmethod
    def from_json(cls, facts: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> Query:
        """From the JSON of the engine's protocol; ``images`` name blobs. Raises GeoLoupeError("usage")."""
        try:
            images = [_image(blobs[int(item["blob"])], item) for item in facts.get("images") or ()]
            place = facts.get("place")
            return cls(
                text=facts.get("text") or None,
                boxes=[QueryBox.from_json(item) for item in facts.get("boxes") or ()],
                match=facts.get("match") or "thing",
                instruction=facts.get("instruction") or None,
                images=images,
                place=(float(place[0]), float(place[1])) if place else None,
                not_text=facts.get("not_text") or None,
                not_boxes=[QueryBox.from_json(item) for item in facts.get("not_boxes") or ()],
                exclude_self=bool(facts.get("exclude_self", False)),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise GeoLoupeError("usage", "This is not a query.", repr(error)) from error

    @property
    def empty(self) -> bool:
        return not ((self.text and self.text.strip()) or self.boxes or self.images or self.place)


def _image(blob: bytes, facts: Mapping[str, Any]) -> NDArray[np.uint8]:
    shape = (int(facts["height"]), int(facts["width"]), int(facts.get("bands", 3)))
    return np.frombuffer(blob, dtype=np.uint8).reshape(shape)


@dataclass(frozen=True)
class QueryVector:
    """The unit vector to search with; ``places`` are the query boxes themselves: source identity and pixel box."""

    vector: NDArray[np.float32]
    from_box: bool
    places: list[tuple[str, tuple[float, float, float, float]]] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """What the encoder sees of a query box."""

    pixels: NDArray[np.uint8]
    gsd: float
    box: tuple[float, float, float, float]
    identity: str
    place: tuple[float, float, float, float]


SourceLookup = Callable[[str], "SourceRow | None"]


def encode_query(
    query: Query,
    encoder: Encoder,
    lookup: SourceLookup = lambda identity: None,
    gsds: Sequence[float] = (),
    fetch: Any = None,
) -> QueryVector:
    """The vector of a query. ``lookup(identity)`` gives what the index knows of a source (stretch, bands); ``gsds`` its scales.

    Raises GeoLoupeError: "empty_query", "no_overlap" (a box outside its raster), "raster_empty", "raster_unreadable", "usage".
    """
    if query.empty:
        if query.not_text or query.not_boxes:
            raise GeoLoupeError("empty_query", "Say also what to look for: type it, or draw a box around one.")
        raise GeoLoupeError("empty_query", "Type what to look for, or draw a box around one.")
    if query.match not in MATCH:
        raise GeoLoupeError("usage", f"What to match in a box is one of {', '.join(MATCH)}, not {query.match!r}.")
    if query.place and not encoder.card.extra.get("regions_know_place"):
        raise GeoLoupeError(
            "usage", "Regions are indexed without their place by this encoder: leave the place out, or search within an extent."
        )
    views = [look(box, encoder.card.chip_size, lookup, gsds, fetch) for box in query.boxes]
    unwanted_views = [look(box, encoder.card.chip_size, lookup, gsds, fetch) for box in query.not_boxes]
    try:
        wanted = _wanted(query, views)
        unwanted = [Interleaved([Image(view.pixels, view.gsd), Box(*view.box)]) for view in unwanted_views]
        if query.not_text and query.not_text.strip():
            unwanted.append(Interleaved([Text(query.not_text)]))
        vectors = encoder.encode([*wanted, *unwanted])
    except InputError as error:
        raise GeoLoupeError("usage", str(error)) from error
    vector = _unit(vectors[: len(wanted)].mean(axis=0))
    if unwanted:
        vector = _unit(vector - NOT_WEIGHT * vectors[len(wanted) :].mean(axis=0))
    return QueryVector(vector, bool(query.boxes or query.images), [(view.identity, view.place) for view in views])


def _wanted(query: Query, views: Sequence[View]) -> list[Interleaved]:
    tail: list[Part] = [Text(query.text)] if query.text and query.text.strip() else []
    if query.place:
        tail.append(Place(*query.place))
    instruction = query.instruction or MATCH[query.match]
    inputs = [Interleaved([Image(view.pixels, view.gsd), Box(*view.box), *tail], instruction) for view in views]
    inputs += [Interleaved([Image(pixels), *tail], query.instruction) for pixels in query.images]
    return inputs or [Interleaved(tail, query.instruction)]


def look(
    box: QueryBox, chip_size: int, lookup: SourceLookup = lambda identity: None, gsds: Sequence[float] = (), fetch: Any = None
) -> View:
    """Read what the encoder is to see of a query box, with the stretch and bands that its index used for the source."""
    row = lookup(box.source.identity)
    spec = box.source
    if row is not None and spec.kind == "file":
        spec = replace(spec, bands=row.bands, crs=spec.crs or row.spec.crs)
    chooser = getattr(fetch, "for_source", None)
    source = open_source(spec, row.stretch if row else None, chooser(spec) if chooser else fetch)
    try:
        polygon = polygon_to_pixels(box.geometry, box.crs or source.crs_wkt, Affine(*source.transform[:6]), source.crs_wkt)
        outside = GeoLoupeError("no_overlap", f"The box lies outside {spec.label}: draw it on the raster.")
        if polygon.is_empty:
            raise outside
        x0, y0, x1, y1 = polygon.bounds
        if x1 <= 0 or y1 <= 0 or x0 >= source.width or y0 >= source.height:
            raise outside
        x0, x1 = _at_least(max(x0, 0.0), min(x1, source.width), source.width)
        y0, y1 = _at_least(max(y0, 0.0), min(y1, source.height), source.height)
        window, gsd, relative = query_chip((x0, y0, x1, y1), source.width, source.height, source.gsd, list(gsds), chip_size)
        pixels, valid = source.read(window, (chip_size, chip_size))
        columns = slice(int(relative[0] * chip_size), int(np.ceil(relative[2] * chip_size)))
        rows = slice(int(relative[1] * chip_size), int(np.ceil(relative[3] * chip_size)))
        if not valid[rows, columns].any():
            raise GeoLoupeError("raster_empty", f"There is nothing but nodata in the box on {spec.label}: draw it elsewhere.")
        return View(pixels, gsd, relative, source.identity, (x0, y0, x1, y1))
    finally:
        source.close()


def _at_least(low: float, high: float, length: int) -> tuple[float, float]:
    if high - low >= LEAST_BOX:
        return low, high
    middle = min(max((low + high) / 2, LEAST_BOX / 2), max(length - LEAST_BOX / 2, LEAST_BOX / 2))
    return max(middle - LEAST_BOX / 2, 0.0), min(middle + LEAST_BOX / 2, float(length))


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = float(np.linalg.norm(vector))
    if norm < 1e-6:
        raise GeoLoupeError("usage", "What is wanted and what is not are the same: change one of them.")
    return np.ascontiguousarray(vector / norm, dtype=np.float32)

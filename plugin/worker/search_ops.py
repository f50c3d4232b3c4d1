"""search and thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...models.encoder import Encoder
from ..errors import GeoLoupeError
from .context import Context
from .source_ops import Fetches

if TYPE_CHECKING:
    from ..retrieval.index import Index

MOST_THUMBNAILS = 500
MARGIN = 1.5  # a thumbnail shows this many times the region's width and height


def search(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """{indexes, query, count, extent, sources} -> hits, presence, seconds, rows, exact, encoder, crs; see retrieval.search."""
    from ..retrieval.query import Query
    from ..retrieval.search import search as search_indexes

    folders = params.get("indexes")
    if not isinstance(folders, Sequence) or isinstance(folders, str) or not folders:
        raise GeoLoupeError("usage", "There is no index to search; index a layer first.")
    indexes = [context.indexes.get(folder) for folder in folders]
    encoder = encoder_of(indexes, context, params.get("device") or "auto")
    query = Query.from_json(params.get("query") or {}, list(context.blobs))
    context.check()
    result = search_indexes(
        indexes,
        query,
        encoder,
        count=int(params.get("count") or 50),
        extent=params.get("extent"),
        sources=params.get("sources"),
        fetch=Fetches(context),
    )
    return {**result.to_json(), "encoder": {"id": encoder.card.id, "revision": encoder.card.revision}}


def encoder_of(indexes: Sequence[Index], context: Context, device: str) -> Encoder:
    """The one encoder that made all of ``indexes``. Raises GeoLoupeError("index_encoder") when there is none."""
    fingerprint = indexes[0].manifest.encoder
    for other in indexes[1:]:
        if other.manifest.encoder != fingerprint:
            raise GeoLoupeError(
                "index_encoder",
                f"{indexes[0].folder.name} and {other.folder.name} were made by different encoders; search them one by one.",
            )
    encoder = context.encoders.matching(fingerprint, device)
    if encoder is None:
        name = f"{fingerprint.get('id')} {fingerprint.get('revision')}"
        raise GeoLoupeError(
            "index_encoder",
            f"{indexes[0].folder.name} was made by the encoder {name}, which is not installed here; "
            "index the layer again, or install that encoder.",
        )
    return encoder


def thumbnails(params: Mapping[str, Any], context: Context) -> tuple[dict[str, Any], list[bytes]]:
    """{index, hits, size} -> {sizes: [[w, h]...]} and one blob of RGB bytes (h, w, 3) for each hit, with a margin around it.

    A hit whose raster cannot be read any more gets the size [0, 0] and no bytes.
    """
    from ..retrieval.opening import open_source
    from ..retrieval.pixel_source import PixelsMissing

    hits = params.get("hits") or []
    if len(hits) > MOST_THUMBNAILS:
        raise GeoLoupeError("usage", f"At most {MOST_THUMBNAILS} thumbnails can be asked for at once.")
    size = max(16, min(512, int(params.get("size") or 96)))
    index = context.indexes.get(params.get("index"))
    pictures: list[tuple[int, int, bytes]] = [(0, 0, b"")] * len(hits)
    by_source: dict[str, list[int]] = {}
    for place, hit in enumerate(hits):
        by_source.setdefault(str(hit.get("source")), []).append(place)
    for identity, places in by_source.items():
        row = index.source(identity)
        if row is None:
            continue
        try:
            source = open_source(row.spec, row.stretch, Fetches(context).for_source(row.spec))
        except GeoLoupeError:
            continue
        try:
            for place in places:
                context.check()
                window, (width, height) = framed(hits[place], size)
                try:
                    pixels, _valid = source.read(window, (width, height))
                except (GeoLoupeError, PixelsMissing) as problem:
                    if isinstance(problem, GeoLoupeError) and problem.code == "cancelled":
                        raise
                    continue
                pictures[place] = (width, height, pixels.tobytes())
        finally:
            source.close()
    return {"sizes": [[width, height] for width, height, _ in pictures]}, [data for _, _, data in pictures]


def framed(hit: Mapping[str, Any], size: int) -> tuple[Any, tuple[int, int]]:
    """The window around a hit's region, and the picture's size with its longer side ``size``."""
    from ..retrieval.pixel_source import Window

    try:
        x0, y0, x1, y1 = (float(hit[name]) for name in ("x0", "y0", "x1", "y1"))
    except (KeyError, TypeError, ValueError) as error:
        raise GeoLoupeError("usage", "A hit needs its window: x0, y0, x1, y1.", repr(error)) from error
    if x1 <= x0 or y1 <= y0:
        raise GeoLoupeError("usage", "A hit's window must have a width and a height.")
    aside, above = (x1 - x0) * (MARGIN - 1) / 2, (y1 - y0) * (MARGIN - 1) / 2
    window = Window(round(x0 - aside), round(y0 - above), round(x1 + aside), round(y1 + above))
    longer = max(window.width, window.height)
    return window, (max(1, round(size * window.width / longer)), max(1, round(size * window.height / longer)))

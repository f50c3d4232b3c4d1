"""Exact search: every allowed row of every shard is scored, whatever the filter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from ...models.background import BEST
from .catalogue_db import SourceRow
from .georeference import WGS84, same_crs, window_to_footprint
from .hits import Hit, best_places, covered, date_text, overlap
from .index import Index, Snapshot
from .manifest import check_encoder
from .plan import Extent
from .presence import CERTAIN, NOTHING, Presence, background, judge
from .query import Query, QueryVector, encode_query
from .shards import Shard

if TYPE_CHECKING:
    from ...models.encoder import Encoder

FIRST_LOOK = 8  # candidates for each hit wanted, before places are merged
WIDER = 8  # times as many when those were not enough
LEAST_LOOK = 400
FEW = 20_000  # rows of a part that a filter leaves, up to which the background phrases are asked with the filter too
SELF = 0.5  # intersection over union with a query box, above which a hit is the query itself


@dataclass(frozen=True)
class SearchResult:
    """``crs`` is that of the hits' footprints: the rasters' common one, else WGS 84. Seconds: encode, search, total."""

    hits: list[Hit]
    presence: Presence
    seconds: dict[str, float]
    searched_rows: int
    crs: str
    exact: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "hits": [hit.to_json() for hit in self.hits],
            "presence": self.presence.to_json(),
            "seconds": self.seconds,
            "rows": self.searched_rows,
            "exact": self.exact,
            "crs": self.crs,
        }


@dataclass
class _Searched:
    """One shard of one index with the rows that the filters allow (None: all)."""

    index: Index
    snapshot: Snapshot
    shard: Shard
    allowed: NDArray[np.bool_] | None
    rows: int
    filters: tuple[Any, ...]  # the key of the mask in the snapshot's cache


@dataclass(frozen=True)
class _Found:
    score: float
    part: _Searched
    row: int


@dataclass(frozen=True)
class _Candidates:
    """Rows in the order of their scores: which part (place in the list), which row, its source, box (n, 4) and score."""

    scores: NDArray[np.float32]
    parts: NDArray[np.int64]
    rows: NDArray[np.int64]
    sources: NDArray[np.int64]
    boxes: NDArray[np.float64]


def search(
    index: Index | Sequence[Index],
    query: Query,
    encoder: Encoder,
    count: int = 50,
    extent: Any = None,
    sources: Sequence[str] | None = None,
    fetch: Any = None,
) -> SearchResult:
    """The ``count`` best places for ``query`` in one or several indexes.

    ``extent`` as in :func:`~.indexing.index_sources`: a region is in it when its middle is, or when it holds the extent's middle.
    ``sources`` are identities. Raises GeoLoupeError: "empty_query", "index_encoder", "index_damaged", "no_overlap", ...
    """
    begun = time.perf_counter()
    indexes = [index] if isinstance(index, Index) else list(index)
    for each in indexes:
        check_encoder(each.folder, each.manifest, encoder.card)
    snapshots = [each.snapshot() for each in indexes]
    vector = _encode(query, encoder, snapshots, fetch)
    encoded = time.perf_counter()
    searched = _allowed(indexes, snapshots, Extent.from_json(extent), sources)
    found, scores = _find(searched, vector, count, query.exclude_self)
    presence = CERTAIN if vector.from_box else _judge(scores, encoder, searched)
    result = _result(found, searched, snapshots)
    done = time.perf_counter()
    result.seconds.update(encode=encoded - begun, search=done - encoded, total=done - begun)
    return replace(result, presence=presence)


def _encode(query: Query, encoder: Encoder, snapshots: list[Snapshot], fetch: Any) -> QueryVector:
    rows = {row.identity: row for snapshot in snapshots for row in snapshot.sources.values()}
    gsds: set[float] = set()
    for snapshot in snapshots:
        if ("gsds",) not in snapshot.cache:
            snapshot.cache[("gsds",)] = {
                round(float(gsd), 4) for shard in snapshot.shards for gsd in np.unique(shard.records["gsd"])
            }
        gsds |= snapshot.cache[("gsds",)]
    return encode_query(query, encoder, rows.get, sorted(gsds), fetch)


def search_vector(
    indexes: Sequence[Index],
    query: QueryVector,
    count: int,
    extent: Any = None,
    sources: Sequence[str] | None = None,
    exclude_self: bool = False,
) -> SearchResult:
    """As :func:`search`, with the query's vector at hand; ``presence`` is not judged."""
    begun = time.perf_counter()
    snapshots = [each.snapshot() for each in indexes]
    searched = _allowed(indexes, snapshots, Extent.from_json(extent), sources)
    found, _ = _find(searched, query, count, exclude_self)
    result = _result(found, searched, snapshots)
    seconds = time.perf_counter() - begun
    result.seconds.update(search=seconds, total=seconds)
    return result


def _find(
    searched: list[_Searched], query: QueryVector, count: int, exclude_self: bool
) -> tuple[list[_Found], NDArray[np.float32]]:
    """The best places, and the scores of the best regions whether or not they are one place; looks further down the list until
    there are ``count`` places or every allowed row was seen."""
    total = sum(part.rows for part in searched)
    look = max(LEAST_LOOK, FIRST_LOOK * count)
    while True:
        candidates = _candidates(searched, query.vector, look)
        found = _places(candidates, searched, count, query.places if exclude_self else [])
        if len(found) >= count or look >= total:
            return found, candidates.scores
        look *= WIDER


def _result(found: list[_Found], searched: list[_Searched], snapshots: list[Snapshot]) -> SearchResult:
    crs = _common_crs([row for snapshot in snapshots for row in snapshot.sources.values()])
    hits = [_hit(rank, item, crs) for rank, item in enumerate(found, 1)]
    return SearchResult(
        hits, CERTAIN, dict.fromkeys(("encode", "search", "total"), 0.0), sum(part.rows for part in searched), crs
    )


def _allowed(
    indexes: Sequence[Index], snapshots: list[Snapshot], extent: Extent | None, sources: Sequence[str] | None
) -> list[_Searched]:
    wanted = None if sources is None else frozenset(sources)
    searched = []
    for index, snapshot in zip(indexes, snapshots, strict=True):
        key = ("allowed", extent, wanted)
        if key not in snapshot.cache:
            for old in [old for old in snapshot.cache if old[0] == "allowed"][8:]:
                del snapshot.cache[old]
            snapshot.cache[key] = [_mask(snapshot, shard, extent, wanted) for shard in snapshot.shards]
        for shard, mask in zip(snapshot.shards, snapshot.cache[key], strict=True):
            rows = shard.facts.rows if mask is None else int(mask.sum())
            if rows:
                searched.append(_Searched(index, snapshot, shard, mask, rows, key))
    return searched


def _mask(snapshot: Snapshot, shard: Shard, extent: Extent | None, wanted: frozenset[str] | None) -> NDArray[np.bool_] | None:
    """The rows of a shard that live and pass the filters, (rows,); None when all do."""
    alive = snapshot.alive[shard.facts.number]
    if extent is None and wanted is None:
        return alive
    mask = np.zeros(shard.facts.rows, dtype=bool)
    ids = np.asarray(shard.records["source"])
    for source in np.unique(ids):
        row = snapshot.sources[int(source)]
        if wanted is not None and row.identity not in wanted:
            continue
        mine = np.flatnonzero(ids == source)
        if extent is not None:
            mine = mine[_inside(shard.records[mine], extent, row)]
        mask[mine] = True
    return mask if alive is None else mask & alive


def _inside(records: NDArray[np.void], extent: Extent, row: SourceRow) -> NDArray[np.bool_]:
    polygon = extent.in_pixels(Affine(*row.transform), row.crs)
    if polygon.is_empty:
        return np.zeros(len(records), dtype=bool)
    x0, y0, x1, y1 = (records[name].astype(np.float64) for name in ("x0", "y0", "x1", "y1"))
    shapely.prepare(polygon)
    inside = shapely.contains_xy(polygon, (x0 + x1) / 2, (y0 + y1) / 2)
    middle = polygon.centroid
    return inside | ((x0 <= middle.x) & (middle.x < x1) & (y0 <= middle.y) & (middle.y < y1))


def _candidates(searched: list[_Searched], vector: NDArray[np.float32], look: int) -> _Candidates:
    """The ``look`` best rows of all parts. Sources get one number each, whichever index they are in."""
    numbers: dict[str, int] = {}
    columns: list[tuple[NDArray[Any], ...]] = [
        (np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)))
    ]
    for place, part in enumerate(searched):
        scores, rows = part.shard.search(vector, min(look, part.rows), part.allowed)
        records = np.asarray(part.shard.records[rows])
        table = {key: numbers.setdefault(row.identity, len(numbers)) for key, row in part.snapshot.sources.items()}
        sources = np.array([table[int(key)] for key in records["source"]], dtype=np.int64)
        boxes = np.stack([records[name] for name in ("x0", "y0", "x1", "y1")], axis=1).astype(np.float64)
        columns.append((scores, np.full(len(rows), place), rows, sources, boxes))
    joined = [np.concatenate(column) for column in zip(*columns, strict=True)]
    order = np.argsort(-joined[0], kind="stable")[:look]
    return _Candidates(*(column[order] for column in joined))


def _places(
    candidates: _Candidates, searched: list[_Searched], count: int, own: list[tuple[str, tuple[float, float, float, float]]]
) -> list[_Found]:
    """One hit for each place, best first; places that are a query box themselves (``own``) are left out."""
    open_rows = np.ones(len(candidates.scores), dtype=bool)
    for name, box in own:
        for row in np.flatnonzero(covered(candidates.boxes, np.array(box)) > SELF):
            part = searched[candidates.parts[row]]
            source = part.snapshot.sources[int(part.shard.records[candidates.rows[row]]["source"])]
            if source.identity == name and overlap(tuple(candidates.boxes[row]), box) > SELF:
                open_rows[row] = False
    found = []
    for place in best_places(candidates.sources, candidates.boxes, open_rows, count):
        found.append(_Found(float(candidates.scores[place]), searched[candidates.parts[place]], int(candidates.rows[place])))
    return found


def _hit(rank: int, found: _Found, crs: str) -> Hit:
    part = found.part
    record = part.shard.records[found.row]
    source = part.snapshot.sources[int(record["source"])]
    x0, y0, x1, y1 = (int(record[name]) for name in ("x0", "y0", "x1", "y1"))
    # A padded region reaches beyond its raster; what is found lies on it.
    shown = (max(x0, 0), max(y0, 0), min(x1, source.width), min(y1, source.height))
    ring = window_to_footprint(shown, Affine(*source.transform), source.crs, crs)
    return Hit(
        rank=rank,
        score=found.score,
        source=source.identity,
        source_name=source.name,
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        gsd=round(float(record["gsd"]), 6),
        scale=int(record["scale"]),
        date=date_text(int(record["date"])),
        footprint=ring,
        crs=crs,
        id=int(record["id"]),
        index=str(Path(part.index.folder)),
    )


def _common_crs(rows: list[SourceRow]) -> str:
    first = rows[0].crs if rows else WGS84
    return first if all(same_crs(first, row.crs) for row in rows) else WGS84


def _judge(scores: NDArray[np.float32], encoder: Encoder, searched: list[_Searched]) -> Presence:
    if not searched:
        return NOTHING
    known = background(encoder)
    best = float(scores[:BEST].mean())
    if known.vectors is None:
        return judge(best, np.zeros(0, np.float32), known.calibration)
    return judge(best, _mean_best([_rivals(part, known.vectors) for part in searched]), known.calibration)


def _rivals(part: _Searched, phrases: NDArray[np.float32]) -> NDArray[np.float32]:
    """(phrases, BEST) best scores of the background phrases in one part. A shard never changes, so it is asked once as a whole;
    where a filter leaves much of it, the whole stands for the part."""
    if part.allowed is not None and part.rows <= FEW:
        key = ("rivals", part.shard.facts.number, len(phrases), *part.filters)
        if key not in part.snapshot.cache:
            part.snapshot.cache[key] = part.shard.best_scores(phrases, BEST, part.allowed)
        return np.asarray(part.snapshot.cache[key])
    if part.shard.rivals is None or len(part.shard.rivals) != len(phrases):
        part.shard.rivals = part.shard.best_scores(phrases, BEST, None)
    return part.shard.rivals


def _mean_best(scores: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(texts, any) of each part -> (texts,): the mean of the BEST highest."""
    best = np.sort(np.concatenate(scores, axis=1), axis=1)[:, -BEST:]
    there = np.isfinite(best)
    return np.asarray(np.where(there, best, 0).sum(1) / np.maximum(there.sum(1), 1), dtype=np.float32)

"""What indexing would cost, before it is done: chips, regions, bytes and seconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GeoLoupeError
from . import catalogue_db as db
from .grid import Grid
from .manifest import MANIFEST
from .opening import open_source
from .pixel_source import SourceSpec
from .plan import OUTSIDE, Extent, chips_in, choose_scales, coverage_of, valid_share
from .records import RECORD
from .rendered_source import Fetch
from .stretch import Stretch

if TYPE_CHECKING:
    from ...models.encoder import ModelCard

CHIP_BYTES = 110  # of a row of the catalogue, its keys included


@dataclass(frozen=True)
class Estimate:
    """``chips``, ``regions`` and ``bytes`` are of the finished job; ``seconds`` of what is still to do, None without a speed."""

    chips: int
    regions: int
    bytes: int
    seconds: float | None
    gsds: list[float]
    done_chips: int
    chips_per_second: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def estimate(
    sources: Sequence[SourceSpec],
    card: ModelCard,
    index_dir: str | Path | None = None,
    *,
    gsds: Sequence[float] | None = None,
    object_size: float | None = None,
    extent: Any = None,
    overlap: bool = True,
    chips_per_second: float | None = None,
    fetch: Fetch | None = None,
) -> Estimate:
    """Count the chips and regions that :func:`~.indexing.index_sources` would make; reads a coarse mask at most.

    Raises GeoLoupeError: "no_overlap", "raster_unreadable", "no_crs", "usage".
    """
    where = Extent.from_json(extent)
    chips = done = touched = 0
    regions = 0.0
    used: set[float] = set()
    for spec in sources:
        # Nothing is drawn for an estimate, so a callback that draws nothing will do.
        source = open_source(spec, Stretch(), fetch or (lambda bounds, size: None))
        try:
            polygon = where.in_pixels(source.transform, source.crs_wkt) if where else None
            coverage = coverage_of(source, polygon)
            for scale in choose_scales(source.gsd, card.gsd_range, card.chip_size, gsds, object_size):
                grid = Grid(source.width, source.height, source.gsd, scale, card.chip_size, overlap)
                chosen = chips_in(grid, polygon)
                touched += int(chosen.sum())
                share = valid_share(grid, coverage)
                chosen &= share > 0
                chips += int(chosen.sum())
                regions += float((grid.region_counts() * share)[chosen].sum())
                used.add(scale.gsd)
                known = _done(index_dir, source.identity, scale.key)
                done += sum((int(grid.columns[c]), int(grid.rows[r])) in known for r, c in zip(*chosen.nonzero(), strict=True))
        finally:
            source.close()
    if where is not None and touched == 0:
        raise GeoLoupeError("no_overlap", OUTSIDE)
    rows = round(regions)
    size = rows * (2 * card.dim + RECORD.itemsize) + chips * CHIP_BYTES
    seconds = (chips - done) / chips_per_second if chips_per_second else None
    return Estimate(chips, rows, size, seconds, sorted(used), done, chips_per_second)


def _done(index_dir: str | Path | None, identity: str, scale: int) -> set[tuple[int, int]]:
    if index_dir is None or not (Path(index_dir) / MANIFEST).exists():
        return set()
    try:
        database = db.connect(Path(index_dir))
    except sqlite3.Error:
        return set()
    try:
        row = next((row for row in db.sources(database) if row.identity == identity), None)
        return set(db.done_chips(database, row.id, scale)) if row else set()
    except sqlite3.Error:
        return set()
    finally:
        database.close()

"""Index sources: plan, read ahead, encode, write; resumed wherever it was stopped."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ..errors import GeoLoupeError
from . import catalogue_db as db
from .catalogue_db import ChipRow, SourceRow
from .georeference import footprint_bounds
from .grid import Grid
from .index import fingerprint_of, source_changed
from .manifest import MANIFEST, check_encoder, create_index
from .opening import AnySource, open_source
from .pixel_source import SourceSpec
from .plan import OUTSIDE, Extent, chips_in, choose_scales, coverage_of, in_order, valid_share
from .raster_source import CACHE_MIN, gdal_environment
from .reading import Batch, ReadAhead, ReadChip, Task
from .records import RECORD
from .rendered_source import Fetch
from .writer import Writer

if TYPE_CHECKING:
    from ...models.encoder import Encoder

AVERAGE_SECONDS = 30.0  # over which speed is averaged


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` chips, those of earlier runs included; ``rows`` regions saved or about to be."""

    phase: str  # "planning", "indexing", "finishing"
    done: int
    total: int
    rows: int
    seconds_left: float | None
    chips_per_second: float
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class IndexReport:
    """What a run did. ``missing_chips`` did not come and are asked for by the next run; ``problems`` are of single sources."""

    index: str
    rows: int = 0
    new_rows: int = 0
    chips: int = 0
    skipped_chips: int = 0
    kept_chips: int = 0
    missing_chips: int = 0
    seconds: float = 0.0
    gsds: list[float] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _nothing(*_: object) -> None:
    return None


def _never() -> bool:
    return False


def index_sources(
    index_dir: str | Path,
    sources: Sequence[SourceSpec],
    encoder: Encoder,
    *,
    gsds: Sequence[float] | None = None,
    object_size: float | None = None,
    extent: Any = None,
    overlap: bool = True,
    progress: Callable[[Progress], object] = _nothing,
    cancelled: Callable[[], bool] = _never,
    between_batches: Callable[[], object] = _nothing,
    fetch: Callable[[SourceSpec], Fetch] | Fetch | None = None,
) -> IndexReport:
    """Bring the chips of ``sources`` (within ``extent``) into the index at ``index_dir``, which is made when absent.

    Chips that are done are not read again, so running it once more resumes. ``extent`` is an :class:`Extent`,
    {"bounds", "crs"} or (bounds, crs). ``fetch(bounds, (w, h))`` draws sources of kind "rendered"; a callable with the attribute
    ``for_source`` is asked ``fetch.for_source(spec)`` for each. Between two batches ``between_batches`` is called and
    ``cancelled`` asked.

    Raises GeoLoupeError: "cancelled" (what was done is kept), "no_overlap", "raster_empty", "raster_unreadable", "no_crs",
    "index_busy", "index_damaged", "index_encoder", "disk_full", "source_changed", "usage". The encoder's own errors pass through.
    """
    if not sources:
        raise GeoLoupeError("usage", "There is no raster to index: choose one.")
    folder = Path(index_dir)
    started = time.monotonic()
    if not (folder / MANIFEST).exists():
        create_index(folder, encoder.card, overlap)
    writer = Writer(folder)
    run = _Run(writer, encoder, Extent.from_json(extent), gsds, object_size, progress, cancelled, between_batches, fetch)
    try:
        check_encoder(folder, writer.manifest, encoder.card)
        if writer.manifest.overlap != overlap:
            has = "with" if writer.manifest.overlap else "without"
            raise GeoLoupeError(
                "usage", f"The index {folder.name} was made {has} overlap: index {has} it too, or into a new folder."
            )
        run.report.notes += [f"Damaged and indexed again: {what}." for what in writer.repaired]
        run.execute(list({spec.identity: spec for spec in sources}.values()))
    finally:
        writer.close()
    run.report.seconds = time.monotonic() - started
    return run.report


class _Run:
    """One call of :func:`index_sources`."""

    def __init__(
        self,
        writer: Writer,
        encoder: Encoder,
        extent: Extent | None,
        gsds: Sequence[float] | None,
        object_size: float | None,
        progress: Callable[[Progress], object],
        cancelled: Callable[[], bool],
        between_batches: Callable[[], object],
        fetch: Any,
    ) -> None:
        self.writer, self.encoder, self.extent, self.gsds, self.object_size = writer, encoder, extent, gsds, object_size
        self.progress, self.cancelled, self.between_batches, self.fetch = progress, cancelled, between_batches, fetch
        self.report = IndexReport(str(writer.folder))
        self.errors: list[GeoLoupeError] = []
        self.unreadable: dict[str, int] = {}
        self.total = self.done = self.rows = 0
        self._touched = 0
        self._times: deque[tuple[float, int]] = deque()
        self._cache = CACHE_MIN

    def execute(self, specs: list[SourceSpec]) -> None:
        self._tell("planning")
        tasks: list[Task] = []
        for spec in specs:
            try:
                tasks += self._plan(spec)
            except GeoLoupeError as error:
                self._problem(spec, error)
            self._stop_if_asked()
            self.between_batches()
        if self.errors and len(self.errors) == len(specs):
            raise self.errors[0]
        if self.extent is not None and self._touched == 0:
            raise GeoLoupeError("no_overlap", OUTSIDE)
        self.rows = sum(facts.rows for facts in db.shards(self.writer.database))
        key = self._job_key(specs)
        facts = {"sources": [spec.to_json() for spec in specs], "extent": asdict(self.extent) if self.extent else None}
        with self.writer._errors():
            db.put_job(self.writer.database, key, facts, self.total, 0, False)
        self._work(tasks)
        self._finish(tasks, specs, key, facts)

    def _plan(self, spec: SourceSpec) -> list[Task]:
        """The tasks of one source; it is added to the index when it is new. Updates the totals."""
        row = self.writer.source(spec.identity)
        known = row is not None
        if row is not None:
            if spec.bands and tuple(spec.bands) != row.bands and (spec.bands * 3)[:3] != (row.bands * 3)[:3]:
                raise GeoLoupeError(
                    "usage",
                    f"This index holds bands {list(row.bands)} of {spec.label}: index bands {list(spec.bands)} into a new one.",
                )
            spec = replace(spec, bands=row.bands if spec.kind == "file" else spec.bands)
        source = open_source(spec, row.stretch if row else None, self._fetch_for(spec))
        try:
            row = self._row_of(source, row)
            chip_size, gsd_range = self.encoder.card.chip_size, self.encoder.card.gsd_range
            scales = choose_scales(source.gsd, gsd_range, chip_size, self.gsds, self.object_size)
            polygon = self.extent.in_pixels(source.transform, source.crs_wkt) if self.extent else None
            coverage = coverage_of(source, polygon)
            if coverage is not None and not coverage.any():
                raise GeoLoupeError("raster_empty", f"{spec.label} holds nothing but nodata: choose another raster.")
            recheck = known and source_changed(row)
            if recheck:
                self.report.notes.append(f"{row.name} has changed since it was indexed: what is different is indexed again.")
            spec = replace(spec, bands=row.bands if spec.kind == "file" else spec.bands)
            tasks, chosen_any = [], 0
            for scale in scales:
                grid = Grid(source.width, source.height, source.gsd, scale, chip_size, self.writer.manifest.overlap)
                chosen = chips_in(grid, polygon)
                chosen_any += int(chosen.sum())
                chosen &= valid_share(grid, coverage) > 0
                done = db.done_chips(self.writer.database, row.id, scale.key) if row.id else {}
                order = in_order(chosen, getattr(source, "block_width", 0) >= source.width)
                if not recheck:
                    open_chips = [not _settled(done.get((int(grid.columns[column]), int(grid.rows[r])))) for r, column in order]
                    self.report.kept_chips += len(order) - sum(open_chips)
                    self.done += len(order) - sum(open_chips)
                    self.total += len(order) - sum(open_chips)
                    order = order[np.array(open_chips, dtype=bool)]
                self.total += len(order)
                self._cache = max(self._cache, source.cache_bytes(grid.side))
                self.report.gsds = sorted({*self.report.gsds, scale.gsd})
                tasks.append(Task(spec, row, grid, order, done, recheck))
            self._touched += chosen_any
            if not chosen_any:
                return []
            if row.id == 0:
                row = self.writer.add_source(row)
            return [replace(task, row=row) for task in tasks]
        finally:
            source.close()

    def _row_of(self, source: AnySource, known: SourceRow | None) -> SourceRow:
        transform = tuple(float(number) for number in source.transform[:6])
        if known is not None:
            same = (known.width, known.height, known.crs) == (source.width, source.height, source.crs_wkt)
            if not same or not np.allclose(known.transform, transform, rtol=1e-12):
                raise GeoLoupeError(
                    "source_changed",
                    f"{source.spec.label} has another size, place or CRS than when it was indexed: index it into a new index.",
                )
            return known
        spec, prints = source.spec, fingerprint_of(source.spec) if source.spec.kind == "file" else {}
        return SourceRow(
            0, source.identity, spec.label, spec, source.bands, source.stretch, prints, source.date, source.crs_wkt,
            transform, source.width, source.height, source.gsd,
        )  # fmt: skip

    def _fetch_for(self, spec: SourceSpec) -> Fetch | None:
        chooser = getattr(self.fetch, "for_source", None)
        return chooser(spec) if chooser else self.fetch

    def _work(self, tasks: list[Task]) -> None:
        if not any(len(task.order) for task in tasks):
            return
        self._tell("indexing")
        for kind in ("file", "rendered"):
            mine = [task for task in tasks if task.spec.kind == kind and len(task.order)]
            groups = [mine] if kind == "file" else [[task] for task in mine]
            for group in groups:
                if group:
                    self._read(group)

    def _read(self, tasks: list[Task]) -> None:
        with gdal_environment(self._cache):
            reader = ReadAhead(tasks, self._fetch_for(tasks[0].spec), self._cache)
            try:
                for batch in reader.batches():
                    self.between_batches()
                    self._stop_if_asked()
                    if batch is not None:
                        self._take(batch)
            except BaseException:
                self.writer.commit()
                raise
            finally:
                reader.stop()

    def _take(self, batch: Batch) -> None:
        task = batch.task
        if batch.chips:
            count = max(len(chip.boxes) for chip in batch.chips)
            boxes = np.tile(np.array([0, 0, 1, 1], dtype=np.float32), (len(batch.chips), count, 1))
            for place, chip in enumerate(batch.chips):
                boxes[place, : len(chip.boxes)] = chip.boxes
            pixels = np.stack([chip.pixels for chip in batch.chips])
            vectors = self.encoder.encode_regions(pixels, boxes, gsd=task.grid.scale.gsd)
            if not np.isfinite(vectors).all():
                raise GeoLoupeError("internal", "The encoder's vectors are not finite: check the model's files.")
            records = _records(task, np.concatenate([chip.windows for chip in batch.chips]))
            ends = np.cumsum([len(chip.boxes) for chip in batch.chips])
            for chip, mine, rows in zip(batch.chips, np.split(records, ends[:-1]), vectors, strict=True):
                self.writer.add(_chip_row(task, chip), mine, rows[: len(chip.boxes)])
            self.rows += len(records)
        for chip in batch.empty:
            self.writer.add(_chip_row(task, chip), np.zeros(0, dtype=RECORD), np.zeros((0, 1), dtype=np.float32))
        self.report.chips += len(batch.chips)
        self.report.skipped_chips += len(batch.empty)
        self.report.kept_chips += batch.kept
        self.report.missing_chips += batch.missing + sum(chip.partial for chip in batch.chips + batch.empty)
        if batch.problem is not None:
            self.unreadable[task.spec.label] = self.unreadable.get(task.spec.label, 0) + batch.unreadable
            self.report.missing_chips += batch.unreadable
        self.done += batch.taken
        self._tell("indexing", task.spec.label)

    def _finish(self, tasks: list[Task], specs: list[SourceSpec], key: str, facts: dict[str, Any]) -> None:
        self._tell("finishing")
        self.writer.finish()
        with self.writer._errors(), db.transaction(self.writer.database):
            for task in tasks:
                # Only what was read whole counts as seen: an extent leaves the rest of a changed file unknown.
                if task.recheck and self.extent is None and task.spec.label not in self.unreadable:
                    db.set_fingerprint(self.writer.database, task.row.id, fingerprint_of(task.spec))
            db.put_job(self.writer.database, key, facts, self.total, self.report.missing_chips, True)
        self.report.new_rows = self.writer.new_rows
        self.report.rows = self.rows = int(self.writer.database.execute("SELECT coalesce(sum(rows), 0) FROM chips").fetchone()[0])
        for label, count in self.unreadable.items():
            kept = self.report.chips + self.report.kept_chips + self.report.skipped_chips
            error = GeoLoupeError(
                "raster_unreadable",
                f"{label} is damaged or cut short: {count} of its chips cannot be read, {kept} were and stay searchable; "
                "replace the file and index again.",
            )
            self._problem(next(spec for spec in specs if spec.label == label), error)
        if self.errors and len(self.errors) == len(specs):
            raise self.errors[0]
        nothing = not self.report.chips and not self.report.kept_chips and not self.report.missing_chips
        if nothing and not self.errors:
            where = "in this extent" if self.extent else f"in {specs[0].label}" if len(specs) == 1 else "in these rasters"
            raise GeoLoupeError("raster_empty", f"There is nothing but nodata {where}: choose another raster or extent.")
        self._tell("finishing")

    def _problem(self, spec: SourceSpec, error: GeoLoupeError) -> None:
        self.errors.append(error)
        self.report.problems.append({"source": spec.label, **error.to_json()})

    def _stop_if_asked(self) -> None:
        if self.cancelled():
            self.writer.commit()
            raise GeoLoupeError(
                "cancelled",
                f"Indexing was stopped: {self.done} of {self.total} chips are kept and can be searched; index again to go on.",
            )

    def _tell(self, phase: str, source: str = "") -> None:
        now = time.monotonic()
        self._times.append((now, self.done))
        while now - self._times[0][0] > AVERAGE_SECONDS:
            self._times.popleft()
        before, span = self._times[0][1], now - self._times[0][0]
        speed = (self.done - before) / span if span > 0.2 else 0.0
        left = (self.total - self.done) / speed if speed else None
        self.progress(Progress(phase, self.done, self.total, self.rows, left, speed, source))

    def _job_key(self, specs: list[SourceSpec]) -> str:
        facts = [sorted(spec.identity for spec in specs), self.report.gsds, asdict(self.extent) if self.extent else None]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _settled(known: tuple[bytes, bool] | None) -> bool:
    return known is not None and not known[1]


def _chip_row(task: Task, read: ReadChip) -> ChipRow:
    scale, window = task.grid.scale, read.chip.window
    replaces = (window.x0, window.y0) in task.done
    return ChipRow(0, task.row.id, scale.key, scale.gsd, window, read.hash, len(read.boxes), read.partial, replaces)


def _records(task: Task, windows: NDArray[np.int64]) -> NDArray[np.void]:
    """Windows (n, 4) -> their records (n,), without ids."""
    records = np.zeros(len(windows), dtype=RECORD)
    records["source"], records["scale"], records["gsd"] = task.row.id, task.grid.scale.key, task.grid.scale.gsd
    records["date"] = task.row.date or 0
    for place, name in enumerate(("x0", "y0", "x1", "y1")):
        records[name] = windows[:, place]
    bounds = footprint_bounds(windows, Affine(*task.row.transform), task.row.crs)
    for place, name in enumerate(("west", "south", "east", "north")):
        records[name] = bounds[:, place]
    return records

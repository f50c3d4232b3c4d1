"""An index opened for reading: a snapshot of what is committed, mapped, also while another process writes."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ..errors import GeoLoupeError
from . import catalogue_db
from .catalogue_db import SourceRow
from .georeference import window_to_footprint
from .locking import being_written
from .manifest import SHARDS, damaged, read_manifest
from .pixel_source import SourceSpec, Window
from .shards import DamagedShard, Shard, inspect_files, verify_sums

T = TypeVar("T")
_ATTEMPTS = 5  # a merge may take a shard away between reading the catalogue and mapping it


@dataclass(frozen=True)
class Snapshot:
    """What was committed at one generation. ``alive[number]`` (rows,) is None when every row of a shard counts."""

    generation: int
    sources: dict[int, SourceRow]
    shards: list[Shard]
    alive: dict[int, NDArray[np.bool_] | None]
    cache: dict[tuple[Any, ...], Any] = field(default_factory=dict)  # masks of filters; lives and dies with the snapshot

    @property
    def rows(self) -> int:
        masks = [(shard.facts.rows, self.alive[shard.facts.number]) for shard in self.shards]
        return sum(rows if mask is None else int(mask.sum()) for rows, mask in masks)


class Index:
    """A readable index. Keep it open between searches; it follows what a writer commits. Safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self._lock = threading.RLock()
        self._version: int | None = None
        self._snapshot = Snapshot(-1, {}, [], {})
        try:
            self._database = catalogue_db.connect(folder)
        except sqlite3.Error as error:
            raise damaged(folder, str(error)) from error

    def snapshot(self) -> Snapshot:
        """The newest committed state; cheap when nothing changed. Raises GeoLoupeError("index_damaged")."""
        with self._lock:
            return self._guard(self._refresh)

    def _guard(self, task: Callable[[], T]) -> T:
        try:
            return task()
        except sqlite3.Error as error:
            if not self.folder.exists():
                raise GeoLoupeError(
                    "index_missing", f"There is no index at {self.folder} any more: build one, or choose another folder."
                ) from error
            raise damaged(self.folder, str(error)) from error

    def _refresh(self) -> Snapshot:
        version = int(self._database.execute("PRAGMA data_version").fetchone()[0])
        if version == self._version and self._snapshot.generation >= 0:
            return self._snapshot
        problem: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(0.02 * attempt)
            try:
                self._snapshot = self._load()
                self._version = version
                return self._snapshot
            except (DamagedShard, OSError) as error:
                problem = error
        raise damaged(self.folder, str(problem)) from problem

    def _load(self) -> Snapshot:
        self._database.execute("BEGIN")
        try:
            generation = catalogue_db.fact(self._database, "generation")
            sources = {row.id: row for row in catalogue_db.sources(self._database)}
            facts = catalogue_db.shards(self._database)
            dead = catalogue_db.dead_chips(self._database)
        finally:
            self._database.execute("COMMIT")
        mapped = {shard.facts: shard for shard in self._snapshot.shards}
        shards = [mapped.get(item) or Shard(self.folder / SHARDS, item, self.manifest.dim) for item in facts]
        alive: dict[int, NDArray[np.bool_] | None] = {}
        for shard in shards:
            chips = dead.get(shard.facts.number)
            alive[shard.facts.number] = ~np.isin(shard.records["chip"], chips) if chips else None
        return Snapshot(generation, sources, shards, alive)

    def source(self, identity: str) -> SourceRow | None:
        """What the index knows of a source, by its identity."""
        return next((row for row in self.snapshot().sources.values() if row.identity == identity), None)

    def info(self) -> dict[str, Any]:
        """Facts for people and programs; see the engine's ``info``."""
        snapshot = self.snapshot()
        with self._lock:
            chips = self._guard(
                lambda: self._database.execute(
                    "SELECT source, gsd, sum(rows), count(*), sum(partial) FROM chips GROUP BY source, scale"
                ).fetchall()
            )
            open_jobs = self._guard(lambda: catalogue_db.unfinished_jobs(self._database))
        sources = []
        for row in snapshot.sources.values():
            whole = Window(0, 0, row.width, row.height)
            ring = window_to_footprint(whole, Affine(*row.transform), row.crs)
            xs, ys = [point[0] for point in ring], [point[1] for point in ring]
            mine = [entry for entry in chips if entry[0] == row.id]
            sources.append(
                {
                    "identity": row.identity,
                    "name": row.name,
                    "spec": row.spec.to_json(),
                    "rows": sum(entry[2] for entry in mine),
                    "chips": sum(entry[3] for entry in mine),
                    "gsds": sorted({entry[1] for entry in mine}),
                    "gsd": row.gsd,
                    "date": row.date,
                    "crs": row.crs,
                    "bounds": [min(xs), min(ys), max(xs), max(ys)],
                    "footprint": ring,
                    "changed": source_changed(row),
                }
            )
        written = being_written(self.folder)
        return {
            "path": str(self.folder),
            "name": self.folder.name.removesuffix(".geoloupe"),
            "encoder": {"fingerprint": self.manifest.encoder},
            "rows": snapshot.rows,
            "generation": snapshot.generation,
            "overlap": self.manifest.overlap,
            "sources": sources,
            "gsds": sorted({gsd for source in sources for gsd in source["gsds"]}),
            "bytes": sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()),
            "complete": open_jobs == 0 and not written,
            "being_written": written,
        }

    def check(self) -> dict[str, Any]:
        """Read everything and compare with the catalogue: {"ok", "problems", "notes"}. Notes are no damage."""
        problems: list[str] = []
        notes: list[str] = []
        with self._lock:
            try:
                for (line,) in self._database.execute("PRAGMA integrity_check").fetchall():
                    if line != "ok":
                        problems.append(f"index.sqlite: {line}")
                facts = catalogue_db.shards(self._database)
                rows = catalogue_db.sources(self._database)
            except sqlite3.Error as error:
                return {"ok": False, "problems": [f"index.sqlite: {error}"], "notes": notes}
        for item in facts:
            try:
                inspect_files(self.folder / SHARDS, item, self.manifest.dim)
                verify_sums(self.folder / SHARDS, item)
            except FileNotFoundError as error:
                if item in catalogue_db.shards(self._database):  # not merged away in the meantime
                    problems.append(f"{Path(str(error.filename)).name} is missing")
            except (DamagedShard, OSError) as error:
                problems.append(str(error))
        for row in rows:
            if source_changed(row):
                notes.append(f"{row.name} has changed or moved since it was indexed: index again to bring it up to date.")
        return {"ok": not problems, "problems": problems, "notes": notes}

    def close(self) -> None:
        with self._lock:
            self._snapshot = Snapshot(-1, {}, [], {})
            self._version = None
            self._database.close()


def open_index(folder: str | Path) -> Index:
    """Open an index to search it. Raises GeoLoupeError: "index_missing", "index_damaged"."""
    return Index(Path(folder))


def fingerprint_of(spec: SourceSpec) -> dict[str, Any]:
    """What tells whether a source's file is still the one that was indexed; empty for what is not a local file."""
    try:
        facts = os.stat(spec.identity)
    except (OSError, ValueError):
        return {}
    return {"size": facts.st_size, "mtime_ns": facts.st_mtime_ns}


def source_changed(row: SourceRow) -> bool:
    """True when a local file is not what it was when it was indexed, or is gone."""
    return bool(row.fingerprint) and fingerprint_of(row.spec) != row.fingerprint

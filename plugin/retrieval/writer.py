"""The one writer of an index: it gathers chips, commits them every few seconds, merges small shards and repairs."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import GeoLoupeError
from . import catalogue_db as db
from .catalogue_db import ChipRow, SourceRow
from .locking import WriterLock
from .manifest import SHARDS, damaged, read_manifest
from .records import RECORD, curve
from .shards import (
    HEADER_BYTES,
    DamagedShard,
    ShardFacts,
    disk_full,
    inspect_files,
    records_name,
    remove_quietly,
    vectors_name,
    write_shard,
)

COMMIT_SECONDS = 4.0
FIRST_COMMIT_SECONDS = 1.5  # so that the first regions can be found early
COMMIT_ROWS = 65_536
MERGE_COUNT = 8
SMALL_ROWS, MIDDLE_ROWS = 16_384, 131_072  # shards of a class are merged together; larger ones stay


@dataclass
class _Merge:
    old: list[ShardFacts]
    purged: dict[int, list[int]]
    result: Future[ShardFacts | None]


class Writer:
    """Holds the index's lock from the constructor to :meth:`close`.

    Raises GeoLoupeError: "index_missing", "index_damaged", "index_busy", "disk_full".
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.shards = folder, folder / SHARDS
        self.manifest = read_manifest(folder)
        self.repaired: list[str] = []
        self.new_rows = 0
        self._chips: list[ChipRow] = []
        self._records: list[NDArray[np.void]] = []
        self._vectors: list[NDArray[np.float16]] = []
        self._pending_rows, self._since, self._commits = 0, 0.0, 0
        self._merge: _Merge | None = None
        self._lock = WriterLock(folder)
        try:
            with self._errors():
                self.shards.mkdir(exist_ok=True)
                self.database = db.connect(folder)
                self._next_chip, self._next_region, self._next_shard = (
                    db.fact(self.database, name) for name in ("next_chip", "next_region", "next_shard")
                )
                self._repair()
                self._remove_orphans()
        except BaseException:
            self._lock.release()
            raise
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="merge")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            full = disk_full(error, self.folder)
            if full:
                raise full from error
            if isinstance(error, sqlite3.Error):
                raise damaged(self.folder, str(error)) from error
            raise GeoLoupeError(
                "usage", f"The index {self.folder.name} cannot be written: check the folder and its rights.", str(error)
            ) from error

    def _repair(self) -> None:
        """Forget shards whose files are gone or wrong; their chips are then indexed anew."""
        for facts in db.shards(self.database):
            try:
                inspect_files(self.shards, facts, self.manifest.dim)
            except (DamagedShard, FileNotFoundError) as error:
                with db.transaction(self.database):
                    self.database.execute("DELETE FROM chips WHERE shard = ?", (facts.number,))
                    db.drop_shard(self.database, facts.number)
                    self._bump()
                self.repaired.append(str(error))

    def _remove_orphans(self) -> None:
        numbers = {facts.number for facts in db.shards(self.database)}
        known = {name(number) for number in numbers for name in (vectors_name, records_name)}
        for path in self.shards.iterdir():
            if path.name not in known:
                remove_quietly(path)

    def _bump(self) -> int:
        generation = db.fact(self.database, "generation") + 1
        db.set_fact(self.database, "generation", generation)
        return generation

    def source(self, identity: str) -> SourceRow | None:
        return next((row for row in db.sources(self.database) if row.identity == identity), None)

    def add_source(self, row: SourceRow) -> SourceRow:
        with self._errors(), db.transaction(self.database):
            self._bump()
            return replace(row, id=db.add_source(self.database, row))

    def add(self, chip: ChipRow, records: NDArray[np.void], vectors: NDArray[np.float32]) -> None:
        """Take one finished chip: its records (ids not yet given) and vectors (rows, dim). Commits when it is time."""
        if not self._chips:
            self._since = time.monotonic()
        count = len(records)
        records = records.copy()
        records["chip"] = self._next_chip
        records["id"] = np.arange(self._next_region, self._next_region + count)
        self._chips.append(replace(chip, id=self._next_chip, rows=count))
        self._next_chip += 1
        self._next_region += count
        if count:
            self._records.append(records)
            self._vectors.append(vectors.astype(np.float16))
            self._pending_rows += count
        wait = FIRST_COMMIT_SECONDS if self._commits == 0 else COMMIT_SECONDS
        if self._pending_rows >= COMMIT_ROWS or time.monotonic() - self._since >= wait:
            self.commit()

    def commit(self) -> None:
        """Make everything added so far last. Raises GeoLoupeError("disk_full"): what was committed before is whole."""
        with self._errors():
            self._finish_merge(wait=False)
            if not self._chips:
                return
            number: int | None = None
            if self._pending_rows:
                records, vectors = _sorted(np.concatenate(self._records), np.concatenate(self._vectors))
                number = self._take_number()
                generation = db.fact(self.database, "generation") + 1
                records["generation"] = generation
                facts = write_shard(self.shards, number, vectors, records)
            try:
                with db.transaction(self.database):
                    generation = self._bump()
                    if number is not None:
                        db.add_shard(self.database, facts, generation)
                    db.add_chips(self.database, self._chips, number, generation)
                    db.set_fact(self.database, "next_chip", self._next_chip)
                    db.set_fact(self.database, "next_region", self._next_region)
                    db.set_fact(self.database, "next_shard", self._next_shard)
            except BaseException:
                if number is not None:
                    self._remove_files(number)
                raise
            self.new_rows += self._pending_rows
            self._chips, self._records, self._vectors, self._pending_rows = [], [], [], 0
            self._commits += 1
            self._start_merge(MERGE_COUNT)

    def _take_number(self) -> int:
        self._next_shard += 1
        return self._next_shard - 1

    def _remove_files(self, number: int) -> None:
        for name in (vectors_name(number), records_name(number)):
            remove_quietly(self.shards / name)

    def _start_merge(self, count: int) -> None:
        """Merge, in the background, shards of one class when there are ``count`` of them."""
        if self._merge is not None:
            return
        facts = db.shards(self.database)
        for low, high in ((0, SMALL_ROWS), (SMALL_ROWS, MIDDLE_ROWS)):
            chosen = [item for item in facts if low <= item.rows < high]
            if len(chosen) >= count:
                dead = db.dead_chips(self.database)
                purged = {item.number: dead.get(item.number, []) for item in chosen}
                result = self._pool.submit(_merge_files, self.shards, self._take_number(), self.manifest.dim, chosen, purged)
                self._merge = _Merge(chosen, purged, result)
                return

    def _finish_merge(self, wait: bool) -> None:
        merge = self._merge
        if merge is None or not (wait or merge.result.done()):
            return
        self._merge = None
        try:
            facts = merge.result.result()
        except OSError:
            return  # merging saves time later and is not needed; a full disk is said when rows cannot be saved
        with db.transaction(self.database):
            generation = self._bump()
            if facts is not None:
                db.add_shard(self.database, facts, generation)
            for item in merge.old:
                purged = [(chip,) for chip in merge.purged[item.number]]
                self.database.executemany("DELETE FROM dead_chips WHERE chip = ?", purged)
                if facts is not None:
                    moved = (facts.number, item.number)
                    self.database.execute("UPDATE chips SET shard = ? WHERE shard = ?", moved)
                    self.database.execute("UPDATE dead_chips SET shard = ? WHERE shard = ?", moved)
                db.drop_shard(self.database, item.number)
            db.set_fact(self.database, "next_shard", self._next_shard)
        for item in merge.old:
            self._remove_files(item.number)

    def finish(self) -> None:
        """Commit the rest and leave few shards behind."""
        self.commit()
        with self._errors():
            for _ in range(3):
                self._finish_merge(wait=True)
                self._start_merge(2)
                if self._merge is None:
                    break
            self._finish_merge(wait=True)

    def close(self) -> None:
        """Let go of the index. What was added and not committed is forgotten: call :meth:`commit` first."""
        self._pool.shutdown(wait=True)
        self.database.close()
        self._lock.release()


def _sorted(records: NDArray[np.void], vectors: NDArray[np.float16]) -> tuple[NDArray[np.void], NDArray[np.float16]]:
    order = np.argsort(curve(records), kind="stable")
    return records[order], vectors[order]


def _merge_files(folder: Path, number: int, dim: int, old: list[ShardFacts], purged: dict[int, list[int]]) -> ShardFacts | None:
    """Write one shard that holds the living rows of several. None when no row lives."""
    records, vectors = [], []
    for facts in old:
        rows = np.fromfile(folder / records_name(facts.number), dtype=RECORD)
        values = np.memmap(
            folder / vectors_name(facts.number), dtype="<f2", mode="r", offset=HEADER_BYTES, shape=(facts.rows, dim)
        )
        living = ~np.isin(rows["chip"], purged[facts.number])
        records.append(rows[living])
        vectors.append(np.asarray(values)[living])
    merged = _sorted(np.concatenate(records), np.concatenate(vectors))
    return write_shard(folder, number, merged[1], merged[0]) if len(merged[0]) else None

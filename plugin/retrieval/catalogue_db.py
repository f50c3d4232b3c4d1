"""index.sqlite: it alone says what exists in an index. Sources, chips, shards, jobs and generations."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .pixel_source import SourceSpec, Window
from .shards import ShardFacts
from .stretch import Stretch

DATABASE = "index.sqlite"
BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE facts(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO facts VALUES('generation', 0), ('next_region', 1), ('next_chip', 1), ('next_shard', 1);
CREATE TABLE sources(
    id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, name TEXT NOT NULL, spec TEXT NOT NULL, bands TEXT NOT NULL,
    stretch TEXT NOT NULL, fingerprint TEXT NOT NULL, date INTEGER, crs TEXT NOT NULL, transform TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, gsd REAL NOT NULL);
CREATE TABLE shards(
    number INTEGER PRIMARY KEY, rows INTEGER NOT NULL, vectors_sha256 TEXT NOT NULL, records_sha256 TEXT NOT NULL,
    generation INTEGER NOT NULL);
CREATE TABLE chips(
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources(id), scale INTEGER NOT NULL, gsd REAL NOT NULL,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL, hash BLOB NOT NULL,
    rows INTEGER NOT NULL, partial INTEGER NOT NULL, shard INTEGER REFERENCES shards(number), generation INTEGER NOT NULL,
    UNIQUE(source, scale, x0, y0));
CREATE INDEX chips_by_shard ON chips(shard);
CREATE TABLE dead_chips(chip INTEGER PRIMARY KEY, shard INTEGER NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE jobs(
    key TEXT PRIMARY KEY, facts TEXT NOT NULL, generation INTEGER NOT NULL, chips INTEGER NOT NULL, missing INTEGER NOT NULL,
    finished INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class SourceRow:
    """A source as the index knows it. ``fingerprint`` is what tells whether its file has changed since."""

    id: int
    identity: str
    name: str
    spec: SourceSpec
    bands: tuple[int, ...]
    stretch: Stretch
    fingerprint: dict[str, Any]
    date: int | None
    crs: str
    transform: tuple[float, ...]
    width: int
    height: int
    gsd: float


@dataclass(frozen=True)
class ChipRow:
    """A chip that is done; ``partial`` when pixels may still come, ``replaces`` when an older one lies at its place."""

    id: int
    source: int
    scale: int
    gsd: float
    window: Window
    hash: bytes
    rows: int
    partial: bool
    replaces: bool = False


def connect(folder: Path, create: bool = False) -> sqlite3.Connection:
    """Open the catalogue. Raises sqlite3.Error."""
    uri = (folder / DATABASE).resolve().as_uri()
    options: dict[str, Any] = {"uri": True, "timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
    try:
        # Not read-only, even to read: after a crash the next to open rolls back what was not committed.
        database = sqlite3.connect(f"{uri}?mode={'rwc' if create else 'rw'}", **options)
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        if create:
            raise
        database = sqlite3.connect(f"{uri}?mode=ro", **options)
    if create:
        database.execute("PRAGMA journal_mode=DELETE")
    database.execute("PRAGMA synchronous=FULL")
    if create:
        database.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def fact(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])


def set_fact(database: sqlite3.Connection, name: str, value: int) -> None:
    database.execute("UPDATE facts SET value = ? WHERE name = ?", (value, name))


def sources(database: sqlite3.Connection) -> list[SourceRow]:
    rows = database.execute(
        "SELECT id, identity, name, spec, bands, stretch, fingerprint, date, crs, transform, width, height, gsd "
        "FROM sources ORDER BY id"
    )
    return [
        SourceRow(
            row[0], row[1], row[2], SourceSpec.from_json(json.loads(row[3])), tuple(json.loads(row[4])),
            Stretch.from_json(json.loads(row[5])), json.loads(row[6]), row[7], row[8], tuple(json.loads(row[9])),
            row[10], row[11], row[12],
        )
        for row in rows
    ]  # fmt: skip


def add_source(database: sqlite3.Connection, row: SourceRow) -> int:
    """Insert a source (its id is ignored); returns its id."""
    cursor = database.execute(
        "INSERT INTO sources(identity, name, spec, bands, stretch, fingerprint, date, crs, transform, width, height, gsd) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.identity, row.name, json.dumps(row.spec.to_json()), json.dumps(row.bands), json.dumps(row.stretch.to_json()),
            json.dumps(row.fingerprint), row.date, row.crs, json.dumps(row.transform), row.width, row.height, row.gsd,
        ),
    )  # fmt: skip
    return int(cursor.lastrowid or 0)


def set_fingerprint(database: sqlite3.Connection, source: int, fingerprint: dict[str, Any]) -> None:
    database.execute("UPDATE sources SET fingerprint = ? WHERE id = ?", (json.dumps(fingerprint), source))


def shards(database: sqlite3.Connection) -> list[ShardFacts]:
    rows = database.execute("SELECT number, rows, vectors_sha256, records_sha256 FROM shards ORDER BY number")
    return [ShardFacts(*row) for row in rows]


def add_shard(database: sqlite3.Connection, facts: ShardFacts, generation: int) -> None:
    database.execute(
        "INSERT INTO shards VALUES(?, ?, ?, ?, ?)",
        (facts.number, facts.rows, facts.vectors_sha256, facts.records_sha256, generation),
    )


def drop_shard(database: sqlite3.Connection, number: int) -> None:
    database.execute("DELETE FROM dead_chips WHERE shard = ?", (number,))
    database.execute("DELETE FROM shards WHERE number = ?", (number,))


def add_chips(database: sqlite3.Connection, chips: Sequence[ChipRow], shard: int | None, generation: int) -> None:
    """Record chips as done. One that replaces an older chip kills it: its rows are skipped, and dropped by the next merge."""
    for chip in chips:
        if chip.replaces:
            kill_chip(database, (chip.source, chip.scale, chip.window.x0, chip.window.y0))
    database.executemany(
        "INSERT INTO chips VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                chip.id, chip.source, chip.scale, chip.gsd, chip.window.x0, chip.window.y0, chip.window.x1, chip.window.y1,
                chip.hash, chip.rows, int(chip.partial), shard if chip.rows else None, generation,
            )
            for chip in chips
        ],
    )  # fmt: skip


def kill_chip(database: sqlite3.Connection, place: tuple[int, int, int, int]) -> None:
    database.execute(
        "INSERT INTO dead_chips SELECT id, shard, rows FROM chips "
        "WHERE source = ? AND scale = ? AND x0 = ? AND y0 = ? AND shard IS NOT NULL",
        place,
    )
    database.execute("DELETE FROM chips WHERE source = ? AND scale = ? AND x0 = ? AND y0 = ?", place)


def done_chips(database: sqlite3.Connection, source: int, scale: int) -> dict[tuple[int, int], tuple[bytes, bool]]:
    """(x0, y0) -> (pixel hash, partial) of the chips that are done at one scale of a source."""
    rows = database.execute("SELECT x0, y0, hash, partial FROM chips WHERE source = ? AND scale = ?", (source, scale))
    return {(x0, y0): (bytes(digest), bool(partial)) for x0, y0, digest, partial in rows}


def dead_chips(database: sqlite3.Connection) -> dict[int, list[int]]:
    """Shard -> ids of chips whose rows there no longer count."""
    dead: dict[int, list[int]] = {}
    for chip, shard in database.execute("SELECT chip, shard FROM dead_chips"):
        dead.setdefault(shard, []).append(chip)
    return dead


def put_job(database: sqlite3.Connection, key: str, facts: dict[str, Any], chips: int, missing: int, finished: bool) -> None:
    generation = fact(database, "generation")
    database.execute(
        "INSERT INTO jobs VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET facts = excluded.facts, "
        "generation = excluded.generation, chips = excluded.chips, missing = excluded.missing, finished = excluded.finished",
        (key, json.dumps(facts), generation, chips, missing, int(finished)),
    )


def unfinished_jobs(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM jobs WHERE finished = 0 OR missing > 0").fetchone()[0])

"""Shards: fp16 vectors that FAISS maps as they lie, and their records. A shard never changes once it has its name."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GeoLoupeError
from .records import RECORD

HEADER_BYTES = 81
_FP16, _INNER_PRODUCT = 4, 0  # faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
_UNUSED = 1 << 20  # what FAISS writes in two fields that it no longer uses
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def header(dim: int, rows: int) -> bytes:
    """The first bytes of FAISS's own file of a flat fp16 inner-product index (IndexScalarQuantizer, QT_fp16)."""
    front = struct.pack("<4siqqq?i", b"IxSQ", dim, rows, _UNUSED, _UNUSED, True, _INNER_PRODUCT)
    quantizer = struct.pack("<iifQQQ", _FP16, 0, 0.0, dim, 2 * dim, 0)
    return front + quantizer + struct.pack("<Q", 2 * dim * rows)


def vectors_name(number: int) -> str:
    return f"{number}.f16"


def records_name(number: int) -> str:
    return f"{number}.rows"


@dataclass(frozen=True)
class ShardFacts:
    """What the catalogue says about a shard."""

    number: int
    rows: int
    vectors_sha256: str
    records_sha256: str


class DamagedShard(Exception):
    """A shard's files are not what the catalogue says; the message names the file and what is wrong."""


def disk_full(error: BaseException, folder: Path) -> GeoLoupeError | None:
    """The user's error when ``error`` means that the disk is full, else None."""
    full = isinstance(error, OSError) and error.errno in _FULL
    if full or "database or disk is full" in str(error):
        return GeoLoupeError(
            "disk_full",
            f"The disk that holds {folder.name} is full: free some space and index again; what was saved before is kept.",
            str(error),
        )
    return None


def fsync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last; a system that cannot do this for folders (Windows) does without."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_shard(folder: Path, number: int, vectors: NDArray[np.float16], records: NDArray[np.void]) -> ShardFacts:
    """Write shard ``number``: temporary names, fsync, rename, fsync of the folder. Vectors (n, dim) fp16, records (n,).

    Raises OSError; then no file of the shard is left under its name.
    """
    head = header(vectors.shape[1], len(vectors))
    plain = np.ascontiguousarray(vectors.astype("<f2", copy=False))
    sums = []
    parts: tuple[tuple[str, list[Any]], ...] = (
        (vectors_name(number), [head, plain]),
        (records_name(number), [records.tobytes()]),
    )
    made: list[Path] = []
    try:
        for name, blocks in parts:
            digest = hashlib.sha256()
            temporary = folder / f".{name}.part"
            made.append(temporary)
            with open(temporary, "wb") as file:
                for block in blocks:
                    file.write(block)
                    digest.update(block)
                file.flush()
                os.fsync(file.fileno())
            sums.append(digest.hexdigest())
        for name, _ in parts:
            os.replace(folder / f".{name}.part", folder / name)
            made.append(folder / name)
        fsync_folder(folder)
    except BaseException:
        for path in made:
            remove_quietly(path)
        raise
    return ShardFacts(number, len(vectors), sums[0], sums[1])


def remove_quietly(path: Path) -> None:
    """Remove a file if that is possible now (Windows keeps mapped files; the next writer tries again)."""
    try:
        path.unlink()
    except OSError:
        return


def inspect_files(folder: Path, facts: ShardFacts, dim: int) -> None:
    """Compare header and sizes with the catalogue. Raises DamagedShard; FileNotFoundError when a file is absent."""
    vectors, records = folder / vectors_name(facts.number), folder / records_name(facts.number)
    expected = header(dim, facts.rows)
    with open(vectors, "rb") as file:
        if file.read(HEADER_BYTES) != expected:
            raise DamagedShard(f"{vectors.name} does not begin as it should")
    for path, size in ((vectors, HEADER_BYTES + 2 * dim * facts.rows), (records, RECORD.itemsize * facts.rows)):
        if path.stat().st_size != size:
            raise DamagedShard(f"{path.name} has {path.stat().st_size} bytes instead of {size}")


def verify_sums(folder: Path, facts: ShardFacts) -> None:
    """Read both files whole and compare SHA-256. Raises DamagedShard or OSError."""
    for name, wanted in ((vectors_name(facts.number), facts.vectors_sha256), (records_name(facts.number), facts.records_sha256)):
        digest = hashlib.sha256()
        with open(folder / name, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != wanted:
            raise DamagedShard(f"{name} does not match its checksum")


class Shard:
    """A shard opened for searching: both files mapped. Raises DamagedShard, FileNotFoundError."""

    def __init__(self, folder: Path, facts: ShardFacts, dim: int) -> None:
        inspect_files(folder, facts, dim)
        self.facts, self.dim = facts, dim
        path = folder / vectors_name(facts.number)
        self.records: NDArray[np.void] = np.memmap(folder / records_name(facts.number), dtype=RECORD, mode="r")
        self.vectors: NDArray[np.float16] = np.memmap(path, dtype="<f2", mode="r", offset=HEADER_BYTES, shape=(facts.rows, dim))
        self.flat = _map_flat(path)
        self.rivals: NDArray[np.float32] | None = None  # best scores of the background phrases, kept by the search

    def search(self, query: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None) -> tuple[Any, Any]:
        """The best rows: scores (m,) descending and row numbers (m,), m <= count; ``allowed`` (rows,) or None for all."""
        scores, rows = self._ask(query[None, :], count, allowed)
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def best_scores(self, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.float32]:
        """The best scores of many queries (q, dim): (q, m) descending, m <= count; -inf where fewer rows are allowed."""
        scores, rows = self._ask(queries, count, allowed)
        return np.where(rows >= 0, scores, -np.inf).astype(np.float32)

    def _ask(self, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None) -> tuple[Any, Any]:
        faiss = _faiss()
        faiss.omp_set_num_threads(1)  # of this thread; one query gains nothing from more, and waits for them on a busy machine
        params = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            params = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        return self.flat.search(np.ascontiguousarray(queries), min(count, self.facts.rows), params=params)


@cache
def _faiss() -> Any:
    """FAISS, loaded when the first shard is opened."""
    import faiss

    return faiss


def _map_flat(path: Path) -> Any:
    faiss = _faiss()
    flags = getattr(faiss, "IO_FLAG_MMAP_IFC", None)
    if flags is None:
        return faiss.read_index(str(path))
    try:
        return faiss.read_index(str(path), flags)
    except RuntimeError:  # a system on which this build of FAISS cannot map
        return faiss.read_index(str(path))

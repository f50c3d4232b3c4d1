"""A thread that reads chips ahead of the encoder and leaves out what shows nothing."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import GeoLoupeError
from .catalogue_db import SourceRow
from .grid import Chip, Grid
from .opening import AnySource, open_source
from .pixel_source import PixelsMissing, SourceSpec
from .raster_source import gdal_environment
from .rendered_source import Fetch

BATCH = 8  # chips
AHEAD = 3  # batches
VALID_SHARE = 0.75  # of a region; with less, what is missing is what an encoder sees first, and the region is not indexed
FAILURES = 16  # chips that cannot be read, one after another, before a file is given up


@dataclass(frozen=True)
class Task:
    """Chips of one source at one scale. ``done`` maps a chip's corner to its pixel hash and whether it was partial.

    With ``recheck`` (the file has changed) done chips are read again and kept when their pixels are the same.
    """

    spec: SourceSpec
    row: SourceRow
    grid: Grid
    order: NDArray[np.int64]
    done: dict[tuple[int, int], tuple[bytes, bool]]
    recheck: bool


@dataclass(frozen=True)
class ReadChip:
    """One chip ready for the encoder: pixels (size, size, 3), region windows (n, 4) and boxes (n, 4) in 0..1 of the chip."""

    chip: Chip
    hash: bytes
    partial: bool
    pixels: NDArray[np.uint8]
    windows: NDArray[np.int64]
    boxes: NDArray[np.float32]


@dataclass
class Batch:
    """Up to BATCH chips of one task, and what was met on the way: chips with nothing to index, unchanged, missing, unreadable."""

    task: Task
    chips: list[ReadChip] = field(default_factory=list)
    empty: list[ReadChip] = field(default_factory=list)
    kept: int = 0
    missing: int = 0
    unreadable: int = 0
    problem: GeoLoupeError | None = None

    @property
    def taken(self) -> int:
        """Chips of the task that this batch settles, one way or another."""
        return len(self.chips) + len(self.empty) + self.kept + self.missing + self.unreadable


class ReadAhead:
    """Reads the tasks' chips in a thread of its own; iterate :meth:`batches`, and :meth:`stop` in the end."""

    def __init__(self, tasks: list[Task], fetch: Fetch | None, cache_bytes: int) -> None:
        self._tasks, self._fetch, self._cache = tasks, fetch, cache_bytes
        self._queue: queue.Queue[Batch | BaseException | None] = queue.Queue(AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def batches(self, wait: float = 0.2) -> Iterator[Batch | None]:
        """Batches as they are ready; None when ``wait`` seconds brought none. Raises what the reader raised."""
        while True:
            try:
                item = self._queue.get(timeout=wait)
            except queue.Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self, patience: float = 1.0) -> None:
        """End the thread; one that hangs in a slow network is left behind, and ends when its answer comes."""
        self._stop.set()
        self._thread.join(patience)

    def _put(self, item: Batch | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def _run(self) -> None:
        try:
            with gdal_environment(self._cache):
                for task in self._tasks:
                    if not self._stop.is_set():
                        self._read_task(task)
            self._put(None)
        except BaseException as error:  # noqa: BLE001 (the indexing thread raises it)
            self._put(error)

    def _read_task(self, task: Task) -> None:
        source = open_source(task.spec, task.row.stretch, self._fetch)
        try:
            batch, failures = Batch(task), 0
            for place, (row, column) in enumerate(task.order):
                if self._stop.is_set():
                    return
                chip = task.grid.chip(int(column), int(row))
                try:
                    read = read_chip(source, task.grid, chip)
                except PixelsMissing:
                    batch.missing += 1
                except GeoLoupeError as error:
                    failures += 1
                    batch.unreadable += 1
                    batch.problem = error
                    if failures >= FAILURES:
                        batch.unreadable += len(task.order) - place - 1
                        break
                else:
                    failures = 0
                    known = task.done.get((chip.window.x0, chip.window.y0))
                    if known is not None and known[0] == read.hash:
                        batch.kept += not read.partial
                        batch.missing += read.partial
                    elif len(read.windows):
                        batch.chips.append(read)
                    else:
                        batch.empty.append(read)
                if len(batch.chips) >= BATCH or batch.taken >= 4 * BATCH:
                    self._put(batch)
                    batch = Batch(task)
            if batch.taken:
                self._put(batch)
        finally:
            source.close()


def read_chip(source: AnySource, grid: Grid, chip: Chip) -> ReadChip:
    """Read a chip and keep those of its regions of which three quarters are valid."""
    size = grid.chip_size
    pixels, valid = source.read(chip.window, (size, size))
    digest = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16)
    windows, _ = grid.regions(chip)
    corner = np.array([chip.window.x0, chip.window.y0] * 2, dtype=np.float64)
    boxes = np.clip((windows - corner) / grid.side, 0, 1)
    whole = bool(valid.all())
    if not whole:
        digest.update(np.packbits(valid).tobytes())
        good = _valid_share(valid, boxes) >= VALID_SHARE
        windows, boxes = windows[good], boxes[good]
    partial = source.spec.kind == "rendered" and not whole and _reaches_inside(source, chip, valid)
    return ReadChip(chip, digest.digest(), partial, pixels, windows, boxes.astype(np.float32))


def _reaches_inside(source: AnySource, chip: Chip, valid: NDArray[np.bool_]) -> bool:
    """True when pixels are missing inside the source's own grid, not only where a chip reaches beyond it."""
    height, width = valid.shape
    right = round(min(1.0, (source.width - chip.window.x0) / chip.window.width) * width)
    bottom = round(min(1.0, (source.height - chip.window.y0) / chip.window.height) * height)
    return not valid[:bottom, :right].all()


def _valid_share(valid: NDArray[np.bool_], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.pad(valid.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = valid.shape
    x0, x1 = (np.rint(boxes[:, i] * width).astype(int) for i in (0, 2))
    y0, y1 = (np.rint(boxes[:, i] * height).astype(int) for i in (1, 3))
    held = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
    return held / np.maximum((x1 - x0) * (y1 - y0), 1)

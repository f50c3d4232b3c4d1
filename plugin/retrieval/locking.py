"""The writer's lock: the operating system's own, so it dies with its process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import IO

from ..errors import GeoLoupeError

LOCK_NAME = "lock"
PATIENCE_SECONDS = 0.5  # a reader that looks whether someone writes holds the lock for an instant


class WriterLock:
    """Held from the constructor to :meth:`release`. Raises GeoLoupeError("index_busy") when another writer has it."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] | None = open(folder / LOCK_NAME, "a+b")  # noqa: SIM115 (held as long as the lock)
        until = time.monotonic() + PATIENCE_SECONDS
        while not _try_lock(self._file):
            if time.monotonic() > until:
                self._file.close()
                raise GeoLoupeError(
                    "index_busy",
                    f"{folder.name} is being written by another GeoLoupe: wait until it has finished, or stop it there.",
                )
            time.sleep(0.02)

    def release(self) -> None:
        if self._file is not None:
            _unlock(self._file)
            self._file.close()
            self._file = None


def being_written(folder: Path) -> bool:
    """True while a writer holds the lock."""
    path = folder / LOCK_NAME
    if not path.exists():
        return False
    try:
        file = open(path, "r+b")  # noqa: SIM115 (closed below)
    except OSError:
        return False
    with file:
        if _try_lock(file):
            _unlock(file)
            return False
        return True


if os.name == "nt":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)

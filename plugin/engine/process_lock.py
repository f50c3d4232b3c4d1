"""A lock between processes that dies with its holder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional


class ProcessLock:
    """``acquire()`` is True for one process at a time; the operating system lets go when that process ends."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._file: Optional[int] = None

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another holds it. Raises OSError when the file cannot be made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

"""The indexes this engine has open: each is opened once and follows what is written into it."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GeoLoupeError

if TYPE_CHECKING:
    from ..retrieval.index import Index

KEPT_OPEN = 8


class Indexes:
    """Thread-safe cache by folder; a folder that was replaced is opened anew, the longest unused is let go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[tuple[int, ...], Index]] = OrderedDict()

    def get(self, folder: Any) -> Index:
        """Raises GeoLoupeError: "index_missing", "index_damaged", "usage"."""
        from ..retrieval.index import open_index

        if not isinstance(folder, str) or not folder:
            raise GeoLoupeError("usage", "Choose an index first.")
        path = Path(folder).expanduser().resolve()
        key, mark = str(path), _mark(path)
        with self._lock:
            known = self._open.pop(key, None)
            # What replaced or dropped is not closed here: another lane may be searching it; the last user frees it.
            index = known[1] if known is not None and known[0] == mark and mark else open_index(path)
            self._open[key] = (mark, index)
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
        return index


def _mark(folder: Path) -> tuple[int, ...]:
    """What tells one index folder from another of the same name; empty when there is none."""
    try:
        facts = os.stat(folder / "manifest.json")
    except OSError:
        return ()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size

"""The one engine of this process, shared by dock, locator and Processing."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Optional

from ..errors import GeoLoupeError
from .client import EngineClient
from .environment import find_engine
from .home import home, logs_folder

IDLE_SECONDS = 30 * 60.0
KEPT_LOGS = 5

_lock = threading.Lock()
_client: Optional[EngineClient] = None


def shared(chosen: Optional[str] = None) -> EngineClient:
    """The process's client, made on first use; its engine starts with its first call.

    ``chosen`` is the Python named in the options. Raises GeoLoupeError("no_engine") when the engine is not set up. When
    another Python is in force than before (a new set-up, a changed option), the old engine is stopped.
    """
    global _client
    location = find_engine(chosen)
    if location is None:
        raise GeoLoupeError("no_engine", "The GeoLoupe engine is not set up yet: set it up in the GeoLoupe panel.")
    with _lock:
        old = _client
        if old is not None and old.python == location.python and old.home == home():
            return old
        _client = EngineClient(location.python, log_path=_log_path(), home=home(), idle_seconds=IDLE_SECONDS)
        fresh = _client
    if old is not None:
        old.stop()
    return fresh


def current() -> Optional[EngineClient]:
    """The client if one was made; starts nothing."""
    return _client


def shutdown(timeout: float = 2.0) -> None:
    """Stop the engine; for the plugin's unload. Harmless when none runs."""
    global _client
    with _lock:
        client, _client = _client, None
    if client is not None:
        client.stop(timeout)


def _log_path() -> Path:
    """A log of this process's own, so that two QGIS do not write into one; old ones are removed."""
    folder = logs_folder()
    try:
        old = sorted(folder.glob("engine-*.log*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in old[KEPT_LOGS - 1 :]:
            path.unlink()
    except OSError:
        pass  # another QGIS is removing them too
    return folder / f"engine-{os.getpid()}.log"

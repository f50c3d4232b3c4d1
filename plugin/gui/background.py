"""Work that must not hold up the main thread, with its answer delivered there."""

from __future__ import annotations

import traceback
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Callable, Optional, Set

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..bridge.translation import tr
from ..errors import GeoLoupeError

Done = Callable[[Any, Optional[GeoLoupeError]], Any]


class _Mailbox(QObject):
    """Calls functions on the thread it was made on. It is never deleted: threads may send to it after everything else is gone."""

    arrived = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.arrived.connect(self._open)

    @staticmethod
    def _open(function: Callable[[], Any]) -> None:
        function()


_mailbox: Optional[_Mailbox] = None


def open_mailbox() -> _Mailbox:
    """The one mailbox; ``open_mailbox().arrived.emit(function)`` has it called on the main thread. First used there."""
    global _mailbox
    if _mailbox is None:
        _mailbox = _Mailbox()
    return _mailbox


class Background:
    """Runs plain functions in threads. ``done(value, error)`` is called on the main thread."""

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="geoloupe")
        self._mailbox = open_mailbox()
        self._closed = False
        self._open: Set[Future[None]] = set()

    def run(self, work: Callable[[], Any], done: Done) -> None:
        """``work`` may touch no widget, layer or project."""
        if not self._closed:
            future = self._pool.submit(self._work, work, done)
            self._open.add(future)
            future.add_done_callback(self._open.discard)

    def close(self, patience: float = 0.0) -> None:
        """Answers that are still to come are dropped. What runs may end its work for ``patience`` seconds."""
        self._closed = True
        self._pool.shutdown(wait=False)
        if patience:
            wait(set(self._open), timeout=patience)

    def _work(self, work: Callable[[], Any], done: Done) -> None:
        value, error = None, None
        try:
            value = work()
        except GeoLoupeError as problem:
            error = problem
        except Exception:
            error = unexpected(traceback.format_exc())
        self._mailbox.arrived.emit(lambda: None if self._closed else done(value, error))


def unexpected(detail: str) -> GeoLoupeError:
    """The sentence for a fault of our own."""
    sentence = tr("Something went wrong inside GeoLoupe: please try again; the log has the details.")
    return GeoLoupeError("internal", sentence, detail)

"""Work that must not hold up the main thread, with its answer delivered there."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..bridge.translation import tr
from ..errors import GeoLoupeError

Done = Callable[[Any, Optional[GeoLoupeError]], Any]


class Background(QObject):
    """Runs plain functions in threads. ``done(value, error)`` is called on the thread this object was made on."""

    _finished = pyqtSignal(object)

    def __init__(self, threads: int = 4, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="geoloupe")
        self._closed = False
        self._finished.connect(self._deliver)

    def run(self, work: Callable[[], Any], done: Done) -> None:
        """``work`` may touch no widget, layer or project."""
        if not self._closed:
            self._pool.submit(self._work, work, done)

    def close(self) -> None:
        """Answers that are still to come are dropped; nothing waits for them."""
        self._closed = True
        self._pool.shutdown(wait=False)

    def _work(self, work: Callable[[], Any], done: Done) -> None:
        value, error = None, None
        try:
            value = work()
        except GeoLoupeError as problem:
            error = problem
        except Exception:
            error = unexpected(traceback.format_exc())
        if not self._closed:
            self._finished.emit((done, value, error))

    def _deliver(self, answer: Any) -> None:
        if not self._closed:
            done, value, error = answer
            done(value, error)


def unexpected(detail: str) -> GeoLoupeError:
    """The sentence for a fault of our own."""
    sentence = tr("Something went wrong inside GeoLoupe: please try again; the log has the details.")
    return GeoLoupeError("internal", sentence, detail)

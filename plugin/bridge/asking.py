"""One question to the engine, waited for in whatever thread asks, with progress, cancel, and pixels that only QGIS can draw."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Iterable, List, Optional

from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QThread, QTimer

from ..engine import session
from ..engine.call import Call, Reply
from ..errors import GeoLoupeError
from .layers import PART, drawn_identity, is_rendered
from .rendering import TileRenderer
from .settings import Settings
from .translation import tr

POLL_SECONDS = 0.1  # a Stop is seen this soon, and progress is shown this often
_SPIN_MS = 20

Progress = Callable[[Dict[str, Any]], Any]
OnPixels = Callable[[Dict[str, Any]], Optional[bytes]]


class DrawnLayers:
    """Draws, on request, those of some layers that the engine cannot read itself. Close it when the question is answered."""

    def __init__(self, layers: Iterable[QgsRasterLayer] = ()) -> None:
        """Made where the layers live; :meth:`fetch` is for the client's threads."""
        self._renderers: Dict[str, TileRenderer] = {}
        for layer in layers:
            self.add(layer)

    def add(self, layer: QgsRasterLayer) -> None:
        """Take ``layer`` in if it has to be drawn; it is copied as it looks now."""
        if is_rendered(layer) and drawn_identity(layer) not in self._renderers:
            self._renderers[drawn_identity(layer)] = TileRenderer(layer)

    def fetch(self, request: Dict[str, Any]) -> Optional[bytes]:
        """The RGBA bytes that a "pixels?" message asks for. Raises GeoLoupeError. Not on the main thread."""
        renderer = self._renderers.get(str(request.get("source")).split(PART)[0])
        if renderer is None:
            raise GeoLoupeError("raster_unreadable", tr("The layer of this place is not in the project any more: add it again."))
        return renderer.fetch(request["bounds"], request.get("crs"), int(request["width"]), int(request["height"]))

    def close(self) -> None:
        """Stop drawing. Harmless twice."""
        renderers, self._renderers = self._renderers, {}
        for renderer in renderers.values():
            renderer.close()


def ask(
    op: str,
    params: Dict[str, Any],
    cancelled: Callable[[], bool],
    progress: Optional[Progress] = None,
    on_pixels: Optional[OnPixels] = None,
    started: Optional[Callable[[Call], Any]] = None,
) -> Reply:
    """Ask the shared engine, starting it if need be, and wait. ``cancelled`` and ``progress`` are called in this thread.

    On the main thread (a script that runs an algorithm) Qt's events go on meanwhile, without the user's, so that layers can be
    drawn. Raises GeoLoupeError, ``cancelled`` once the engine has given up.
    """
    latest: List[Dict[str, Any]] = []
    client = session.shared(Settings.load().engine_python or None)
    call = client.submit(op, params, on_progress=latest.append, on_pixels=on_pixels)
    if started is not None:
        started(call)
    finished = threading.Event()
    call.add_done_callback(lambda _call: finished.set())

    def look() -> None:
        if cancelled():
            call.cancel()
        if progress is not None and latest:
            value = latest[-1]
            latest.clear()
            progress(value)

    if on_main_thread():
        _spin(finished, look)
    else:
        while not finished.wait(POLL_SECONDS):
            look()
    return call.wait(0)


def on_main_thread() -> bool:
    application = QCoreApplication.instance()
    return application is not None and QThread.currentThread() == application.thread()


def _spin(finished: threading.Event, look: Callable[[], None]) -> None:
    """Run Qt's events until ``finished``. What ``look`` raises ends the waiting and is raised here, not inside Qt."""
    loop, timer = QEventLoop(), QTimer()
    problems: List[BaseException] = []

    def tick() -> None:
        try:
            look()
        except BaseException as problem:  # a slot that raises would abort QGIS
            problems.append(problem)
        if finished.is_set() or problems:
            loop.quit()

    timer.timeout.connect(tick)
    timer.start(_SPIN_MS)
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    timer.stop()
    if problems:
        raise problems[0]

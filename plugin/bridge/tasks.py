"""Thin clients of the engine for QGIS's task manager: they ask, wait, show progress, and can be stopped.

``run`` is in a thread: it touches no project, layer or widget, catches everything, and answers with a bool. What came of it
is told on the main thread by ``succeeded`` or ``failed``, once. Make tasks on the main thread; :func:`start` keeps them alive.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Set

from qgis.core import QgsApplication, QgsCoordinateTransformContext, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from ..engine.call import Call, Reply
from ..engine.environment import setup
from ..errors import GeoLoupeError
from . import compat, report, sink
from .asking import DrawnLayers, ask
from .translation import tr

_running: Set[QgsTask] = set()


def start(task: QgsTask, priority: int = 0) -> QgsTask:
    """Hand ``task`` to the task manager and keep it until it has ended."""
    _running.add(task)
    QgsApplication.taskManager().addTask(task, priority)
    return task


class GeoLoupeTask(QgsTask):
    """``succeeded(result)`` or ``failed(GeoLoupeError)`` comes once, on the main thread; a stop is ``failed`` with ``cancelled``.

    ``progressed`` carries the engine's progress values as they come. QGIS announces a task that was stopped as one that failed;
    to its user it is done, so QGIS is told so, and the task's description says that it was stopped.
    """

    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)
    progressed = pyqtSignal(object)

    def __init__(self, description: str) -> None:
        super().__init__(description, QgsTask.Flag.CanCancel)
        self._result: Any = None
        self._error: Optional[GeoLoupeError] = None

    def work(self) -> Any:
        """What the task is for; in a thread. Its value goes with ``succeeded``; raise GeoLoupeError for ``failed``."""
        raise NotImplementedError

    def run(self) -> bool:
        pool = compat.task_pool()
        try:
            # This thread only waits: lend it, so that a long run keeps neither other tasks nor the map from being done.
            pool.releaseThread()
            try:
                self._result = self.work()
            finally:
                pool.reserveThread()
            return True
        except GeoLoupeError as error:
            self._error = error
            if error.code == "cancelled" and self.isCanceled():
                self.setDescription(tr("{task} (stopped)", task=self.description()))
                return True
        except BaseException:  # on QGIS 3.22 anything that leaves run() aborts a process without an excepthook
            sentence = tr("Something went wrong inside GeoLoupe: please try again; the log has the details.")
            self._error = GeoLoupeError("internal", sentence, traceback.format_exc())
        return False

    def finished(self, successful: bool) -> None:
        _running.discard(self)
        if successful and self._error is None:
            self.succeeded.emit(self._result)
            return
        # A task that was stopped before its turn never ran.
        self.failed.emit(self._error or GeoLoupeError("cancelled", tr("Stopped; what was done so far is kept.")))


class EngineTask(GeoLoupeTask):
    """One question to the engine. ``succeeded`` carries the Reply's value; ``drawn`` draws what only QGIS can, and is closed."""

    def __init__(self, description: str, op: str, params: Mapping[str, Any], drawn: Optional[DrawnLayers] = None) -> None:
        super().__init__(description)
        self._op = op
        self._params = dict(params)
        self._drawn = drawn
        self._call: Optional[Call] = None

    def work(self) -> Any:
        return self.ask().value

    def ask(self) -> Reply:
        on_pixels = self._drawn.fetch if self._drawn is not None else None
        return ask(self._op, self._params, self.isCanceled, self._progress, on_pixels, self._started)

    def cancel(self) -> None:
        super().cancel()
        if self._call is not None:
            self._call.cancel()

    def finished(self, successful: bool) -> None:
        if self._drawn is not None:
            self._drawn.close()
        super().finished(successful)

    def _started(self, call: Call) -> None:
        self._call = call

    def _progress(self, value: Dict[str, Any]) -> None:
        total = float(value.get("total") or 0)
        if total > 0:
            self.setProgress(min(100.0, 100.0 * float(value.get("done") or 0) / total))
        self.progressed.emit(value)


class InspectTask(EngineTask):
    """What one raster is: size, GSD, bands, and what is wrong with it."""

    def __init__(self, source: Mapping[str, Any], drawn: Optional[DrawnLayers] = None) -> None:
        super().__init__(tr("Look at {name}", name=source.get("name") or source.get("uri")), "inspect", {"source": source}, drawn)


class EstimateTask(EngineTask):
    """What an index would cost: regions, bytes and seconds."""

    def __init__(self, params: Mapping[str, Any], drawn: Optional[DrawnLayers] = None) -> None:
        super().__init__(tr("Estimate the index"), "estimate", params, drawn)


class IndexTask(EngineTask):
    """Builds or continues an index; a stop keeps what was done."""

    def __init__(self, params: Mapping[str, Any], name: str, drawn: Optional[DrawnLayers] = None) -> None:
        super().__init__(tr("Index {name}", name=name), "index", params, drawn)


@dataclass(frozen=True)
class ResultsTarget:
    """Where a search's table goes, read from the project on the main thread. See :func:`.sink.write_hits`."""

    path: Path
    spare: Path
    context: QgsCoordinateTransformContext


@dataclass(frozen=True)
class SearchOutcome:
    """The engine's answer, and the table of its hits if there were any and a target was given."""

    value: Dict[str, Any]
    written: Optional[sink.Written]


class SearchTask(EngineTask):
    """Searches, then writes the hits. ``answered`` carries the engine's value before they are written."""

    answered = pyqtSignal(object)

    def __init__(
        self, params: Mapping[str, Any], title: str, target: Optional[ResultsTarget] = None, drawn: Optional[DrawnLayers] = None
    ) -> None:
        super().__init__(tr("Search for {query}", query=title), "search", params, drawn)
        self._title = title
        self._target = target

    def work(self) -> SearchOutcome:
        value = self.ask().value
        self.answered.emit(value)
        hits = value.get("hits") or []
        if self._target is None or not hits:
            return SearchOutcome(value, None)
        facts = sink.SearchFacts(self._title, report.model_name(value), ", ".join(self._params.get("indexes") or []))
        target = self._target
        written = sink.write_hits(hits, facts, value.get("crs"), target.path, target.spare, target.context)
        return SearchOutcome(value, written)


class ThumbnailTask(EngineTask):
    """Pictures of some hits. ``succeeded`` carries a list of (width, height, RGB bytes), (0, 0, b"") where there is none."""

    def __init__(
        self, index: str, hits: Sequence[Mapping[str, Any]], size: int = 96, drawn: Optional[DrawnLayers] = None
    ) -> None:
        wanted = [{key: hit.get(key) for key in ("source", "x0", "y0", "x1", "y1", "gsd")} for hit in hits]
        super().__init__(tr("Pictures of the hits"), "thumbnails", {"index": index, "hits": wanted, "size": size}, drawn)

    def work(self) -> Any:
        reply = self.ask()
        return [(int(size[0]), int(size[1]), blob) for size, blob in zip(reply.value.get("sizes") or [], reply.blobs)]


class SetupTask(GeoLoupeTask):
    """Sets the engine up. ``progressed`` carries {fraction, message}; ``succeeded`` the path of its Python."""

    def __init__(
        self,
        packages: str = "onnx",
        python: Optional[Path] = None,
        allow_download: bool = False,
        environment: Optional[Mapping[str, str]] = None,
        install: Callable[..., Path] = setup,
    ) -> None:
        super().__init__(tr("Set up the GeoLoupe engine"))
        self._packages = packages
        self._options: Dict[str, Any] = {"python": python, "allow_download": allow_download, "environment": environment}
        self._install = install

    def work(self) -> Path:
        return self._install(self._packages, self._progress, self.isCanceled, **self._options)

    def _progress(self, value: Any) -> None:
        self.setProgress(100.0 * value.fraction)
        self.progressed.emit({"fraction": value.fraction, "message": value.message})

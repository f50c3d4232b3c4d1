"""Pixels of layers that only QGIS can draw, for a thread that waits for them.

Map jobs are made and started on the main thread (QGIS asks for that), draw in threads of their own, and are answered to
whoever asked. Nothing here blocks the main thread, and a tile that failed to load is a failure, not a hole in the picture.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
from qgis.core import (
    QgsApplication,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsNetworkAccessManager,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QCoreApplication, QObject, QSize, Qt, QThread, QThreadPool, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from ..errors import GeoLoupeError
from . import crs as coordinates
from .translation import tr

# A server that answers these says that there is nothing here, which is an answer.
_NOTHING_HERE = (204, 404, 410)

Done = Callable[[Optional[bytes], Optional[GeoLoupeError]], None]


@dataclass
class _Request:
    bounds: Tuple[float, float, float, float]
    crs: Optional[str]
    width: int
    height: int
    done: Done
    troubles: List[str] = field(default_factory=list)


class TileRenderer(QObject):
    """Draws one layer on request. Make it anywhere; it lives on the main thread. Call :meth:`close` when done."""

    _asked = pyqtSignal()
    _closing = pyqtSignal()

    def __init__(self, layer: QgsRasterLayer, jobs: int = 4) -> None:
        """Takes a copy of ``layer`` as it looks now, at full opacity; at most ``jobs`` pictures are drawn at once."""
        super().__init__()
        main = QCoreApplication.instance().thread()
        self._name = layer.name()
        self._layer = layer.clone()
        self._layer.setOpacity(1.0)
        self._layer.setScaleBasedVisibility(False)
        if self._layer.renderer() is not None:
            self._layer.renderer().setOpacity(1.0)
        self._host = _host_of(layer)
        self._jobs = jobs
        self._queue: List[_Request] = []
        self._lock = threading.Lock()
        self._running: Dict[QgsMapRendererParallelJob, _Request] = {}
        self._closed = False
        self._listening = False
        self._layer.moveToThread(main)
        self.moveToThread(main)
        self._asked.connect(self._start_waiting, Qt.ConnectionType.QueuedConnection)
        self._closing.connect(self._close, Qt.ConnectionType.QueuedConnection)

    # From any thread

    def request(self, bounds: Sequence[float], crs: Optional[str], width: int, height: int, done: Done) -> None:
        """Ask for ``bounds`` (x0, y0, x1, y1 in ``crs``) as ``width`` x ``height`` pixels.

        ``done`` is called once, on the main thread: with RGBA bytes (height, width, 4), alpha 0 where there is nothing, or with
        an error if a part of the picture did not arrive.
        """
        x0, y0, x1, y1 = (float(value) for value in bounds)
        wanted = _Request((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), crs, int(width), int(height), done)
        with self._lock:
            closed = self._closed
            if not closed:
                self._queue.append(wanted)
        if closed:
            done(None, _stopped())
        else:
            self._asked.emit()

    def fetch(self, bounds: Sequence[float], crs: Optional[str], width: int, height: int, timeout: float = 120.0) -> bytes:
        """Like :meth:`request`, but waits. Not for the main thread, which has the drawing to do. Raises GeoLoupeError."""
        if QThread.currentThread() == self.thread():
            raise GeoLoupeError("internal", "Pictures cannot be waited for on the main thread.")
        answered = threading.Event()
        answer: List[Tuple[Optional[bytes], Optional[GeoLoupeError]]] = []

        def done(pixels: Optional[bytes], error: Optional[GeoLoupeError]) -> None:
            answer.append((pixels, error))
            answered.set()

        self.request(bounds, crs, width, height, done)
        if not answered.wait(timeout):
            raise GeoLoupeError("raster_unreadable", tr("The layer {name} did not answer in time.", name=self._name))
        pixels, error = answer[0]
        if error is not None or pixels is None:
            raise error or _stopped()
        return pixels

    def close(self) -> None:
        """Stop drawing; whoever still waits gets an error. Harmless twice."""
        with self._lock:
            self._closed = True
            dropped, self._queue = self._queue, []
        for wanted in dropped:
            wanted.done(None, _stopped())
        if QThread.currentThread() == self.thread():
            self._close()
        else:
            self._closing.emit()

    # On the main thread

    def _start_waiting(self) -> None:
        """Start one picture; the next has to wait for the event loop's next turn, so that the main thread is never held long."""
        self._listen(True)
        with self._lock:
            if self._closed or not self._queue or len(self._running) >= self._jobs:
                return
            wanted = self._queue.pop(0)
            more = bool(self._queue)
        try:
            self._start(wanted)
        except Exception as error:  # a slot that raises would abort QGIS
            wanted.done(None, GeoLoupeError("raster_unreadable", self._sentence(), repr(error)))
        if more:
            self._asked.emit()

    def _start(self, wanted: _Request) -> None:
        settings = QgsMapSettings()
        settings.setLayers([self._layer])
        crs = coordinates.crs_from_text(wanted.crs)
        settings.setDestinationCrs(crs if crs.isValid() else self._layer.crs())
        settings.setOutputSize(QSize(wanted.width, wanted.height))
        settings.setOutputDpi(96)
        settings.setBackgroundColor(QColor(0, 0, 0, 0))
        settings.setFlag(QgsMapSettings.Flag.RenderPartialOutput, False)
        settings.setTransformContext(self._layer.transformContext())
        settings.setExtent(QgsRectangle(*wanted.bounds))
        job = QgsMapRendererParallelJob(settings)
        self._running[job] = wanted
        job.finished.connect(lambda: self._finished(job))
        # Drawing mostly waits for a server: lend the pool a thread, or the map itself could not be drawn meanwhile.
        QThreadPool.globalInstance().releaseThread()
        job.start()

    def _finished(self, job: QgsMapRendererParallelJob) -> None:
        wanted = self._running.pop(job, None)
        QThreadPool.globalInstance().reserveThread()
        job.deleteLater()
        if wanted is None:  # closed meanwhile
            return
        pixels, error = None, None
        try:
            pixels = _rgba(job.renderedImage(), wanted.width, wanted.height)
            troubles = [problem.message for problem in job.errors()]
            # Failed requests count only where they left a hole: QGIS repeats some of them by itself.
            if not troubles and b"\x00" in pixels[3::4]:
                troubles = wanted.troubles
            if troubles:
                pixels, error = None, GeoLoupeError("raster_unreadable", self._sentence(), "; ".join(troubles[:4]))
        except Exception as problem:  # a slot that raises would abort QGIS
            pixels, error = None, GeoLoupeError("raster_unreadable", self._sentence(), repr(problem))
        wanted.done(pixels, error)
        self._start_waiting()

    def _listen(self, on: bool) -> None:
        if on == self._listening:
            return
        self._listening = on
        manager, log = QgsNetworkAccessManager.instance(), QgsApplication.messageLog()
        if on:
            manager.finished.connect(self._replied)
            log.messageReceived.connect(self._logged)
        else:
            manager.finished.disconnect(self._replied)
            log.messageReceived.disconnect(self._logged)

    def _replied(self, reply: Any) -> None:
        """A network reply of any part of QGIS arrived: if it is one of ours and failed, the pictures in work may have a hole."""
        try:
            if reply.error() == QNetworkReply.NetworkError.NoError:
                return
            url: QUrl = reply.request().url()
            if self._host and url.host() != self._host:
                return
            status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
            if status not in _NOTHING_HERE:
                self._note("{} ({})".format(reply.errorString(), status or "no answer"))
        except Exception as problem:  # a slot that raises would abort QGIS
            self._note(repr(problem))

    def _logged(self, message: str, tag: str, *_level: object) -> None:
        # What arrived but is no picture is only written to the log (tile servers) or comes as an exception text (WMS).
        if tag == "WMS":
            self._note(message)

    def _note(self, trouble: str) -> None:
        for wanted in self._running.values():
            wanted.troubles.append(trouble)

    def _close(self) -> None:
        self._listen(False)
        running, self._running = self._running, {}
        for job, wanted in running.items():
            job.cancelWithoutBlocking()
            wanted.done(None, _stopped())
        self._layer = None  # here, so that the layer dies on the thread it lives in

    def _sentence(self) -> str:
        return tr(
            "The layer {name} could not be drawn completely: check its server and the network, then try again.", name=self._name
        )


def _stopped() -> GeoLoupeError:
    return GeoLoupeError("cancelled", tr("Drawing was stopped."))


def _host_of(layer: QgsRasterLayer) -> str:
    """The one host the layer's pictures come from; empty where there is none or several."""
    url = str(QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source()).get("url") or "")
    host = QUrl(url.split("?")[0].split("{z}")[0]).host()
    return "" if "{" in url.split("//")[-1].split("/")[0] else str(host)


def _rgba(image: QImage, width: int, height: int) -> bytes:
    """The picture as (height, width, 4) bytes, colours not multiplied by alpha.

    By numpy, because Qt converts bigger images with the global thread pool and waits for it: while tiles are awaited there, the
    main thread would stand still as long as the server does.
    """
    if image.isNull():
        return bytes(width * height * 4)
    if image.format() != QImage.Format.Format_ARGB32_Premultiplied:
        image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    if image.width() != width or image.height() != height:
        raise ValueError("asked for {} x {}, drew {} x {}".format(width, height, image.width(), image.height()))
    bits = image.constBits()  # rows of four-byte pixels have no padding
    bits.setsize(image.sizeInBytes())
    # A copy (the image's memory goes with it); a pixel is one number, 0xAARRGGBB, in the machine's own byte order.
    argb = np.frombuffer(bytes(bits), dtype=np.uint32).reshape(height, width)
    alpha = argb >> 24
    pixels = np.stack([(argb >> 16) & 255, (argb >> 8) & 255, argb & 255, alpha], axis=-1)
    if ((alpha > 0) & (alpha < 255)).any():
        straight = (pixels[..., :3] * 255 + alpha[..., None] // 2) // np.maximum(alpha, 1)[..., None]
        pixels[..., :3] = np.minimum(straight, 255)
    return pixels.astype(np.uint8).tobytes()

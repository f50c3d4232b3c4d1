"""The map tool that draws a query box: drag, Shift for one more, Esc or right click to give the map back."""

from __future__ import annotations

from typing import List, Optional

from qgis.core import QgsGeometry, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeyEvent

from ..bridge.compat import POLYGON_GEOMETRY
from .shades import ACCENT

SMALLEST_DRAG = 4


def style_band(band: QgsRubberBand, dashed: bool = False) -> None:
    """The look of a query box: orange with a light halo, so that it shows on dark and bright imagery."""
    fill = QColor(ACCENT)
    fill.setAlpha(38)
    band.setFillColor(fill)
    band.setStrokeColor(ACCENT)
    band.setSecondaryStrokeColor(QColor(255, 255, 255, 200))
    band.setWidth(2)
    if dashed:
        band.setLineStyle(Qt.PenStyle.DashLine)


class BoxTool(QgsMapTool):
    """Emits ``drawn(polygon in map coordinates, add)`` on release and ``cancelled`` when the user wants the map back.

    The box is a rectangle on the screen; its four corners are taken to map coordinates one by one, so a rotated map gives
    the rotated polygon that the user saw.
    """

    drawn = pyqtSignal(QgsGeometry, bool)
    cancelled = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._start: Optional[QPoint] = None
        self._band: Optional[QgsRubberBand] = None
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._start = self.toCanvasCoordinates(event.mapPoint())
            self._band = QgsRubberBand(self.canvas(), POLYGON_GEOMETRY)
            style_band(self._band, dashed=True)
            self.canvas().installEventFilter(self)  # the canvas keeps keys to itself while a button is down
        elif event.button() == Qt.MouseButton.RightButton:
            self._drop_band()
            self.cancelled.emit()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        if self._start is not None and self._band is not None:
            end = self.toCanvasCoordinates(event.mapPoint())
            self._band.setToGeometry(self._polygon(self._start, end), None)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        if event.button() != Qt.MouseButton.LeftButton or self._start is None:
            return
        start, end = self._start, self.toCanvasCoordinates(event.mapPoint())
        self._drop_band()
        if abs(end.x() - start.x()) < SMALLEST_DRAG or abs(end.y() - start.y()) < SMALLEST_DRAG:
            return
        add = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.drawn.emit(self._polygon(start, end), add)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            event.accept()
            self._drop_band()
            self.cancelled.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape and self._start is not None:
            self.keyPressEvent(event)
            return True
        return False

    def deactivate(self) -> None:
        self._drop_band()
        super().deactivate()

    def _polygon(self, start: QPoint, end: QPoint) -> QgsGeometry:
        left, right = sorted((start.x(), end.x()))
        top, bottom = sorted((start.y(), end.y()))
        corners: List[QgsPointXY] = [
            self.toMapCoordinates(QPoint(x, y)) for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
        ]
        return QgsGeometry.fromPolygonXY([corners + corners[:1]])

    def _drop_band(self) -> None:
        if self._start is not None:
            self.canvas().removeEventFilter(self)
        self._start = None
        if self._band is not None:
            self.canvas().scene().removeItem(self._band)
            self._band = None

"""Small building blocks: a tinted frame, a label that wraps to its full height, a label that elides."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from qgis.PyQt.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from .shades import INFO, edge, tint


class TintedPanel(QFrame):
    """A frame in the window's colour with a breath of ``colour``. Painted, not styled: style sheets freeze the palette."""

    def __init__(self, colour: QColor = INFO, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._colour = colour

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(edge(self.palette(), self._colour)))
        painter.setBrush(tint(self.palette(), self._colour))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        painter.end()


class WrappingLabel(QLabel):
    """Plain text that wraps at any width instead of pushing its neighbours out."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)


class ElidedLabel(QLabel):
    """One line that shortens at its end instead of pushing its neighbours out; the whole text is the tool tip."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""

    def setText(self, text: str) -> None:  # noqa: N802
        self._whole = text
        self.setToolTip(text)
        self._shorten()

    def whole_text(self) -> str:
        return self._whole

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(40, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._shorten()

    def _shorten(self) -> None:
        super().setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width()))

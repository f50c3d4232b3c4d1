"""A tinted frame that follows the palette: the ground of cards, chips and banners."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import QEvent
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QFrame, QWidget

from .shades import INFO, paint_panel


class TintedPanel(QFrame):
    """A frame in the window's colour with a breath of ``colour``."""

    def __init__(self, name: str, colour: QColor = INFO, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._colour = colour
        self._painting = False
        self.repaint_ground()

    def set_colour(self, colour: QColor) -> None:
        self._colour = colour
        self.repaint_ground()

    def repaint_ground(self) -> None:
        self._painting = True
        paint_panel(self, self._colour)
        self._painting = False

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and not self._painting:
            self.repaint_ground()

"""The layer row: which raster is searched, and one line on the state of its index."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsMapLayer, QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent
from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QLabel, QWidget

from ..bridge.translation import tr
from .index_state import IndexState
from .panel import WrappingLabel
from .shades import BAD, GOOD, INFO, WARNING, quiet_text

COLOURS = {"good": GOOD, "work": INFO, "warning": WARNING, "bad": BAD}


class StateDot(QWidget):
    """A small round light beside the state line; the line itself says the same in words."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setFixedSize(10, self.fontMetrics().height())
        self._level = "none"

    def set_level(self, level: str) -> None:
        self._level = level
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        colour = COLOURS.get(self._level)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QColor(colour) if colour is not None else quiet_text(self.palette())
        painter.setPen(pen)
        if colour is not None:
            painter.setBrush(colour)
        painter.drawEllipse(1, (self.height() - 8) // 2, 7, 7)
        painter.end()


class LayerPanel(QWidget):
    """Layer chooser and index state. ``layer_changed`` carries the raster layer or None."""

    layer_changed = pyqtSignal(object)

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.combo = QgsMapLayerComboBox()
        self.combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(8)
        self.combo.setAccessibleName(tr("Raster layer to search"))
        self.combo.setToolTip(tr("The imagery that is indexed and searched."))
        label = QLabel(tr("&Layer"))
        label.setBuddy(self.combo)
        self._dot = StateDot()
        self._state = WrappingLabel()
        self._state.setAccessibleName(tr("State of the index"))
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(8)
        layout.setVerticalSpacing(4)
        layout.addWidget(label, 0, 0)
        layout.addWidget(self.combo, 0, 1)
        layout.addWidget(self._dot, 1, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._state, 1, 1)
        layout.setColumnStretch(1, 1)
        self.combo.layerChanged.connect(self._emit)

    def layer(self) -> Optional[QgsRasterLayer]:
        chosen = self.combo.currentLayer()
        return chosen if isinstance(chosen, QgsRasterLayer) else None

    def choose(self, layer: QgsMapLayer) -> None:
        self.combo.setLayer(layer)

    def set_state(self, state: IndexState) -> None:
        self._dot.set_level(state.level)
        self._state.setText(state.text)
        self._state.setToolTip(state.hint)

    def state_text(self) -> str:
        return self._state.text()

    def _emit(self, _layer: object) -> None:
        self.layer_changed.emit(self.layer())

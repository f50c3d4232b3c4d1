"""The section that makes an index: how big the things are, how far, what it costs, and the run with its Stop."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsDoubleSpinBox, QgsFilterLineEdit
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..bridge.translation import tr
from . import formats
from .icons import icon
from .panel import WrappingLabel

VISIBLE, WHOLE = "visible", "whole"


class IndexPanel(QWidget):
    """Asks what to index. ``options_changed`` wants a new estimate; ``index_wanted`` and ``stop_wanted`` are the buttons."""

    options_changed = pyqtSignal()
    index_wanted = pyqtSignal()
    stop_wanted = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.group = QgsCollapsibleGroupBoxBasic(tr("Index"))
        self.group.setObjectName("GeoLoupeIndexGroup")
        self._size = QgsDoubleSpinBox()
        self._size.setRange(0.5, 5000.0)
        self._size.setDecimals(1)
        self._size.setValue(10.0)
        self._size.setSuffix(" " + tr("m"))
        self._size.setShowClearButton(False)
        self._size.setMinimumWidth(70)
        self._size.setAccessibleName(tr("Object size in metres"))
        self._size.setToolTip(
            tr("How big the things are that you look for, in metres: about 4 for cars, 10 for houses, 40 for halls.")
        )
        self._extent = QComboBox()
        self._extent.addItem(tr("Visible extent"), VISIBLE)
        self._extent.addItem(tr("Whole layer"), WHOLE)
        self._extent.setCurrentIndex(1)
        self._boundless = WrappingLabel()
        self._boundless.setText(tr("This layer covers the whole world: show the area to index on the map."))
        self._boundless.hide()
        self._whole_before = False
        # In a widget of its own, because a collapsible box shows all that is directly in it when it opens.
        self._extent_rows = QWidget()
        self._extent.setMinimumWidth(70)
        self._extent.setAccessibleName(tr("Extent to index"))
        self._scales = QgsFilterLineEdit()
        self._scales.setMinimumWidth(60)
        self._scales.setPlaceholderText(tr("from the object size"))
        self._scales.setAccessibleName(tr("Ground sample distances in metres"))
        self._scales.setToolTip(
            tr("For experts: metres per pixel, one or more, such as 0.15 0.6. Empty: they follow from the object size.")
        )
        self._scale_box = QgsCollapsibleGroupBoxBasic(tr("Advanced"))
        self._scale_box.setFlat(True)
        self._scale_box.setCollapsed(True)
        self._cost = WrappingLabel()
        self._cost.setAccessibleName(tr("What indexing would cost"))
        self.button = QPushButton(tr("&Index"))
        self.button.setToolTip(tr("Read the imagery once, so that searches are quick. Search meanwhile; stop at any time."))
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Progress of indexing"))
        self.bar.setRange(0, 1000)
        self.bar.setMinimumWidth(60)
        self.stop_button = QPushButton(icon("stop", self.palette()), tr("Stop"))
        self.stop_button.setToolTip(tr("Stop now. What is done is kept and can be searched."))
        self._run = QWidget()
        self._lay_out()
        self._run.hide()
        self._size.valueChanged.connect(self.options_changed)
        self._extent.currentIndexChanged.connect(self.options_changed)
        self._scales.textChanged.connect(self.options_changed)
        self.group.collapsedStateChanged.connect(self.options_changed)
        self.button.clicked.connect(self.index_wanted)
        self.stop_button.clicked.connect(self.stop_wanted)

    def _lay_out(self) -> None:
        expert = QGridLayout(self._scale_box)
        expert.setContentsMargins(0, 4, 0, 0)
        expert.addWidget(_label(tr("&GSD"), self._scales), 0, 0)
        expert.addWidget(self._scales, 0, 1)
        extent = QVBoxLayout(self._extent_rows)
        extent.setContentsMargins(0, 0, 0, 0)
        extent.setSpacing(4)
        extent.addWidget(self._extent)
        extent.addWidget(self._boundless)
        grid = QGridLayout(self.group)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(5)
        grid.addWidget(_label(tr("&Object size"), self._size), 0, 0)
        grid.addWidget(self._size, 0, 1)
        grid.addWidget(_label(tr("&Extent"), self._extent), 1, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._extent_rows, 1, 1)
        grid.addWidget(_label(tr("Cost"), None), 2, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self._cost, 2, 1)
        grid.addWidget(self._scale_box, 3, 0, 1, 2)
        grid.addWidget(self.button, 4, 0, 1, 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        run = QHBoxLayout(self._run)
        run.setContentsMargins(0, 0, 0, 0)
        run.addWidget(self.bar, 1)
        run.addWidget(self.stop_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._run)
        layout.addWidget(self.group)

    def object_size(self) -> float:
        return float(self._size.value())

    def set_object_size(self, metres: float) -> None:
        self._size.setValue(metres)

    def whole_layer(self) -> bool:
        return self._extent.currentData() == WHOLE

    def set_whole_layer(self, whole: bool) -> None:
        self._extent.setCurrentIndex(self._extent.findData(WHOLE if whole else VISIBLE))

    def set_boundless(self, boundless: bool) -> None:
        """A layer that covers the world is indexed by what the map shows, and the section says so."""
        if boundless != self._boundless.isHidden():
            return
        self._boundless.setVisible(boundless)
        self._extent.setEnabled(not boundless)
        if boundless:
            self._whole_before = self.whole_layer()
        self.set_whole_layer(False if boundless else self._whole_before)

    def gsds(self) -> Optional[List[float]]:
        """The GSDs an expert typed, or None for "from the object size". ValueError when it is not numbers above zero."""
        words = self._scales.text().replace(";", " ").split()
        if len(words) == 1 and "," in words[0] and "." in words[0]:
            words = words[0].split(",")
        values = [float(word.strip(",").replace(",", ".")) for word in words if word.strip(",")]
        if any(not 0 < value < 10000 for value in values):
            raise ValueError("a GSD is a number of metres above zero")
        return values or None

    def set_cost(self, text: str) -> None:
        self._cost.setText(text)

    def cost_text(self) -> str:
        return self._cost.text()

    def show_estimate(self, estimate: Dict[str, Any]) -> None:
        """Rows, disk and time before anything is done."""
        chips, done = int(estimate.get("chips") or 0), int(estimate.get("done_chips") or 0)
        if chips and done >= chips:
            self.set_cost(tr("Nothing: this extent is indexed already."))
            return
        text = tr(
            "{rows} regions, {size}, about {time}",
            rows=formats.count(float(estimate.get("regions") or 0)),
            size=formats.size(float(estimate.get("bytes") or 0)),
            time=formats.rough_duration(float(estimate.get("seconds") or 0)),
        )
        gsds = list(estimate.get("gsds") or [])
        if gsds:
            text += "\n" + tr("read at {scales} per pixel", scales=formats.scales(gsds))
        if done:
            text += "\n" + tr("{share} % of it is done already", share=int(100 * done / chips))
        self.set_cost(text)

    def set_running(self, running: bool) -> None:
        """Swap the section's button for the progress bar with its Stop."""
        self._run.setVisible(running)
        self.group.setVisible(not running)
        self.stop_button.setEnabled(running)
        if running:
            self.bar.setRange(0, 0)
            self.bar.setFormat(tr("Starting…"))

    def set_progress(self, done: float, total: float, seconds_left: Optional[float]) -> None:
        if total <= 0:
            return
        self.bar.setRange(0, 1000)
        self.bar.setValue(int(1000 * done / total))
        share = int(100 * done / total)
        if seconds_left is None:
            self.bar.setFormat(tr("{share} %", share=share))
        else:
            self.bar.setFormat(tr("{share} %, {time} left", share=share, time=formats.duration(seconds_left)))

    def set_stopping(self) -> None:
        self.stop_button.setEnabled(False)
        self.bar.setFormat(tr("Stopping…"))

    def open(self) -> None:
        self.group.setCollapsed(False)

    def is_open(self) -> bool:
        return not self.group.isCollapsed()


def _label(text: str, buddy: Optional[QWidget]) -> QLabel:
    label = QLabel(text)
    if buddy is not None:
        label.setBuddy(buddy)
    return label

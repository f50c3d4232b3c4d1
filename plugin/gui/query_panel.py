"""The query: words, a box on the map, or both; what is meant in the box; how many places and where."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import QEvent, QSize, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..bridge.translation import tr
from .icons import LOOKS, icon
from .panel import ElidedLabel, TintedPanel
from .shades import ACCENT


class QueryPanel(QWidget):
    """The widgets of a query; the controller reads them and is told by four signals."""

    search_wanted = pyqtSignal()
    box_toggled = pyqtSignal(bool)
    boxes_cleared = pyqtSignal()
    query_changed = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.line = QgsFilterLineEdit()
        self.line.setShowSearchIcon(True)
        self.line.setMinimumWidth(80)
        self.line.setPlaceholderText(tr("What to find, e.g. blue metal roof"))
        self.line.setAccessibleName(tr("What to find, in words"))
        self.line.setToolTip(tr("Describe what to find and press Enter. With a box, the words say how the places should differ."))
        self.box_button = QToolButton()
        self.box_button.setCheckable(True)
        self.box_button.setIconSize(QSize(20, 20))
        self.box_button.setAccessibleName(tr("Draw a query box on the map"))
        self.box_button.setToolTip(
            tr("Drag a box on the map around what you look for. Shift adds another box; Esc or a right click gives the map back.")
        )
        self.search_button = QPushButton(tr("&Search"))
        self.chip = TintedPanel(ACCENT)
        self._chip_text = ElidedLabel()
        self.clear_button = QToolButton()
        self.clear_button.setAutoRaise(True)
        self.clear_button.setAccessibleName(tr("Remove the query boxes"))
        self.clear_button.setToolTip(tr("Remove the query boxes"))
        self.match = QComboBox()
        self.match.addItem(tr("this thing"), "thing")
        self.match.addItem(tr("its surroundings"), "surroundings")
        self.match.addItem(tr("its kind"), "kind")
        self.match.setAccessibleName(tr("What to match in the box"))
        self.match.setToolTip(
            tr("What the box stands for: the thing as it looks, the place it lies in, or what kind of thing it is.")
        )
        self._match_label = QLabel(tr("&Match"))
        self._match_label.setBuddy(self.match)
        self.visible_only = QCheckBox(tr("Only in the &visible extent"))
        self.count = QSpinBox()
        self.count.setRange(1, 1000)
        self.count.setValue(50)
        self.count.setAccessibleName(tr("How many places at most"))
        self.count.setToolTip(tr("How many places to list at most"))
        self._lay_out()
        self.refresh_icons()
        self.set_boxes(0, "")
        self.line.returnPressed.connect(self.search_wanted)
        self.search_button.clicked.connect(self.search_wanted)
        self.box_button.toggled.connect(self.box_toggled)
        self.clear_button.clicked.connect(self.boxes_cleared)
        self.line.textChanged.connect(self.query_changed)
        self.match.currentIndexChanged.connect(self.query_changed)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.addWidget(self.line, 1)
        first.addWidget(self.box_button)
        chip = QHBoxLayout(self.chip)
        chip.setContentsMargins(8, 2, 2, 2)
        chip.addWidget(self._chip_text, 1)
        chip.addWidget(self.clear_button)
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self._match_label)
        second.addWidget(self.match, 1)
        third = QHBoxLayout()
        third.setSpacing(8)
        label = QLabel(tr("&Places"))
        label.setBuddy(self.count)
        third.addWidget(label)
        third.addWidget(self.count)
        third.addStretch(1)
        third.addWidget(self.search_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(first)
        layout.addWidget(self.chip)
        layout.addLayout(second)
        layout.addWidget(self.visible_only)
        layout.addLayout(third)

    def text(self) -> str:
        return str(self.line.text()).strip()

    def match_kind(self) -> str:
        return str(self.match.currentData())

    def set_boxes(self, number: int, description: str) -> None:
        """Show how many boxes the query has; ``description`` is the chip's text."""
        self.chip.setVisible(number > 0)
        self._chip_text.setText(description)
        self.match.setEnabled(number > 0)
        self._match_label.setEnabled(number > 0)

    def chip_text(self) -> str:
        return self._chip_text.whole_text()

    def set_searching(self, searching: bool) -> None:
        self.search_button.setText(tr("Searching…") if searching else tr("&Search"))

    def refresh_icons(self) -> None:
        for button, name in ((self.box_button, "box"), (self.clear_button, "clear"), (self.search_button, "search")):
            button.setIcon(icon(name, button.palette()))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in LOOKS and hasattr(self, "search_button"):
            QTimer.singleShot(0, self.refresh_icons)  # the buttons get their colours after their panel

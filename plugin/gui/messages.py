"""The dock's own message bar: one sentence on what to do, and a button to the log where there is more to read."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

from qgis.core import Qgis, QgsMessageLog
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QResizeEvent
from qgis.PyQt.QtWidgets import QSizePolicy, QToolButton, QWidget

from ..bridge.translation import tr
from ..errors import GeoLoupeError
from .panel import WrappingLabel

TAG = "GeoLoupe"
SECONDS = 8


class Messages(QgsMessageBar):
    """Shows the latest word only: a new message takes the place of the one before."""

    def __init__(self, parent: Optional[QWidget] = None, open_log: Optional[Callable[[], Any]] = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(tr("Messages of GeoLoupe"))
        self.open_log = open_log
        self.last = ""
        self.last_code = ""

    def error(self, error: GeoLoupeError) -> None:
        """A failure: its sentence stays until it is closed or the next thing is said; the detail goes to the log."""
        level = self.log(error)
        self._show(error.message, level, 0, details=bool(error.detail), code=error.code)

    @staticmethod
    def log(error: GeoLoupeError) -> Qgis.MessageLevel:
        """Write a failure and its detail to QGIS's log, under our tag; returns its level."""
        level = Qgis.MessageLevel.Critical if error.code in ("internal", "engine_crashed") else Qgis.MessageLevel.Warning
        QgsMessageLog.logMessage("{}: {}".format(error.code, error.message), TAG, level, False)
        if error.detail:
            QgsMessageLog.logMessage(error.detail, TAG, Qgis.MessageLevel.Info, False)
        return level

    def warn(self, text: str, action: Optional[str] = None, run: Optional[Callable[[], Any]] = None) -> None:
        self._show(text, Qgis.MessageLevel.Warning, 0, action=action, run=run)

    def say(self, text: str, action: Optional[str] = None, run: Optional[Callable[[], Any]] = None) -> None:
        """Good news; goes away by itself."""
        self._show(text, Qgis.MessageLevel.Info, SECONDS, action=action, run=run)

    def _show(
        self,
        text: str,
        level: Qgis.MessageLevel,
        seconds: int,
        details: bool = False,
        action: Optional[str] = None,
        run: Optional[Callable[[], Any]] = None,
        code: str = "",
    ) -> None:
        self.clearWidgets()
        self.last, self.last_code = text, code
        body = _Body(text)
        if details and self.open_log is not None:
            body.add_button(tr("Details"), self.open_log)
        if action and run is not None:
            body.add_button(action, run)
        item = self.createMessage("")
        item.layout().addWidget(body)
        self.pushWidget(item, level, seconds)

    def clear(self) -> None:
        self.last = self.last_code = ""
        self.clearWidgets()


class _Body(QWidget):
    """The sentence with its buttons below it. QGIS's bar lays its items out in one line of fixed height, so this asks for the
    height that the wrapped sentence needs at the width it got."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._sentence = WrappingLabel(self)
        self._sentence.setText(text)
        self._sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons: List[QToolButton] = []

    def add_button(self, text: str, run: Callable[[], Any]) -> None:
        button = QToolButton(self)
        button.setText(text)
        button.clicked.connect(lambda _checked=False: run())
        self._buttons.append(button)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._place()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(160, self.minimumHeight())

    def _place(self) -> None:
        height = max(0, self._sentence.heightForWidth(max(80, self.width())))
        self._sentence.setGeometry(0, 3, self.width(), height)
        left, bottom = 0, height + 6
        for button in self._buttons:
            size = button.sizeHint()
            button.setGeometry(left, height + 6, size.width(), size.height())
            left, bottom = left + size.width() + 6, height + 9 + size.height()
        if bottom != self.minimumHeight():
            self.setMinimumHeight(bottom)
            self.updateGeometry()

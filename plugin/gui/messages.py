"""The dock's own message bar: one sentence on what to do, and a button to the log where there is more to read."""

from __future__ import annotations

from typing import Any, Callable, Optional

from qgis.core import Qgis, QgsMessageLog
from qgis.gui import QgsMessageBar, QgsMessageBarItem
from qgis.PyQt.QtWidgets import QSizePolicy, QToolButton, QWidget

from ..bridge.translation import tr
from ..errors import GeoLoupeError

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
        level = Qgis.MessageLevel.Critical if error.code in ("internal", "engine_crashed") else Qgis.MessageLevel.Warning
        QgsMessageLog.logMessage("{}: {}".format(error.code, error.message), TAG, level, False)
        if error.detail:
            QgsMessageLog.logMessage(error.detail, TAG, Qgis.MessageLevel.Info, False)
        self._show(error.message, level, 0, details=bool(error.detail), code=error.code)

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
        item = QgsMessageBarItem("", text, level, seconds)
        if details and self.open_log is not None:
            item.layout().addWidget(self._button(tr("Details"), self.open_log))
        if action and run is not None:
            item.layout().addWidget(self._button(action, run))
        self.pushItem(item)

    @staticmethod
    def _button(text: str, run: Callable[[], Any]) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.clicked.connect(lambda _checked=False: run())
        return button

    def clear(self) -> None:
        self.last = self.last_code = ""
        self.clearWidgets()

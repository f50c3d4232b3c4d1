"""The dock: composes the panels from top to bottom. It knows no engine and no task; the controllers fill it."""

from __future__ import annotations

from typing import Any, Callable, Optional

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import QEvent, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from ..bridge.translation import tr
from .icons import plugin_icon
from .index_panel import IndexPanel
from .layer_panel import LayerPanel
from .messages import Messages
from .panel import WrappingLabel
from .query_panel import QueryPanel
from .results_view import ResultsPanel
from .setup_card import SetupCard
from .shades import quiet_text

NAME = "GeoLoupeDock"


class GeoLoupeDock(QgsDockWidget):
    """The panel beside the map. ``escape_pressed``: the user wants the map back; ``setup_wanted``: so is the set-up card."""

    escape_pressed = pyqtSignal()
    setup_wanted = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None, open_log: Optional[Callable[[], Any]] = None) -> None:
        super().__init__(tr("GeoLoupe"), parent)
        self.setObjectName(NAME)
        self.setWindowIcon(plugin_icon())
        self.setAllowedAreas(Qt.DockWidgetArea.LeftDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea)
        self.messages = Messages(open_log=open_log)
        self.setup = SetupCard()
        self.layer = LayerPanel()
        self.index = IndexPanel()
        self.query = QueryPanel()
        self.results = ResultsPanel()
        self._engine = WrappingLabel()
        self._engine.setAccessibleName(tr("The engine and its device"))
        font = self._engine.font()
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
        self._engine.setFont(font)
        self._setup_button = QToolButton()
        self._setup_button.setText(tr("Set up…"))
        self._setup_button.clicked.connect(self.setup_wanted)
        self._setup_button.hide()
        self._lay_out()
        self._order_tabs()
        self._refresh_look()

    def _lay_out(self) -> None:
        body = QWidget()
        inner = QVBoxLayout(body)
        inner.setContentsMargins(6, 6, 6, 4)
        inner.setSpacing(8)
        for part in (self.setup, self.layer, self.index, _rule(), self.query, _rule()):
            inner.addWidget(part)
        inner.addWidget(self.results, 1)
        foot = QHBoxLayout()
        foot.addWidget(self._engine, 1)
        foot.addWidget(self._setup_button)
        inner.addLayout(foot)
        scroll = _Scroll()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QWidget()
        outer = QVBoxLayout(whole)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.messages)
        outer.addWidget(scroll, 1)
        self.setWidget(whole)

    def _order_tabs(self) -> None:
        chain = [
            self.query.line,
            self.query.box_button,
            self.query.clear_button,
            self.query.match,
            self.query.visible_only,
            self.query.count,
            self.query.search_button,
            self.results.keep_button,
            self.results.list,
            self.layer.combo,
            self.index.group,
            self.index.button,
            self.index.stop_button,
        ]
        for first, second in zip(chain, chain[1:]):
            QWidget.setTabOrder(first, second)

    def set_engine(self, text: str, hint: str = "", can_set_up: bool = False) -> None:
        """The line at the foot: which device computes, and why when it is the CPU."""
        self._engine.setText(text)
        self._engine.setToolTip(hint)
        self._setup_button.setVisible(can_set_up)

    def engine_text(self) -> str:
        return self._engine.text()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            self.escape_pressed.emit()
            event.accept()
            return
        super().keyPressEvent(event)

    def _refresh_look(self) -> None:
        palette = self._engine.palette()
        palette.setColor(self._engine.foregroundRole(), quiet_text(self.palette()))
        self._engine.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_setup_button"):
            self._refresh_look()


class _Scroll(QScrollArea):
    """Scrolls up and down only, so it asks for the width its contents need."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        hint = super().minimumSizeHint()
        if self.widget() is not None:
            hint.setWidth(self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width())
        return hint


def _rule() -> QFrame:
    rule = QFrame()
    rule.setFrameShape(QFrame.Shape.HLine)
    rule.setFrameShadow(QFrame.Shadow.Sunken)
    return rule

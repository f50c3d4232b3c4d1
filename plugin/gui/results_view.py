"""The results: a header, a word of caution where nothing fits, and the ranked list."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from qgis.PyQt.QtCore import QElapsedTimer, QEvent, QModelIndex, QPoint, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..bridge.translation import tr
from . import formats
from .icons import LOOKS, icon
from .panel import TintedPanel, WrappingLabel
from .results_delegate import HitDelegate
from .results_model import HitsModel
from .shades import INFO, quiet_text


class HitList(QListView):
    """A list whose Enter opens a row on every platform."""

    opened = pyqtSignal(int, bool)

    def keyPressEvent(self, event) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row(), False)
            return
        super().keyPressEvent(event)


class ResultsPanel(QWidget):
    """``hit_chosen(hit, closer)``: show it; ``similar_wanted(hit)``: search with it; ``keep_wanted``: keep the layer."""

    hit_chosen = pyqtSignal(object, bool)
    similar_wanted = pyqtSignal(object)
    keep_wanted = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.model = HitsModel(self)
        self.header = WrappingLabel()
        self.header.setAccessibleName(tr("What the search found"))
        self.keep_button = QToolButton()
        self.keep_button.setText(tr("Keep"))
        self.keep_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.keep_button.setAutoRaise(True)
        self.keep_button.setToolTip(tr("Keep this result layer; without it, the next search takes its place."))
        self.caution = TintedPanel(INFO)
        self._caution_text = WrappingLabel()
        caution = QVBoxLayout(self.caution)
        caution.setContentsMargins(8, 5, 8, 5)
        caution.addWidget(self._caution_text)
        self.list = HitList()
        self.list.setModel(self.model)
        self.list.setItemDelegate(HitDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMinimumHeight(140)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setAccessibleName(tr("Places found, best first"))
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(100)
        self._lay_out()
        self.list.selectionModel().currentChanged.connect(self._moved)
        self.list.clicked.connect(self._clicked)
        self.list.doubleClicked.connect(self._double_clicked)
        self.list.opened.connect(self._open)
        self.list.customContextMenuRequested.connect(self._menu)
        self.keep_button.clicked.connect(self.keep_wanted)
        self._quiet = False
        self._moved_to = -1
        self._double_click = QElapsedTimer()
        self._refresh_look()
        self.clear()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.header, 1)
        top.addWidget(self.keep_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(top)
        layout.addWidget(self.caution)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.empty, 1)

    def show_result(self, hits: List[Dict[str, Any]], rows: int, seconds: float, caution: Optional[str] = None) -> None:
        """The hits of one search; ``caution`` is the engine's word that probably nothing is here."""
        self._quiet = True
        self.model.set_hits(hits)
        self._moved_to = -1
        self._quiet = False
        self.list.scrollToTop()
        words = tr("{n} places in {rows} regions, {time}") if len(hits) != 1 else tr("{n} place in {rows} regions, {time}")
        self.header.setText(words.format(n=formats.count(len(hits)), rows=formats.count(rows), time=formats.elapsed(seconds)))
        self._caution_text.setText(caution or "")
        self.caution.setVisible(bool(caution))
        self._show_list(bool(hits), tr("Nothing was found here. Try other words, a wider extent or a box."))
        self.keep_button.setVisible(bool(hits))
        self.keep_button.setEnabled(True)

    def clear(self, message: Optional[str] = None) -> None:
        self._quiet = True
        self.model.set_hits([])
        self._quiet = False
        self.header.setText("")
        self.caution.hide()
        self.keep_button.hide()
        self._show_list(False, message or tr("What a search finds is listed here, best first."))

    def mark_kept(self) -> None:
        self.keep_button.setEnabled(False)

    def caution_text(self) -> str:
        return self._caution_text.text()

    def _show_list(self, filled: bool, message: str) -> None:
        self.list.setVisible(filled)
        self.empty.setVisible(not filled)
        self.empty.setText(message)

    def _moved(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._quiet and current.isValid():
            self._moved_to = current.row()
            self._open(current.row(), False)

    def _clicked(self, index: QModelIndex) -> None:
        if self._double_click.isValid() and not self._double_click.hasExpired(QApplication.doubleClickInterval()):
            return  # the release that ends a double click
        if self._moved_to == index.row():  # the change of row has opened it already
            self._moved_to = -1
            return
        self._open(index.row(), False)

    def _double_clicked(self, index: QModelIndex) -> None:
        self._double_click.restart()
        self._open(index.row(), True)

    def _open(self, row: int, closer: bool) -> None:
        hit = self.model.hit(row)
        if hit is not None:
            self.hit_chosen.emit(hit, closer)

    def _menu(self, place: QPoint) -> None:
        index = self.list.indexAt(place)
        hit = self.model.hit(index.row()) if index.isValid() else None
        if hit is None:
            return
        menu = self.menu_for(hit)
        menu.popup(self.list.viewport().mapToGlobal(place))

    def menu_for(self, hit: Dict[str, Any]) -> QMenu:
        """The context menu of one hit."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        zoom = menu.addAction(icon("search", self.palette()), tr("Zoom to this place"))
        zoom.triggered.connect(lambda: self.hit_chosen.emit(hit, True))
        like = menu.addAction(icon("similar", self.palette()), tr("Search like this"))
        like.triggered.connect(lambda: self.similar_wanted.emit(hit))
        return menu

    def _refresh_look(self) -> None:
        self.keep_button.setIcon(icon("keep", self.keep_button.palette()))
        palette = self.empty.palette()
        palette.setColor(self.empty.foregroundRole(), quiet_text(self.palette()))
        self.empty.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in LOOKS and hasattr(self, "_quiet"):
            QTimer.singleShot(0, self._refresh_look)  # the button gets its colours after its panel

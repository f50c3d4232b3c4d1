"""How one hit is drawn in the list: thumbnail, rank and source, and the score as a bar with its number."""

from __future__ import annotations

from qgis.PyQt.QtCore import QModelIndex, QRect, QSize, Qt
from qgis.PyQt.QtGui import QFont, QFontMetrics, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from . import formats
from .results_model import HIT, SHARE, THUMBNAIL, hit_size
from .shades import ACCENT, mix

THUMB = 56
MARGIN = 5


class HitDelegate(QStyledItemDelegate):
    """Rows of one height; everything is laid out from the font, so large fonts fit."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        lines = 3 * option.fontMetrics.lineSpacing() + 2 * MARGIN
        return QSize(160, max(THUMB + 2 * MARGIN, lines))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        hit = index.data(HIT)
        if hit is None:
            super().paint(painter, option, index)
            return
        frame = QStyleOptionViewItem(option)
        self.initStyleOption(frame, index)
        frame.text = ""
        style = option.widget.style() if option.widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, frame, painter, option.widget)
        painter.save()
        painter.setClipRect(option.rect)
        area = option.rect.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        picture = QRect(area.left(), area.top() + (area.height() - THUMB) // 2, THUMB, THUMB)
        self._draw_picture(painter, option, picture, index)
        self._draw_words(painter, frame, area.adjusted(THUMB + 2 * MARGIN, 0, 0, 0), index, hit)
        painter.restore()

    @staticmethod
    def _draw_picture(painter: QPainter, option: QStyleOptionViewItem, place: QRect, index: QModelIndex) -> None:
        pixmap = index.data(THUMBNAIL)
        window = option.palette.color(QPalette.ColorRole.Base)
        text = option.palette.color(QPalette.ColorRole.Text)
        if pixmap is None:
            painter.fillRect(place, mix(window, text, 0.10))
        else:
            size = pixmap.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
            inner = QRect(place.topLeft(), size)
            inner.moveCenter(place.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(inner, pixmap)
        painter.setPen(QPen(mix(window, text, 0.30)))
        painter.drawRect(place.adjusted(0, 0, -1, -1))

    @staticmethod
    def _draw_words(painter: QPainter, option: QStyleOptionViewItem, area: QRect, index: QModelIndex, hit: dict) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        text = option.palette.color(role)
        ground = option.palette.color(QPalette.ColorRole.Highlight if selected else QPalette.ColorRole.Base)
        quiet = mix(text, ground, 0.35)
        bold = QFont(option.font)
        bold.setBold(True)
        line = option.fontMetrics.lineSpacing()
        top = area.top() + (area.height() - 3 * line) // 2
        rank = str(hit.get("rank") or index.row() + 1)
        size = hit_size(hit)
        first = QRect(area.left(), top, area.width(), line)
        painter.setFont(bold)
        painter.setPen(text)
        painter.drawText(first, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), rank)
        used = QFontMetrics(bold).horizontalAdvance(rank + "  ")
        painter.setFont(option.font)
        painter.setPen(quiet)
        painter.drawText(first.adjusted(used, 0, 0, 0), int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), size)
        second = QRect(area.left(), top + line, area.width(), line)
        name = option.fontMetrics.elidedText(str(hit.get("source_name") or ""), Qt.TextElideMode.ElideMiddle, second.width())
        painter.setPen(text)
        painter.drawText(second, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
        number = formats.decimal(float(hit.get("score") or 0.0), 3)
        width = option.fontMetrics.horizontalAdvance("0.000") + 6
        third = QRect(area.left(), top + 2 * line, area.width(), line)
        painter.setPen(quiet)
        painter.drawText(third, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), number)
        track = QRect(third.left(), third.center().y() - 2, max(10, third.width() - width), 5)
        painter.fillRect(track, mix(ground, text, 0.15))
        painter.fillRect(QRect(track.topLeft(), QSize(int(track.width() * float(index.data(SHARE) or 0.0)), 5)), ACCENT)

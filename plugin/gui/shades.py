"""Colours mixed from the widget's own palette, so that every panel fits light and dark themes."""

from __future__ import annotations

from qgis.PyQt.QtGui import QColor, QPalette

ACCENT = QColor(242, 140, 40)
INFO = QColor(43, 123, 187)
GOOD = QColor(56, 142, 60)
WARNING = QColor(214, 137, 16)
BAD = QColor(201, 55, 44)


def mix(first: QColor, second: QColor, share: float) -> QColor:
    """``first`` with ``share`` (0 to 1) of ``second``."""
    keep = 1.0 - share
    return QColor(
        int(first.red() * keep + second.red() * share),
        int(first.green() * keep + second.green() * share),
        int(first.blue() * keep + second.blue() * share),
    )


def quiet_text(palette: QPalette) -> QColor:
    """Text that stands back: captions and secondary lines."""
    return mix(palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window), 0.35)


def tint(palette: QPalette, colour: QColor, share: float = 0.14) -> QColor:
    """The window's own colour with a breath of ``colour``: for banners and chips."""
    return mix(palette.color(QPalette.ColorRole.Window), colour, share)


def edge(palette: QPalette, colour: QColor) -> QColor:
    """The border that goes with :func:`tint`."""
    return mix(palette.color(QPalette.ColorRole.Window), colour, 0.55)

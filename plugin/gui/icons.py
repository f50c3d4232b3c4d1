"""The plugin's icons, loaded by path; strokes marked ``currentColor`` take the palette's text colour, so dark themes work."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QByteArray, QEvent, Qt
from qgis.PyQt.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from qgis.PyQt.QtSvg import QSvgRenderer

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "icons"
LOOKS = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)  # events after which icons are drawn anew
SIZES = (16, 20, 24, 32, 48)


def plugin_icon() -> QIcon:
    """The coloured icon of toolbar, menu and options."""
    return QIcon(str(FOLDER / "geoloupe.svg"))


def icon(name: str, palette: QPalette) -> QIcon:
    """``resources/icons/<name>.svg`` in the text colour of ``palette``, greyed when disabled."""
    svg = (FOLDER / (name + ".svg")).read_text(encoding="utf-8")
    result = QIcon()
    for group, mode in (
        (QPalette.ColorGroup.Active, QIcon.Mode.Normal),
        (QPalette.ColorGroup.Disabled, QIcon.Mode.Disabled),
    ):
        colour = palette.color(group, QPalette.ColorRole.ButtonText)
        for size in SIZES:
            result.addPixmap(_drawn(svg, colour, size, mode == QIcon.Mode.Disabled), mode)
    return result


def _drawn(svg: str, colour: QColor, size: int, faded: bool) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(svg.replace("currentColor", colour.name()).encode("utf-8")))
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    if faded:
        painter.setOpacity(0.5)
    renderer.render(painter)
    painter.end()
    return pixmap

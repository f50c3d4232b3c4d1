"""How hits look on a map: outlines with a halo that show over any imagery, stronger or fainter by score, with their rank."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import List, Sequence, Tuple

from qgis.core import (
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsPalLayerSettings,
    QgsProperty,
    QgsRendererRange,
    QgsSimpleLineSymbolLayer,
    QgsSingleSymbolRenderer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtXml import QDomDocument

from . import compat

# One hue from weak to strong, so that strength alone says which is better. Hardly anything on the ground is magenta, and the
# boxes of queries are orange.
COLOURS = ("#ffd9ee", "#ffa8da", "#ff75c5", "#ff40ae", "#f00a8c")
WIDTHS_MM = (0.5, 0.6, 0.7, 0.8, 0.9)
HALO = "#000000"
HALO_MM = 0.8  # how much wider than the line

STYLE_NAME = "default"
PATIENCE = 20.0  # seconds for another writer of the file

_TABLE = """
CREATE TABLE IF NOT EXISTS layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
    f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
    owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""
_KNOWN = """
INSERT OR IGNORE INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_styles', 'attributes', 'layer_styles', '', 0)
"""
_STYLE = """
INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD,
    useAsDefault, description, owner)
SELECT '', '', table_name, column_name, ?, ?, '', 1, 'GeoLoupe', '' FROM gpkg_geometry_columns WHERE table_name = ?
"""


def apply_style(layer: QgsVectorLayer, by: str = "colour", labels: bool = True) -> None:
    """Give a layer of hits its look. ``by``: ``colour`` (five classes of score) or ``opacity`` (faint for low ones)."""
    scores = _scores(layer)
    if by == "opacity" and scores:
        layer.setRenderer(_faded(min(scores), max(scores)))
    elif scores:
        layer.setRenderer(_graduated(scores))
    else:
        layer.setRenderer(QgsSingleSymbolRenderer(_outline()))
    if labels:
        layer.setLabeling(_rank_labels())
    layer.setLabelsEnabled(labels)
    layer.setMapTipTemplate('<b>[% "rank" %]</b> &nbsp; [% round("score", 3) %]<br>[% "query" %]<br>[% "source" %]')
    layer.setDisplayExpression('"rank" || \'  \' || "query"')
    layer.triggerRepaint()


def style_text(layer: QgsVectorLayer) -> str:
    """The layer's look as QGIS writes it. On the layer's thread; a few milliseconds."""
    document = QDomDocument()
    layer.exportNamedStyle(document)
    return str(document.toString(-1))


def save_style(path: str, table: str, style: str) -> None:
    """Put ``style`` into a GeoPackage as the look of ``table``, in place of the one before. Any thread. Raises sqlite3.Error.

    Without QGIS, whose own call waits for the disk while it holds what the main thread needs, in whatever thread it is made:
    pauses of 60 to 300 ms were measured. It also asks in a window of its own where there is a style of this name already.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
        database.execute(_TABLE)
        database.execute(_KNOWN)
        database.execute("DELETE FROM layer_styles WHERE f_table_name = ? AND styleName = ?", (table, STYLE_NAME))
        database.execute(_STYLE, (STYLE_NAME, style, table))


def score_classes(scores: Sequence[float], classes: int = len(COLOURS)) -> List[Tuple[float, float]]:
    """Equal steps from the lowest to the highest score, fewer where the scores hardly differ; the edges meet."""
    low, high = min(scores), max(scores)
    if high - low < 1e-6:
        return [(low, high)]
    step = (high - low) / classes
    edges = [low + step * number for number in range(classes)] + [high]
    return list(zip(edges[:-1], edges[1:]))


def _scores(layer: QgsVectorLayer) -> List[float]:
    column = layer.fields().lookupField("score")
    if column < 0:
        return []
    low, high = layer.minimumValue(column), layer.maximumValue(column)
    try:
        return [float(low), float(high)]
    except (TypeError, ValueError):
        return []


def _outline(colour: str = COLOURS[-1], width: float = WIDTHS_MM[-1]) -> QgsFillSymbol:
    """A polygon symbol without a fill: a dark, half-transparent halo under a line of ``colour``, ``width`` millimetres wide."""
    symbol = QgsFillSymbol()
    symbol.deleteSymbolLayer(0)
    for shade, wide, opacity in ((HALO, width + HALO_MM, 0.7), (colour, width, 1.0)):
        pen = QColor(shade)
        pen.setAlphaF(opacity)
        line = QgsSimpleLineSymbolLayer(pen, wide)
        line.setPenJoinStyle(Qt.PenJoinStyle.MiterJoin)
        symbol.appendSymbolLayer(line)
    return symbol


def _graduated(scores: Sequence[float]) -> QgsGraduatedSymbolRenderer:
    ranges = []
    classes = score_classes(scores)
    shades, widths = COLOURS[-len(classes) :], WIDTHS_MM[-len(classes) :]
    for (low, high), shade, width in zip(classes, shades, widths):
        ranges.append(QgsRendererRange(low, high, _outline(shade, width), "{:.3f} - {:.3f}".format(low, high)))
    # A score that was rounded on its way into the file must not fall out of the first or last class.
    ranges[0].setLowerValue(ranges[0].lowerValue() - 1e-6)
    ranges[-1].setUpperValue(ranges[-1].upperValue() + 1e-6)
    return QgsGraduatedSymbolRenderer("score", ranges)


def _faded(low: float, high: float) -> QgsSingleSymbolRenderer:
    symbol = _outline()
    expression = 'scale_linear("score", {!r}, {!r}, 25, 100)'.format(low, high) if high - low > 1e-6 else "100"
    symbol.setDataDefinedProperty(compat.SYMBOL_OPACITY, QgsProperty.fromExpression(expression))
    return QgsSingleSymbolRenderer(symbol)


def _rank_labels() -> QgsVectorLayerSimpleLabeling:
    halo = QgsTextBufferSettings()
    halo.setEnabled(True)
    halo.setSize(0.9)
    halo.setColor(QColor(HALO))
    text = QgsTextFormat()
    text.setSize(9)
    text.setColor(QColor("#ffffff"))
    text.setBuffer(halo)
    settings = QgsPalLayerSettings()
    settings.fieldName = "rank"
    settings.setFormat(text)
    # On the corner that comes first in a footprint, the window's top left one, and outside the box: the thing stays in sight.
    settings.geometryGeneratorEnabled = True
    settings.geometryGenerator = "point_n($geometry, 1)"
    settings.geometryGeneratorType = compat.POINT_GEOMETRY
    settings.placement = QgsPalLayerSettings.Placement.OverPoint
    settings.quadOffset = compat.LABEL_ABOVE_RIGHT
    # The best hits keep their number where there is no room for all.
    settings.dataDefinedProperties().setProperty(
        compat.LABEL_PRIORITY, QgsProperty.fromExpression('greatest(0, 10 - "rank" / 5)')
    )
    return QgsVectorLayerSimpleLabeling(settings)

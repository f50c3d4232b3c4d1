"""How hits look on a map: strong outlines with a halo that show over any imagery, coloured or faded by score, with their rank."""

from __future__ import annotations

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

from ..errors import GeoLoupeError
from . import compat
from .translation import tr

# From weak to strong: light enough against forest, dark enough against concrete, and told apart without red and green.
COLOURS = ("#4cc9f0", "#4895ef", "#b5179e", "#f72585", "#ffd60a")
STYLE_NAME = "default"
HALO = "#000000"
OUTLINE_MM = 0.7
HALO_MM = 1.5


def apply_style(layer: QgsVectorLayer, by: str = "colour", labels: bool = True) -> None:
    """Give a layer of hits its look. ``by``: ``colour`` (five classes of score) or ``opacity`` (faint for low ones)."""
    scores = _scores(layer)
    if by == "opacity" and scores:
        layer.setRenderer(_faded(min(scores), max(scores)))
    elif scores:
        layer.setRenderer(_graduated(scores))
    else:
        layer.setRenderer(QgsSingleSymbolRenderer(_outline(COLOURS[-1])))
    if labels:
        layer.setLabeling(_rank_labels())
    layer.setLabelsEnabled(labels)
    layer.setMapTipTemplate('<b>[% "rank" %]</b> &nbsp; [% round("score", 3) %]<br>[% "query" %]<br>[% "source" %]')
    layer.setDisplayExpression('"rank" || \'  \' || "query"')
    layer.triggerRepaint()


def save_style(layer: QgsVectorLayer) -> None:
    """Put the layer's look into its GeoPackage as the default one, so that it is there when the table is opened again."""
    # Where the table has a style of this name already, QGIS would ask in a window of its own whether to replace it.
    own, styles, names = layer.listStylesInDatabase()[:3]
    for style, name in list(zip(styles, names))[:own]:
        if name == STYLE_NAME:
            layer.deleteStyleFromDatabase(style)
    message = layer.saveStyleToDatabase(STYLE_NAME, "GeoLoupe", True, "")
    if message:
        sentence = tr("The style could not be saved into the results file: check that it can be written.")
        raise GeoLoupeError("internal", sentence, message)


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


def _outline(colour: str) -> QgsFillSymbol:
    """A polygon symbol without a fill: a dark, half-transparent halo under a line of ``colour``."""
    symbol = QgsFillSymbol()
    symbol.deleteSymbolLayer(0)
    for shade, width, opacity in ((HALO, HALO_MM, 0.55), (colour, OUTLINE_MM, 1.0)):
        pen = QColor(shade)
        pen.setAlphaF(opacity)
        line = QgsSimpleLineSymbolLayer(pen, width)
        line.setPenJoinStyle(Qt.PenJoinStyle.MiterJoin)
        symbol.appendSymbolLayer(line)
    return symbol


def _graduated(scores: Sequence[float]) -> QgsGraduatedSymbolRenderer:
    ranges = []
    classes = score_classes(scores)
    shades = COLOURS[-len(classes) :]
    for (low, high), shade in zip(classes, shades):
        ranges.append(QgsRendererRange(low, high, _outline(shade), "{:.3f} - {:.3f}".format(low, high)))
    # A score that was rounded on its way into the file must not fall out of the first or last class.
    ranges[0].setLowerValue(ranges[0].lowerValue() - 1e-6)
    ranges[-1].setUpperValue(ranges[-1].upperValue() + 1e-6)
    return QgsGraduatedSymbolRenderer("score", ranges)


def _faded(low: float, high: float) -> QgsSingleSymbolRenderer:
    symbol = _outline(COLOURS[-1])
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
    settings.placement = QgsPalLayerSettings.Placement.OverPoint
    # The best hits keep their number where there is no room for all.
    settings.dataDefinedProperties().setProperty(
        compat.LABEL_PRIORITY, QgsProperty.fromExpression('greatest(0, 10 - "rank" / 5)')
    )
    return QgsVectorLayerSimpleLabeling(settings)

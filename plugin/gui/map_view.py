"""Showing a place on the map: pan when it is near in size, zoom when it is not, then flash it."""

from __future__ import annotations

from typing import Any, Dict, Optional

from qgis.core import QgsGeometry, QgsPointXY, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtGui import QColor

from ..bridge.crs import crs_from_text
from .query_boxes import QueryBox
from .shades import ACCENT

SMALLEST_SIDE = 28  # pixels: below this a place cannot be judged
LARGEST_SHARE = 0.6  # of the map: above this its surroundings are missing
MARGIN = 9.0  # how much wider than the place the map becomes
CLOSER = 4.0


def place_of(hit: Dict[str, Any]) -> QueryBox:
    """The hit's footprint and CRS."""
    ring = [QgsPointXY(float(point[0]), float(point[1])) for point in hit.get("footprint") or []]
    return QueryBox(QgsGeometry.fromPolygonXY([ring]), crs_from_text(hit.get("crs")))


class MapView:
    """The canvas as the results see it."""

    def __init__(self, canvas: QgsMapCanvas, project: QgsProject) -> None:
        self._canvas = canvas
        self._project = project

    def show(self, place: QueryBox, closer: bool = False) -> bool:
        """Bring ``place`` into view and flash it; False where it cannot be placed on this map."""
        target = self._canvas.mapSettings().destinationCrs()
        geometry = place.in_crs(target, self._project)
        if geometry is None or geometry.isEmpty():
            return False
        box = geometry.boundingBox()
        extent = self._canvas.extent()
        if closer:
            self._canvas.setExtent(_grown(box, CLOSER))
            self._canvas.refresh()
        elif self._wrong_size(box, extent):
            self._canvas.setExtent(_grown(box, MARGIN))
            self._canvas.refresh()
        elif not extent.contains(box):
            self._canvas.setCenter(box.center())
            self._canvas.refresh()
        flash = QColor(ACCENT)
        faded = QColor(ACCENT)
        flash.setAlpha(200)
        faded.setAlpha(0)
        self._canvas.flashGeometries([geometry], target, flash, faded, 3, 350)
        return True

    def _wrong_size(self, box: QgsRectangle, extent: QgsRectangle) -> bool:
        unit = self._canvas.mapUnitsPerPixel()
        if unit <= 0:
            return True
        if max(box.width(), box.height()) / unit < SMALLEST_SIDE:
            return True
        return box.width() > LARGEST_SHARE * extent.width() or box.height() > LARGEST_SHARE * extent.height()


def select_rank(layer: Optional[QgsVectorLayer], rank: int) -> None:
    """Select the feature of this rank in a layer of hits; nothing where there is no such layer any more."""
    if layer is not None and layer.fields().lookupField("rank") >= 0:
        layer.selectByExpression('"rank" = {:d}'.format(int(rank)))


def _grown(box: QgsRectangle, factor: float) -> QgsRectangle:
    grown = QgsRectangle(box)
    if grown.isEmpty():
        grown.grow(1e-6)
    grown.scale(factor)
    return grown

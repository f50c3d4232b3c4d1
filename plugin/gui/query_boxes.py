"""The boxes of the query as they lie on the map: kept in the CRS they were drawn in, shown in whatever CRS the map has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..bridge.compat import POLYGON_GEOMETRY
from ..bridge.crs import crs_text
from .box_tool import style_band


@dataclass(frozen=True)
class QueryBox:
    """A polygon and the CRS of its coordinates; ``source`` is the raster it was found on, where it comes from a hit."""

    geometry: QgsGeometry
    crs: QgsCoordinateReferenceSystem
    source: Optional[str] = None

    def ring(self) -> List[List[float]]:
        """The outer ring as ``[[x, y], ...]``, first point not repeated."""
        polygon = self.geometry.asPolygon()
        return [[point.x(), point.y()] for point in polygon[0][:-1]] if polygon else []

    def crs_name(self) -> Optional[str]:
        """What the engine is told: an authority's code, else WKT; None where the map has no CRS (then the raster's own)."""
        return crs_text(self.crs)

    def in_crs(self, crs: QgsCoordinateReferenceSystem, project: QgsProject) -> Optional[QgsGeometry]:
        """The polygon in another CRS, or None where it cannot be transformed."""
        geometry = QgsGeometry(self.geometry)
        if not self.crs.isValid() or not crs.isValid() or crs == self.crs:
            return geometry
        try:
            geometry.transform(QgsCoordinateTransform(self.crs, crs, project.transformContext()))
        except QgsCsException:
            return None
        return geometry

    def touches(self, layer: QgsRasterLayer, project: QgsProject) -> bool:
        """Whether the box lies at least partly on the layer."""
        geometry = self.in_crs(layer.crs(), project)
        return geometry is not None and geometry.intersects(layer.extent())

    def ground_size(self, project: QgsProject) -> Optional[Tuple[float, float]]:
        """Its two sides in metres on the ground, or None where that cannot be said."""
        polygon = self.geometry.asPolygon()
        if not polygon or len(polygon[0]) < 4 or not self.crs.isValid():
            return None
        measure = QgsDistanceArea()
        measure.setSourceCrs(self.crs, project.transformContext())
        measure.setEllipsoid(self.crs.ellipsoidAcronym() or "WGS84")
        a, b, c = (QgsPointXY(point) for point in polygon[0][:3])
        try:
            return measure.measureLine(a, b), measure.measureLine(b, c)
        except QgsCsException:
            return None


class QueryBoxes(QObject):
    """The list of boxes with one rubber band each; ``changed`` after every add and clear."""

    changed = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._boxes: List[QueryBox] = []
        self._bands: List[QgsRubberBand] = []
        canvas.destinationCrsChanged.connect(self._redraw)

    def __len__(self) -> int:
        return len(self._boxes)

    def boxes(self) -> List[QueryBox]:
        return list(self._boxes)

    def put(self, box: QueryBox, add: bool = False) -> None:
        """Make ``box`` the query's box, or one more of them."""
        if not add:
            self._boxes = []
        self._boxes.append(box)
        self._redraw()
        self.changed.emit()

    def clear(self) -> None:
        if self._boxes:
            self._boxes = []
            self._redraw()
            self.changed.emit()

    def close(self) -> None:
        """Take everything off the map; for unload."""
        self._boxes = []
        self._redraw()
        self._canvas.destinationCrsChanged.disconnect(self._redraw)

    def _redraw(self) -> None:
        for band in self._bands:
            self._canvas.scene().removeItem(band)
        self._bands = []
        target = self._canvas.mapSettings().destinationCrs()
        for box in self._boxes:
            geometry = box.in_crs(target, QgsProject.instance())
            if geometry is None:
                continue
            band = QgsRubberBand(self._canvas, POLYGON_GEOMETRY)
            style_band(band)
            band.setToGeometry(geometry, None)
            self._bands.append(band)

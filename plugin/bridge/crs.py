"""Coordinate systems as text, extents as plain values, and how long a metre is in a layer's units."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsPointXY,
    QgsRectangle,
)

from ..errors import GeoLoupeError
from . import compat
from .translation import tr

# Authorities that every PROJ database knows; a user's own definitions travel as WKT.
_PUBLIC = ("EPSG", "ESRI", "OGC", "IGNF")
_WGS84 = "EPSG:7030"


def crs_text(crs: QgsCoordinateReferenceSystem) -> Optional[str]:
    """``EPSG:N`` where an authority names the CRS, else its WKT; None for an invalid one."""
    if not crs.isValid():
        return None
    authority = crs.authid()
    if authority.split(":")[0] in _PUBLIC:
        return str(authority)
    return str(crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED)) or None


def crs_from_text(text: Optional[str]) -> QgsCoordinateReferenceSystem:
    """The CRS of an ``AUTH:CODE`` or a WKT; invalid when there is none."""
    if not text:
        return QgsCoordinateReferenceSystem()
    return QgsCoordinateReferenceSystem.fromWkt(text) if "[" in text else QgsCoordinateReferenceSystem(text)


def extent_value(extent: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> Optional[Dict[str, Any]]:
    """``{"bounds": [x0, y0, x1, y1], "crs": text}`` for the engine; None for an empty rectangle."""
    if extent.isNull() or extent.isEmpty():
        return None
    bounds = [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()]
    return {"bounds": bounds, "crs": crs_text(crs)}


def to_crs(
    extent: QgsRectangle,
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsRectangle:
    """The box in ``target`` around ``extent``. Raises GeoLoupeError where the two do not overlap at all."""
    if source == target or not source.isValid() or not target.isValid():
        return QgsRectangle(extent)
    problem = None
    try:
        box = QgsCoordinateTransform(source, target, context).transformBoundingBox(extent)
        if box.isFinite():
            return box
    except QgsCsException as error:
        problem = str(error)
    sentence = tr("This area cannot be placed in {crs}: choose an area inside it.", crs=target.userFriendlyIdentifier())
    raise GeoLoupeError("no_overlap", sentence, problem)


def metres_per_unit(
    crs: QgsCoordinateReferenceSystem, at: QgsPointXY, context: QgsCoordinateTransformContext
) -> Tuple[float, float]:
    """Ground metres of one CRS unit along x and along y, measured on the ellipsoid at ``at``.

    Raises GeoLoupeError ``no_crs`` where that cannot be said.
    """
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context)
    measure.setEllipsoid(_WGS84)
    sentence = tr("The layer has no usable coordinate system: assign one in the layer's properties, then try again.")
    step = 1e-4 if crs.isGeographic() else 1.0
    try:
        along_x = measure.measureLine(QgsPointXY(at.x() - step, at.y()), QgsPointXY(at.x() + step, at.y()))
        along_y = measure.measureLine(QgsPointXY(at.x(), at.y() - step), QgsPointXY(at.x(), at.y() + step))
    except QgsCsException as error:
        raise GeoLoupeError("no_crs", sentence, str(error)) from error
    factor = 1.0
    if not compat.distance_unit_is_metres(measure.lengthUnits()):
        factor = compat.metres_in(measure.lengthUnits())
    metres = (along_x * factor / (2 * step), along_y * factor / (2 * step))
    if not all(math.isfinite(value) and value > 0 for value in metres):
        raise GeoLoupeError("no_crs", sentence)
    return metres

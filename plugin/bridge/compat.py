"""What differs between QGIS 3.22 and 4, and nothing else. Nowhere else may code look at a version."""

from __future__ import annotations

from typing import Any, Dict

from qgis.core import NULL, Qgis, QgsApplication, QgsField, QgsPalLayerSettings, QgsSymbol, QgsUnitTypes, QgsWkbTypes
from qgis.PyQt.QtCore import QMetaType, QThreadPool, QVariant

# QgsField takes QMetaType types since 3.38; before that it raises TypeError for them, and in Qt 6 QVariant has none.
_BY_META_TYPE = Qgis.QGIS_VERSION_INT >= 33800

DISTANCE_METERS = QgsUnitTypes.DistanceUnit.DistanceMeters
POINT_GEOMETRY = QgsWkbTypes.GeometryType.PointGeometry
POLYGON_GEOMETRY = QgsWkbTypes.GeometryType.PolygonGeometry
POLYGON = QgsWkbTypes.Type.Polygon


def _member(holder: Any, *names: str) -> Any:
    """The first of ``names`` that an enumeration has; members were renamed when enumerations became classes."""
    for name in names:
        if hasattr(holder, name):
            return getattr(holder, name)
    raise AttributeError("{} has none of {}".format(holder, ", ".join(names)))


SYMBOL_OPACITY = _member(QgsSymbol.Property, "PropertyOpacity", "Opacity")
LABEL_PRIORITY = _member(QgsPalLayerSettings.Property, "Priority", "LabelPriority")
LABEL_ABOVE_RIGHT = _member(getattr(Qgis, "LabelQuadrantPosition", QgsPalLayerSettings), "AboveRight", "QuadrantAboveRight")


def _field_types() -> Dict[str, Any]:
    if _BY_META_TYPE:
        kinds = QMetaType.Type
        return {
            "text": kinds.QString,
            "int": kinds.Int,
            "long": kinds.LongLong,
            "real": kinds.Double,
            "date": kinds.QDate,
            "bool": kinds.Bool,
        }
    return {
        "text": QVariant.String,
        "int": QVariant.Int,
        "long": QVariant.LongLong,
        "real": QVariant.Double,
        "date": QVariant.Date,
        "bool": QVariant.Bool,
    }


def field(name: str, kind: str) -> QgsField:
    """A field of kind ``text``, ``int``, ``long``, ``real``, ``date`` or ``bool``, in any QGIS."""
    return QgsField(name, _field_types()[kind])


def is_null(value: Any) -> bool:
    """Whether an attribute is SQL's NULL, which is an object in Qt 5 and ``None`` in Qt 6."""
    return value is None or value == NULL


def distance_unit_is_metres(unit: Any) -> bool:
    return bool(unit == DISTANCE_METERS)


def metres_in(unit: Any) -> float:
    """How many metres one ``unit`` of distance is."""
    return float(QgsUnitTypes.fromUnitToUnitFactor(unit, DISTANCE_METERS))


def task_pool() -> QThreadPool:
    """The pool that QGIS's task manager takes threads from: its own in newer versions, else the one that also draws maps."""
    own = getattr(QgsApplication.taskManager(), "threadPool", None)
    return (own() if own is not None else None) or QThreadPool.globalInstance()

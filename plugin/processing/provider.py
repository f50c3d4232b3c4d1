"""The provider ``geoloupe`` and its algorithms. Their ids are a promise to people's models and scripts: never rename them."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithm import ICON
from .build_index import BuildIndex
from .search_by_regions import SearchByRegions
from .search_by_text import SearchByText


class GeoLoupeProvider(QgsProcessingProvider):
    """Registered by the plugin; ``QgsApplication.processingRegistry().addProvider(GeoLoupeProvider())``."""

    def id(self) -> str:
        return "geoloupe"

    def name(self) -> str:
        return "GeoLoupe"

    def longName(self) -> str:
        return "GeoLoupe"

    def icon(self) -> QIcon:
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        return str(ICON)

    def loadAlgorithms(self) -> None:
        for algorithm in (BuildIndex, SearchByText, SearchByRegions):
            self.addAlgorithm(algorithm())

"""Pixels of layers that only QGIS can draw, for one request to the engine; files need none of this."""

from __future__ import annotations

from typing import Any, Dict, Optional

from qgis.core import QgsProject, QgsRasterLayer

from ..bridge.layers import drawn_identity, is_rendered
from ..bridge.rendering import TileRenderer
from ..errors import GeoLoupeError


class DrawnLayers:
    """Renderers by source identity, made on the main thread and asked from the engine client's threads."""

    def __init__(self) -> None:
        self._renderers: Dict[str, TileRenderer] = {}

    def add(self, layer: QgsRasterLayer) -> None:
        """Have ``layer`` drawn on request if the engine cannot read it itself."""
        if is_rendered(layer):
            identity = drawn_identity(layer)
            if identity not in self._renderers:
                self._renderers[identity] = TileRenderer(layer)

    def add_project(self, project: QgsProject) -> None:
        """Every raster of the project that has to be drawn: for hits that lie on any of them."""
        for layer in project.mapLayers().values():
            if isinstance(layer, QgsRasterLayer) and layer.isValid():
                self.add(layer)

    def fetch(self, request: Dict[str, Any]) -> Optional[bytes]:
        """The answer to one "pixels?" message: RGBA bytes. Not on the main thread."""
        renderer = self._renderers.get(str(request.get("source")))
        if renderer is None:
            raise GeoLoupeError("raster_unreadable", "The layer of this place is not in the project any more: add it again.")
        return renderer.fetch(request["bounds"], request.get("crs"), int(request["width"]), int(request["height"]))

    def close(self) -> None:
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers = {}

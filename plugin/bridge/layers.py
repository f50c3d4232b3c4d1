"""Raster layers as plain values: what the engine needs to know of one, and the index a layer remembers.

All of it is read on the main thread, once; nothing here keeps a layer.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from qgis.core import (
    QgsCoordinateTransformContext,
    QgsMapLayer,
    QgsMultiBandColorRenderer,
    QgsPointXY,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)

from ..errors import GeoLoupeError
from . import crs as coordinates
from .translation import tr

INDEX_PROPERTY = "geoloupe/index"
INDEX_SUFFIX = ".geoloupe"
RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img", ".png", ".jpg", ".jpeg", ".ecw", ".sid", ".mbtiles", ".asc")

# Pixel sizes of the web's tile pyramid in metres of EPSG:3857, and the same ladder in degrees: rendered layers are read on it,
# so that tiles are not resampled and two areas of one layer share one grid.
_LADDER_METRES = 2 * math.pi * 6378137.0 / 256
_LADDER_DEGREES = 360.0 / 256
_DEEPEST = 24
# A layer that spans the world has more pixels than a grid of chips can be laid over: of such a one, the blocks around the area
# make the source. Two areas in the same blocks still share one grid.
BLOCK_PIXELS = 65536
_HALF_THE_WORLD = math.pi * 6378137.0  # metres
PART = "@"  # between a drawn layer's identity and the part of it that a source is


def source_spec(
    layer: QgsRasterLayer,
    gsd: Optional[float] = None,
    area: Optional[QgsRectangle] = None,
    context: Optional[QgsCoordinateTransformContext] = None,
) -> Dict[str, Any]:
    """What the engine needs to read ``layer``: the JSON of a ``SourceSpec``.

    A layer that GDAL reads from disk is handed over by name, with the bands its renderer shows and, if the user assigned one,
    its CRS. Any other is drawn by QGIS: it gets a virtual pixel grid, at least as fine as ``gsd`` (metres on the ground) in the
    middle of ``area`` (a rectangle in the layer's CRS; default: the layer's extent).
    Raises GeoLoupeError: ``raster_unreadable``, ``no_crs``, or ``usage`` where a drawn layer comes without ``gsd``.
    """
    if not isinstance(layer, QgsRasterLayer) or not layer.isValid():
        raise GeoLoupeError(
            "raster_unreadable", tr("This raster cannot be read: repair the layer's data source or choose another.")
        )
    if not layer.crs().isValid():
        sentence = tr("The layer {name} has no coordinate system: assign one in the layer's properties, then try again.")
        raise GeoLoupeError("no_crs", sentence.format(name=layer.name()))
    path = file_of(layer)
    if path is not None:
        own = layer.dataProvider().crs()
        assigned = own.isValid() is False or own != layer.crs()
        return {
            "uri": path,
            "bands": shown_bands(layer),
            "name": layer.name(),
            "crs": coordinates.crs_text(layer.crs()) if assigned else None,
            "kind": "file",
        }
    return _rendered_spec(layer, gsd, area, context or QgsCoordinateTransformContext())


def file_spec(path: Union[str, Path]) -> Dict[str, Any]:
    """The spec of a raster file that is no layer yet; the engine decides its bands."""
    return {"uri": str(path), "bands": None, "name": Path(path).stem, "crs": None, "kind": "file"}


def rasters_in(folder: Union[str, Path]) -> List[str]:
    """The raster files of ``folder`` and its sub-folders, sorted; index folders and side files are left out."""
    found = []
    for base, folders, names in os.walk(str(folder)):
        folders[:] = sorted(name for name in folders if not name.endswith(INDEX_SUFFIX) and not name.startswith("."))
        found += [os.path.join(base, name) for name in sorted(names) if name.lower().endswith(RASTER_SUFFIXES)]
    return found


def file_of(layer: QgsRasterLayer) -> Optional[str]:
    """What GDAL opens for this layer, where another process could open the same; None for a layer only QGIS can draw."""
    if layer.providerType() != "gdal":
        return None
    source = layer.source()
    if source.startswith("/vsimem/"):
        return None
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    if parts.get("openOptions") or parts.get("authcfg") or "|" in source:
        return None
    return os.path.abspath(source) if os.path.exists(source) else source


def shown_bands(layer: QgsRasterLayer) -> Optional[List[int]]:
    """The bands (from 1) that the layer's style shows: red, green, blue, or one as grey; None where the style does not say."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsMultiBandColorRenderer):
        bands = [renderer.redBand(), renderer.greenBand(), renderer.blueBand()]
        return bands if all(1 <= band <= layer.bandCount() for band in bands) else None
    if isinstance(renderer, QgsSingleBandGrayRenderer):
        return [renderer.grayBand()]
    if isinstance(renderer, QgsSingleBandPseudoColorRenderer):
        return [renderer.band()]
    return None


def is_rendered(layer: QgsRasterLayer) -> bool:
    """Whether QGIS must draw this layer because the engine cannot read it itself."""
    return file_of(layer) is None


def has_own_extent(layer: QgsRasterLayer) -> bool:
    """Whether the layer ends somewhere. Tile services mostly say only that they cover the world."""
    if not is_rendered(layer):
        return True
    extent = layer.extent()
    if extent.isNull() or extent.isEmpty() or not extent.isFinite():
        return False
    along_x, _along_y = coordinates.metres_per_unit(layer.crs(), QgsPointXY(0, 0), QgsCoordinateTransformContext())
    return bool(extent.width() * along_x < _HALF_THE_WORLD)


def _rendered_spec(
    layer: QgsRasterLayer, gsd: Optional[float], area: Optional[QgsRectangle], context: QgsCoordinateTransformContext
) -> Dict[str, Any]:
    if not gsd or gsd <= 0:
        sentence = tr("The layer {name} has no resolution of its own: say how big the things to find are, or give a GSD.")
        raise GeoLoupeError("usage", sentence.format(name=layer.name()))
    extent = layer.extent()
    if extent.isNull() or extent.isEmpty() or not extent.isFinite():
        raise GeoLoupeError("raster_unreadable", tr("The layer {name} does not say where it is.", name=layer.name()))
    middle = QgsPointXY((area if area is not None and not area.isEmpty() else extent).center())
    along_x, along_y = coordinates.metres_per_unit(layer.crs(), middle, context)
    pixel = _pixel_size(layer, gsd / math.sqrt(along_x * along_y))
    columns = max(1, math.ceil(extent.width() / pixel - 1e-6))
    rows = max(1, math.ceil(extent.height() / pixel - 1e-6))
    identity, first_column, first_row = drawn_identity(layer), 0, 0
    if area is not None and not area.isEmpty() and max(columns, rows) > BLOCK_PIXELS:
        first_column, columns = _blocks((area.xMinimum() - extent.xMinimum()) / pixel, area.width() / pixel, columns)
        first_row, rows = _blocks((extent.yMaximum() - area.yMaximum()) / pixel, area.height() / pixel, rows)
        identity += "{}{:.6g},{},{},{},{}".format(PART, pixel, first_column, first_row, columns, rows)
    left, top = extent.xMinimum() + first_column * pixel, extent.yMaximum() - first_row * pixel
    # In the middle of the grid and not of the area, so that two areas on one grid give one source.
    middle = QgsPointXY(left + columns * pixel / 2, top - rows * pixel / 2)
    along_x, along_y = coordinates.metres_per_unit(layer.crs(), middle, context)
    return {
        "uri": identity,
        "bands": None,
        "name": layer.name(),
        "crs": coordinates.crs_text(layer.crs()),
        "kind": "rendered",
        "width": columns,
        "height": rows,
        "transform": [pixel, 0.0, left, 0.0, -pixel, top],
        "gsd": pixel * math.sqrt(along_x * along_y),
    }


def _blocks(start: float, length: float, most: int) -> Tuple[int, int]:
    """First pixel and number of pixels of the whole blocks that hold a stretch of the layer's grid."""
    first = max(0, min(math.floor(start / BLOCK_PIXELS) * BLOCK_PIXELS, most - 1))
    last = max(first + 1, min(math.ceil((start + length) / BLOCK_PIXELS) * BLOCK_PIXELS, most))
    return first, last - first


def _pixel_size(layer: QgsRasterLayer, wanted: float) -> float:
    """The step of the tile ladder, in CRS units, that is at least as fine as ``wanted``, or the layer's finest."""
    top = _LADDER_DEGREES if layer.crs().isGeographic() else _LADDER_METRES
    level = min(_DEEPEST, max(0, math.ceil(math.log2(top / wanted) - 1e-6)))
    finest = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source()).get("zmax")
    if finest is not None and str(finest).isdigit():
        level = min(level, int(finest))
    return top / 2**level


def drawn_identity(layer: QgsRasterLayer) -> str:
    """A name for a drawn layer that carries no secret: provider, address without user, password or key, and a digest."""
    source = layer.source()
    digest = hashlib.sha256(source.encode("utf-8")).hexdigest()[:16]
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), source)
    address = str(parts.get("url") or parts.get("path") or layer.name())
    address = re.sub(r"//[^/@]*@", "//", address).split("?")[0].replace(PART, "_")
    return "qgis:{}:{}#{}".format(layer.providerType(), address, digest)


def remember_index(layer: QgsMapLayer, path: Union[str, Path]) -> None:
    """Note in the layer (and so in the project when it is saved) which index belongs to it."""
    layer.setCustomProperty(INDEX_PROPERTY, str(path))


def recalled_index(layer: QgsMapLayer) -> Optional[str]:
    """The index folder that the layer remembers, whether it still exists or not; None if it remembers none."""
    value = layer.customProperty(INDEX_PROPERTY)
    return str(value) if value else None


def default_index_path(layer: QgsRasterLayer, folder: Union[str, Path]) -> str:
    """Where a new index of this layer goes: a folder in ``folder``, named after the layer and its source.

    Beside the raster would be nearer, but people keep imagery on shared and read-only disks.
    """
    what = file_of(layer) or drawn_identity(layer)
    stem = Path(what).stem if is_rendered(layer) is False else layer.name()
    name = re.sub(r"[^\w-]+", "_", stem).strip("_")[:48] or "raster"
    digest = hashlib.sha256(what.encode("utf-8")).hexdigest()[:8]
    return str(Path(folder) / "{}-{}{}".format(name, digest, INDEX_SUFFIX))

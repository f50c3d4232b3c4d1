"""Build index: rasters in, an index folder out."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsRasterLayer,
)

from ..bridge import crs as coordinates
from ..bridge import layers, report
from ..bridge.translation import tr
from ..errors import GeoLoupeError
from .algorithm import GeoLoupeAlgorithm, Teller

RASTERS, FOLDER, INDEX = "RASTERS", "FOLDER", "INDEX"
OBJECT_SIZE, GSDS, EXTENT, ENCODER, OVERLAP = "OBJECT_SIZE", "GSDS", "EXTENT", "ENCODER", "OVERLAP"
REGIONS, NEW_REGIONS, CHIPS, SECONDS = "REGIONS", "NEW_REGIONS", "CHIPS", "SECONDS"

CHIP_PIXELS = 224
OBJECT_SHARE = 0.354  # of a chip's side: how large a thing is best seen
MOST_DRAWN_SIDE = 400_000  # pixels of a drawn layer's side, above which an extent must be given


class BuildIndex(GeoLoupeAlgorithm):
    ID = "buildindex"
    TAGS = ("search", "find", "retrieval", "embedding", "vector", "imagery", "aerial", "satellite", "geoloupe")

    def title(self) -> str:
        return tr("Build index")

    def summary(self) -> str:
        return tr(
            "Makes rasters searchable by words and by regions. An encoder sees every part of them once, and its vectors are "
            "kept in a folder on this computer. Running it again on the same folder adds what is missing: a run that was stopped "
            "goes on where it was."
        )

    def define(self) -> None:
        self.add(
            QgsProcessingParameterMultipleLayers(
                RASTERS, tr("Raster layers"), QgsProcessing.SourceType.TypeRaster, optional=True
            ),
            tr("One raster or several. Layers from the web (XYZ, WMS) are drawn by QGIS and need an extent."),
        )
        self.add(
            QgsProcessingParameterFile(
                FOLDER, tr("Folder of rasters"), QgsProcessingParameterFile.Behavior.Folder, optional=True
            ),
            tr("Every raster file in this folder and its sub-folders is indexed too. A file that cannot be read is left out."),
        )
        self.add(
            QgsProcessingParameterNumber(
                OBJECT_SIZE,
                tr("Size of the things to find (metres)"),
                QgsProcessingParameterNumber.Type.Double,
                defaultValue=10.0,
                minValue=0.1,
                maxValue=100000.0,
            ),
            tr("About how long the things are that will be looked for: 4 for cars, 10 for houses, 100 for sports grounds."),
        )
        self.add(
            QgsProcessingParameterString(GSDS, tr("Pixel sizes (metres, separated by commas)"), optional=True),
            tr("For experts: read the rasters at these ground pixel sizes instead of those that follow from the size of things."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterExtent(EXTENT, tr("Extent"), optional=True),
            tr("Index only what lies in this extent. Other parts can be added later."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(ENCODER, tr("Encoder"), defaultValue="compact"),
            tr("Which encoder makes the vectors: its id. An index belongs to one encoder."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(OVERLAP, tr("Overlapping regions"), defaultValue=True),
            tr("Regions overlap by half, so that nothing is cut in two. Without it the index is much smaller, and worse."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFolderDestination(INDEX, tr("Index folder")),
            tr("The folder of the index, best with a name that ends in .geoloupe. One that exists is continued."),
        )
        self.addOutput(QgsProcessingOutputNumber(REGIONS, tr("Regions in the index")))
        self.addOutput(QgsProcessingOutputNumber(NEW_REGIONS, tr("New regions")))
        self.addOutput(QgsProcessingOutputNumber(CHIPS, tr("Chips read")))
        self.addOutput(QgsProcessingOutputNumber(SECONDS, tr("Seconds")))

    def prepare(self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        self._gsds = self._scales(parameters, context)
        self._object_size = None if self._gsds else self.parameterAsDouble(parameters, OBJECT_SIZE, context)
        self._extent = self.extent_of(parameters, EXTENT, context)
        self._sources = [
            self._source(layer, context, parameters) for layer in self.parameterAsLayerList(parameters, RASTERS, context)
        ]

    def work(self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        folder = self.text_of(parameters, FOLDER, context)
        sources = self._sources + ([layers.file_spec(path) for path in layers.rasters_in(folder)] if folder else [])
        if not sources:
            raise GeoLoupeError("no_raster", tr("There is no raster to index: choose a layer or a folder of rasters."))
        question = {
            "index": self.parameterAsString(parameters, INDEX, context),
            "sources": sources,
            "encoder": self.text_of(parameters, ENCODER, context) or "compact",
            "object_size": self._object_size,
            "gsds": self._gsds,
            "extent": self._extent,
            "overlap": self.parameterAsBoolean(parameters, OVERLAP, context),
        }
        feedback.setProgressText(tr("Indexing {n} rasters", n=len(sources)))
        done = self.ask("index", question, feedback, Teller(feedback)).value
        for line in report.index_lines(done):
            feedback.pushInfo(line)
        for problem in done.get("problems") or []:
            feedback.reportError(str(problem.get("message") or problem))
        for note in done.get("notes") or []:
            feedback.pushInfo(str(note))
        feedback.setProgress(100)
        return {
            INDEX: question["index"],
            REGIONS: int(done.get("rows") or 0),
            NEW_REGIONS: int(done.get("new_rows") or 0),
            CHIPS: int(done.get("chips") or 0),
            SECONDS: float(done.get("seconds") or 0.0),
        }

    def _scales(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Optional[List[float]]:
        text = self.text_of(parameters, GSDS, context)
        if text is None:
            return None
        try:
            scales = [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
        except ValueError:
            scales = []
        if not scales or any(not 0 < scale < 100000 for scale in scales):
            raise GeoLoupeError("usage", tr("Give the pixel sizes in metres, separated by commas, for example 0.3, 0.6."))
        return scales

    def _source(self, layer: QgsRasterLayer, context: QgsProcessingContext, parameters: Dict[str, Any]) -> Dict[str, Any]:
        if not isinstance(layer, QgsRasterLayer) or not layers.is_rendered(layer):
            return layers.source_spec(layer)
        finest = min(self._gsds) if self._gsds else (self._object_size or 10.0) / OBJECT_SHARE / CHIP_PIXELS
        area = None
        if self._extent is not None:
            chosen = self.parameterAsExtent(parameters, EXTENT, context)
            chosen_crs = self.parameterAsExtentCrs(parameters, EXTENT, context)
            area = coordinates.to_crs(chosen, chosen_crs, layer.crs(), context.transformContext())
        spec = layers.source_spec(layer, finest, area, context.transformContext())
        if area is None and max(spec["width"], spec["height"]) > MOST_DRAWN_SIDE:
            sentence = tr("The layer {name} covers too much to index as a whole: give an extent.", name=layer.name())
            raise GeoLoupeError("usage", sentence)
        self.drawn.add(layer)
        return spec

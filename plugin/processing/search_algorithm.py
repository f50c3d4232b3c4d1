"""What the two searches share: their common parameters, the hits as a layer, and its look."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureSink,
    QgsField,
    QgsMapLayer,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsVectorLayer,
)

from ..bridge import compat, report, sink, styles
from ..bridge import crs as coordinates
from ..bridge.settings import Settings
from ..bridge.translation import tr
from .algorithm import GeoLoupeAlgorithm

INDEX, TEXT, NOT_TEXT, INSTRUCTION = "INDEX", "TEXT", "NOT_TEXT", "INSTRUCTION"
COUNT, EXTENT, MIN_SCORE, OUTPUT = "COUNT", "EXTENT", "MIN_SCORE", "OUTPUT"
HITS, LIKELY, MESSAGE = "HITS", "LIKELY", "MESSAGE"


class SearchAlgorithm(GeoLoupeAlgorithm):
    """A search whose hits go to a vector sink, styled when it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self._written: Optional[str] = None

    def define_index(self) -> None:
        self.add(
            QgsProcessingParameterFile(INDEX, tr("Index folder"), QgsProcessingParameterFile.Behavior.Folder),
            tr("The folder that Build index made. It can be searched while it is still being built."),
        )

    def define_filters(self) -> None:
        self.add(
            QgsProcessingParameterNumber(
                COUNT,
                tr("How many regions"),
                QgsProcessingParameterNumber.Type.Integer,
                defaultValue=50,
                minValue=1,
                maxValue=10000,
            ),
            tr("At most this many regions are returned for a query, best first."),
        )
        self.add(
            QgsProcessingParameterExtent(EXTENT, tr("Extent"), optional=True),
            tr("Only regions in this extent are returned."),
        )
        self.add(
            QgsProcessingParameterNumber(
                MIN_SCORE,
                tr("Lowest score"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=-1.0,
                maxValue=1.0,
            ),
            tr("Regions with a lower score are left out. Scores of different queries cannot be compared well."),
            advanced=True,
        )

    def define_output(self) -> None:
        self.add(
            QgsProcessingParameterFeatureSink(OUTPUT, tr("Found regions"), QgsProcessing.SourceType.TypeVectorPolygon),
            tr(
                "The regions as polygons with rank, score, source, query, model, pixel size, date and index, and their window "
                "x0, y0, x1, y1 in pixels of the source."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber(HITS, tr("Regions found")))
        self.addOutput(QgsProcessingOutputBoolean(LIKELY, tr("Whether it is probably there")))
        self.addOutput(QgsProcessingOutputString(MESSAGE, tr("What the search says of its result")))

    def index_of(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> str:
        return self.parameterAsFile(parameters, INDEX, context)

    def search(
        self,
        parameters: Dict[str, Any],
        query: Dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Dict[str, Any]:
        """One search's answer, hits below the lowest score left out. Raises GeoLoupeError."""
        question = {
            "indexes": [self.index_of(parameters, context)],
            "query": query,
            "count": self.parameterAsInt(parameters, COUNT, context),
            "extent": self.extent_of(parameters, EXTENT, context),
            "sources": None,
        }
        answer = self.ask("search", question, feedback).value
        if parameters.get(MIN_SCORE) not in (None, ""):
            lowest = self.parameterAsDouble(parameters, MIN_SCORE, context)
            answer = {**answer, "hits": [hit for hit in answer.get("hits") or [] if float(hit["score"]) >= lowest]}
        feedback.pushInfo(report.search_line(answer))
        caution = report.presence_line(answer)
        if caution:
            feedback.pushWarning(caution)
        return answer

    def open_sink(
        self,
        parameters: Dict[str, Any],
        crs_text: Optional[str],
        context: QgsProcessingContext,
        first: Sequence[QgsField] = (),
    ) -> Sink:
        """The output, made once the first answer says in which CRS the hits are."""
        crs = coordinates.crs_from_text(crs_text)
        fields = sink.hit_fields(first)
        target, identity = self.parameterAsSink(parameters, OUTPUT, context, fields, compat.POLYGON, crs)
        if target is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, OUTPUT))
        self._written = identity
        return Sink(target, identity, crs, context, len(first))

    def facts(self, query: str, answer: Mapping[str, Any], index: str) -> sink.SearchFacts:
        return sink.SearchFacts(query, report.model_name(answer), index)

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """The look of the hits: kept in the file where that can hold it, and given to the layer that QGIS loads."""
        if self._written is None:
            return {}
        if context.willLoadLayerOnCompletion(self._written):
            context.layerToLoadOnCompletionDetails(self._written).setPostProcessor(Styler.make())
        layer = QgsProcessingUtils.mapLayerFromString(self._written, context)
        if isinstance(layer, QgsVectorLayer):
            try:
                _style(layer)
            except sqlite3.Error as error:
                feedback.pushDebugInfo(str(error))
        return {}


class Sink:
    """The output of a search under way."""

    def __init__(
        self, target: QgsFeatureSink, identity: str, crs: QgsCoordinateReferenceSystem, context: QgsProcessingContext, extras: int
    ) -> None:
        self.identity = identity
        self.count = 0
        self._target = target
        self._crs = crs
        self._context = context.transformContext()
        self._extras = extras

    def write(self, hits: Sequence[Mapping[str, Any]], facts: sink.SearchFacts, first: Sequence[Any] = ()) -> None:
        """Add hits; ``first`` are the values of the columns before theirs. Raises QgsProcessingException."""
        features = sink.hit_features(hits, facts, self._crs, self._context, first)
        if features and not self._target.addFeatures(features, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(tr("The found regions could not be written: check that the disk is not full."))
        self.count += len(features)


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Gives the loaded layer its look. Kept here, because QGIS does not keep it."""

    _kept: List[Styler] = []

    @classmethod
    def make(cls) -> Styler:
        styler = cls()
        cls._kept.append(styler)
        del cls._kept[:-50]
        return styler

    def postProcessLayer(self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        if isinstance(layer, QgsVectorLayer):
            settings = Settings.load()
            styles.apply_style(layer, settings.style, settings.labels)


def _style(layer: QgsVectorLayer) -> None:
    settings = Settings.load()
    styles.apply_style(layer, settings.style, settings.labels)
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()) if layer.providerType() == "ogr" else {}
    path = str(parts.get("path") or "")
    if path.lower().endswith(".gpkg"):
        styles.save_style(path, str(parts.get("layerName") or Path(path).stem), styles.style_text(layer))

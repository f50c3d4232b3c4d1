"""Search by regions: polygons on a raster in, regions like them out."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Tuple

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsRasterLayer,
)

from ..bridge import compat, layers, report
from ..bridge import crs as coordinates
from ..bridge.translation import tr
from ..errors import GeoLoupeError
from .search_algorithm import HITS, INSTRUCTION, LIKELY, MESSAGE, NOT_TEXT, OUTPUT, TEXT, SearchAlgorithm

REGIONS, RASTER, MATCH, MODE, EXCLUDE_SELF = "REGIONS", "RASTER", "MATCH", "MODE", "EXCLUDE_SELF"
MATCHES = ("thing", "surroundings", "kind")
TOGETHER, EACH = 0, 1
MOST_TOGETHER = 200  # boxes of one query: each is read and encoded
BOX_PIXELS = 79.0  # of a chip's side: how large a query region is best seen when QGIS draws the layer


class SearchByRegions(SearchAlgorithm):
    ID = "searchbyregions"
    TAGS = ("search", "find", "similar", "example", "box", "polygon", "retrieval", "imagery", "aerial", "satellite", "geoloupe")

    def title(self) -> str:
        return tr("Search by regions")

    def summary(self) -> str:
        return tr(
            "Finds regions of indexed rasters that are like the polygons of a layer, best first. The polygons show examples on a "
            "raster; words may be added. They make one query together, or one each."
        )

    def define(self) -> None:
        self.define_index()
        self.add(
            QgsProcessingParameterFeatureSource(REGIONS, tr("Example regions"), [QgsProcessing.SourceType.TypeVectorPolygon]),
            tr("Polygons around examples of what to find, in any coordinate system. Only the selected ones if that is ticked."),
        )
        self.add(
            QgsProcessingParameterRasterLayer(RASTER, tr("Raster under the regions")),
            tr("The raster on which the polygons were drawn; it need not be in the index."),
        )
        self.add(
            QgsProcessingParameterString(TEXT, tr("Words"), optional=True),
            tr("Words that change or narrow what the regions show, for example: blue."),
        )
        self.add(
            QgsProcessingParameterEnum(
                MATCH,
                tr("What to match"),
                options=[tr("This thing"), tr("Its surroundings"), tr("Its kind")],
                defaultValue=0,
            ),
            tr("What counts in a region: the thing as it looks, the place it lies in, or what kind of thing it is."),
        )
        self.add(
            QgsProcessingParameterEnum(
                MODE,
                tr("Queries"),
                options=[tr("One query of all regions"), tr("One query for each region")],
                defaultValue=TOGETHER,
            ),
            tr("Whether the regions are examples of one thing, or each is searched for; query_id is then the feature's id."),
        )
        self.add(
            QgsProcessingParameterBoolean(EXCLUDE_SELF, tr("Leave out the example regions themselves"), defaultValue=True),
            tr("The nearest region to an example is itself; untick this to see it among the found regions."),
        )
        self.add(
            QgsProcessingParameterString(NOT_TEXT, tr("What to leave out"), optional=True),
            tr("Words for what the regions should not be like."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(INSTRUCTION, tr("Instruction"), optional=True),
            tr("A sentence that tells the encoder how to understand the query; it replaces what What to match says."),
            advanced=True,
        )
        self.define_filters()
        self.define_output()

    def prepare(self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        layer = self.parameterAsRasterLayer(parameters, RASTER, context)
        if not isinstance(layer, QgsRasterLayer):
            raise GeoLoupeError("no_raster", tr("Choose the raster on which the example regions lie."))
        source = self.parameterAsSource(parameters, REGIONS, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, REGIONS))
        if not source.sourceCrs().isValid():
            sentence = tr("The example regions have no coordinate system: assign one in the layer's properties, then try again.")
            raise GeoLoupeError("no_crs", sentence)
        self._boxes_crs = coordinates.crs_text(source.sourceCrs())
        gsd, area = None, None
        if layers.is_rendered(layer):
            area = coordinates.to_crs(source.sourceExtent(), source.sourceCrs(), layer.crs(), context.transformContext())
            gsd = self._drawn_gsd(source, context)
        self._source = layers.source_spec(layer, gsd, area, context.transformContext())
        self.drawn.add(layer)

    def work(self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        source = self.parameterAsSource(parameters, REGIONS, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, REGIONS))
        examples = [
            (feature.id(), rings)
            for feature in source.getFeatures(QgsFeatureRequest().setNoAttributes())
            for rings in [rings_of(feature)]
            if rings
        ]
        if not examples:
            raise GeoLoupeError("empty_query", tr("There are no example regions: draw or select at least one polygon."))
        together = self.parameterAsEnum(parameters, MODE, context) == TOGETHER
        queries: List[Tuple[int, List[Any]]] = examples
        if together:
            queries = [(-1, [ring for _id, rings in examples for ring in rings])]
            if len(queries[0][1]) > MOST_TOGETHER:
                sentence = tr("{n} regions are too many for one query: select at most {most}, or make one query for each.")
                raise GeoLoupeError("usage", sentence.format(n=len(queries[0][1]), most=MOST_TOGETHER))
        text = self.text_of(parameters, TEXT, context)
        shared = {
            "text": text,
            "not_text": self.text_of(parameters, NOT_TEXT, context),
            "instruction": self.text_of(parameters, INSTRUCTION, context),
            "match": MATCHES[self.parameterAsEnum(parameters, MATCH, context)],
            "exclude_self": self.parameterAsBoolean(parameters, EXCLUDE_SELF, context),
        }
        output, likely, message, problem = None, False, "", None
        for number, (feature_id, rings) in enumerate(queries):
            if feedback.isCanceled():
                break
            boxes = [{"source": self._source, "geometry": ring, "crs": self._boxes_crs} for ring in rings]
            try:
                answer = self.search(parameters, {**shared, "boxes": boxes}, context, feedback)
            except GeoLoupeError as error:
                # One region beside the raster must not cost the answers to the others.
                if together or error.code not in ("no_overlap", "raster_empty"):
                    raise
                problem = error
                feedback.reportError(tr("Region {id}: {problem}", id=feature_id, problem=error.message))
                continue
            if output is None:
                output = self.open_sink(parameters, answer.get("crs"), context, [compat.field("query_id", "long")])
            words = self._words(text, shared["match"], len(rings), None if together else feature_id)
            facts = self.facts(words, answer, self.index_of(parameters, context))
            output.write(answer.get("hits") or [], facts, [None if together else feature_id])
            likely = likely or bool(dict(answer.get("presence") or {}).get("likely", True))
            message = message or report.presence_line(answer)
            feedback.setProgress(100.0 * (number + 1) / len(queries))
        if output is None:
            if problem is not None:
                raise problem
            output = self.open_sink(parameters, self._source.get("crs"), context, [compat.field("query_id", "long")])
        return {OUTPUT: output.identity, HITS: output.count, LIKELY: likely, MESSAGE: "" if likely else message}

    def _words(self, text: Any, match: str, count: int, feature_id: Any) -> str:
        """The query in words, for the column of that name."""
        if feature_id is None:
            words = tr("{n} regions", n=count)
        else:
            words = tr("region {id}", id=feature_id)
        if match == "surroundings":
            words = tr("surroundings of {what}", what=words)
        elif match == "kind":
            words = tr("kind of {what}", what=words)
        return "{} + {}".format(text, words) if text else words

    def _drawn_gsd(self, source: Any, context: QgsProcessingContext) -> float:
        """At which ground pixel size QGIS draws the smallest example well."""
        smallest = math.inf
        for feature in source.getFeatures(QgsFeatureRequest().setNoAttributes()):
            box = feature.geometry().boundingBox()
            if not box.isEmpty():
                along_x, along_y = coordinates.metres_per_unit(
                    source.sourceCrs(), QgsPointXY(box.center()), context.transformContext()
                )
                smallest = min(smallest, math.sqrt(box.width() * along_x * box.height() * along_y))
        return max(0.01, smallest / BOX_PIXELS) if math.isfinite(smallest) else 1.0


def rings_of(feature: QgsFeature) -> List[List[List[float]]]:
    """The outer ring of each part of a feature's polygon, as [[x, y], ...]; curves become lines."""
    rings = []
    for part in feature.geometry().asGeometryCollection():
        flat = QgsGeometry(part.constGet().segmentize())
        ring = flat.asPolygon()[0] if not flat.isMultipart() and flat.asPolygon() else []
        if len(ring) >= 4:
            rings.append([[point.x(), point.y()] for point in ring])
    return rings

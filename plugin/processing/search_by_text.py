"""Search by text: words in, found regions out."""

from __future__ import annotations

from typing import Any, Dict

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingParameterString

from ..bridge import report
from ..bridge.translation import tr
from ..errors import GeoLoupeError
from .search_algorithm import HITS, INSTRUCTION, LIKELY, MESSAGE, NOT_TEXT, OUTPUT, TEXT, SearchAlgorithm


class SearchByText(SearchAlgorithm):
    ID = "searchbytext"
    TAGS = ("search", "find", "text", "words", "retrieval", "similar", "imagery", "aerial", "satellite", "image", "geoloupe")

    def title(self) -> str:
        return tr("Search by text")

    def summary(self) -> str:
        return tr(
            "Finds the regions of indexed rasters that match some words, best first. The score says how near a region is to the "
            "words; if what was asked for is probably not there, the log says so above the nearest regions."
        )

    def define(self) -> None:
        self.define_index()
        self.add(
            QgsProcessingParameterString(TEXT, tr("What to find")),
            tr("Words for what to find, in English, for example: blue metal roof."),
        )
        self.add(
            QgsProcessingParameterString(NOT_TEXT, tr("What to leave out"), optional=True),
            tr("Words for what the regions should not be like."),
        )
        self.add(
            QgsProcessingParameterString(INSTRUCTION, tr("Instruction"), optional=True),
            tr("A sentence that tells the encoder how to understand the query; most encoders need none."),
            advanced=True,
        )
        self.define_filters()
        self.define_output()

    def work(self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        text = self.text_of(parameters, TEXT, context)
        if text is None:
            raise GeoLoupeError("empty_query", tr("Type what to find: the query is empty."))
        query: Dict[str, Any] = {
            "text": text,
            "not_text": self.text_of(parameters, NOT_TEXT, context),
            "instruction": self.text_of(parameters, INSTRUCTION, context),
            "boxes": [],
            "match": "thing",
        }
        answer = self.search(parameters, query, context, feedback)
        output = self.open_sink(parameters, answer.get("crs"), context)
        output.write(answer.get("hits") or [], self.facts(text, answer, self.index_of(parameters, context)))
        feedback.setProgress(100)
        return {
            OUTPUT: output.identity,
            HITS: output.count,
            LIKELY: bool(dict(answer.get("presence") or {}).get("likely", True)),
            MESSAGE: report.presence_line(answer),
        }

"""What all of GeoLoupe's algorithms share: how they ask the engine, tell of progress, stop, fail and explain themselves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from ..bridge import crs as coordinates
from ..bridge import report
from ..bridge.asking import DrawnLayers, ask
from ..bridge.settings import Settings
from ..bridge.translation import tr
from ..engine.call import Reply
from ..errors import GeoLoupeError

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
ICON = RESOURCES / "icons" / "geoloupe.svg"
HELP = RESOURCES / "help" / "processing.html"

TELL_SECONDS = 5.0  # between two lines of an index run's log


class GeoLoupeAlgorithm(QgsProcessingAlgorithm):
    """Runs in any thread: layers are read in ``prepare``, the rest is a question to another process.

    Subclasses set ID and TAGS and implement ``title``, ``summary``, ``define``, ``prepare`` and ``work``; what those raise as
    GeoLoupeError becomes Processing's own exception with the same sentence.
    """

    ID = ""
    TAGS: Tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.drawn = DrawnLayers()
        self._problem: Optional[GeoLoupeError] = None

    # what subclasses say

    def title(self) -> str:
        raise NotImplementedError

    def summary(self) -> str:
        """What it does, in a few sentences of plain text."""
        raise NotImplementedError

    def define(self) -> None:
        """Add parameters and outputs."""
        raise NotImplementedError

    def prepare(self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        """Turn layers into plain values."""

    def work(self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Do it, in whatever thread; the outputs."""
        raise NotImplementedError

    # what QGIS asks

    def name(self) -> str:
        return self.ID

    def displayName(self) -> str:
        return self.title()

    def group(self) -> str:
        return ""

    def groupId(self) -> str:
        return ""

    def tags(self) -> List[str]:
        return list(self.TAGS)

    def icon(self) -> QIcon:
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        return str(ICON)

    def helpUrl(self) -> str:
        return QUrl.fromLocalFile(str(HELP)).toString() + "#" + self.ID

    def shortDescription(self) -> str:
        return self.summary().split(". ")[0].rstrip(".") + "."

    def shortHelpString(self) -> str:
        """The summary, then every parameter and output with its own help."""
        lines = ["<p>{}</p>".format(self.summary())]
        for parameter in self.parameterDefinitions():
            lines.append("<h3>{}</h3><p>{}</p>".format(parameter.description(), parameter.help()))
        return "".join(lines)

    def createInstance(self) -> QgsProcessingAlgorithm:
        return type(self)()

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:
        self.define()

    def prepareAlgorithm(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        try:
            self.prepare(parameters, context, feedback)
        except GeoLoupeError as error:
            # A failed preparation is reported as "errors executing the algorithm"; raised later, the sentence reaches the caller.
            self._problem = error
        return True

    def processAlgorithm(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        try:
            if self._problem is not None:
                raise self._problem
            return self.work(parameters, context, feedback)
        except GeoLoupeError as error:
            if error.detail:
                feedback.pushDebugInfo(error.detail)
            raise QgsProcessingException(self._sentence(error)) from error
        finally:
            self.drawn.close()

    # what subclasses use

    def add(self, parameter: QgsProcessingParameterDefinition, help: str, advanced: bool = False) -> None:
        """Add a parameter with its help text."""
        parameter.setHelp(help)
        if advanced:
            parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def ask(
        self,
        op: str,
        params: Dict[str, Any],
        feedback: QgsProcessingFeedback,
        progress: Optional[Callable[[Dict[str, Any]], Any]] = None,
    ) -> Reply:
        """Ask the engine; stops within a batch when the user does. Raises GeoLoupeError."""
        return ask(op, {"device": Settings.load().device, **params}, feedback.isCanceled, progress, self.drawn.fetch)

    def extent_of(self, parameters: Dict[str, Any], name: str, context: QgsProcessingContext) -> Optional[Dict[str, Any]]:
        """The extent parameter as the engine takes it; None where none is given."""
        if parameters.get(name) in (None, ""):
            return None
        crs = self.parameterAsExtentCrs(parameters, name, context)
        return coordinates.extent_value(self.parameterAsExtent(parameters, name, context), crs)

    def text_of(self, parameters: Dict[str, Any], name: str, context: QgsProcessingContext) -> Optional[str]:
        """A text parameter without the space around it; None where it is empty."""
        return self.parameterAsString(parameters, name, context).strip() or None

    def _sentence(self, error: GeoLoupeError) -> str:
        if error.code == "no_engine":
            return tr(
                "{problem} Set the engine up in the GeoLoupe panel of QGIS; without a window, run `make engine` in the plugin's "
                "folder or set GEOLOUPE_PYTHON to a Python that has its packages.",
                problem=error.message,
            )
        return error.message


class Teller:
    """Shows an index run in an algorithm's log and progress bar, a line every few seconds."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._last = 0.0

    def __call__(self, value: Mapping[str, Any]) -> None:
        total, done = float(value.get("total") or 0), float(value.get("done") or 0)
        if total > 0:
            self._feedback.setProgress(min(100.0, 100.0 * done / total))
        now = time.monotonic()
        if now - self._last >= TELL_SECONDS or (total and done >= total):
            self._last = now
            line = report.progress_line(value)
            self._feedback.setProgressText(line)
            self._feedback.pushInfo(line)

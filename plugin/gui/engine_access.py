"""The engine as the dock sees it: questions go out at once, answers arrive on the main thread."""

from __future__ import annotations

import traceback
from typing import Any, Callable, Dict, Optional

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..bridge.asking import DrawnLayers
from ..bridge.settings import Settings
from ..errors import GeoLoupeError
from .background import Background, open_mailbox, unexpected

Answer = Callable[[Any, Optional[GeoLoupeError]], Any]


class Question:
    """One request under way. :meth:`forget` stops it in the engine and drops its answer."""

    def __init__(self, op: str, answer: Answer, drawn: Optional[DrawnLayers]) -> None:
        self.op = op
        self.call: Any = None
        self.answered = False
        self._answer = answer
        self._drawn = drawn
        self.forgotten = False

    def forget(self) -> None:
        """Harmless when the answer is there already."""
        if self.answered or self.forgotten:
            return
        self.forgotten = True
        self._end_drawing()
        if self.call is not None:
            self.call.cancel()

    def reply(self, value: Any, error: Optional[GeoLoupeError]) -> None:
        """Hand the answer on, once, unless nobody wants it any more."""
        if self.answered or self.forgotten:
            return
        self.answered = True
        self._end_drawing()
        self._answer(value, error)

    def _end_drawing(self) -> None:
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None


class EngineAccess(QObject):
    """Asks the shared engine of this QGIS. ``greeted`` carries what a newly started engine says of itself."""

    greeted = pyqtSignal(object)

    def __init__(self, session: Any, background: Background, parent: Optional[QObject] = None) -> None:
        """``session`` is plugin.engine.session, or an object with its ``shared`` and ``shutdown``."""
        super().__init__(parent)
        self._session = session
        self._background = background
        self._mailbox = open_mailbox()
        self._greeting: Dict[str, Any] = {}
        self._closed = False

    def ask(self, op: str, params: Dict[str, Any], answer: Answer, drawn: Optional[DrawnLayers] = None) -> Question:
        """Send ``op``, starting the engine if need be; ``answer(reply, error)`` is called on the main thread.

        ``drawn`` draws what only QGIS can draw, and is closed when the question is over.
        """
        question = Question(op, answer, drawn)
        python = Settings.load().engine_python or None
        on_pixels = drawn.fetch if drawn is not None else None

        def send() -> None:
            client = self._session.shared(python)
            hello = client.start()  # at once when it runs already
            self._mailbox.arrived.emit(lambda: self._greet(hello))
            if question.forgotten:
                return
            question.call = client.submit(op, params, on_pixels=on_pixels)
            if question.forgotten:
                question.call.cancel()
            question.call.add_done_callback(lambda _call: self._mailbox.arrived.emit(lambda: self._deliver(question)))

        def sent(_value: Any, error: Optional[GeoLoupeError]) -> None:
            if error is not None:
                question.reply(None, error)

        self._background.run(send, sent)
        return question

    def restart(self) -> None:
        """Stop the engine; the next question starts it with the settings of now."""
        self._greeting = {}
        self._background.run(self._session.shutdown, lambda _value, _error: None)

    def close(self) -> None:
        """Answers still to come find nobody."""
        self._closed = True

    def _greet(self, hello: Dict[str, Any]) -> None:
        if not self._closed and hello != self._greeting:
            self._greeting = dict(hello)
            self.greeted.emit(hello)

    def _deliver(self, question: Question) -> None:
        if self._closed:
            return
        try:
            value, error = question.call.wait(0), None
        except GeoLoupeError as problem:
            value, error = None, problem
        except Exception:
            value, error = None, unexpected(traceback.format_exc())
        question.reply(value, error)

"""The engine as the dock sees it: questions go out at once, answers arrive on the main thread."""

from __future__ import annotations

import traceback
from typing import Any, Callable, Dict, Optional

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..bridge.settings import Settings
from ..errors import GeoLoupeError
from .background import Background, unexpected

Answer = Callable[[Any, Optional[GeoLoupeError]], Any]


class Question:
    """One request under way. ``cancel`` stops it in the engine; ``forget`` also drops the answer."""

    def __init__(self, op: str, answer: Answer, progress: Optional[Callable[[Dict[str, Any]], Any]]) -> None:
        self.op = op
        self.answer = answer
        self.progress = progress
        self.call: Any = None
        self.cancelled = False
        self.forgotten = False
        self.answered = False

    def cancel(self) -> None:
        self.cancelled = True
        if self.call is not None and not self.answered:
            self.call.cancel()

    def forget(self) -> None:
        self.forgotten = True
        self.cancel()


class EngineAccess(QObject):
    """Asks the shared engine of this QGIS. ``greeted`` carries what a newly started engine says of itself."""

    greeted = pyqtSignal(object)
    _said_hello = pyqtSignal(object)
    _answered = pyqtSignal(object)
    _moved = pyqtSignal(object)

    def __init__(self, session: Any, background: Background, parent: Optional[QObject] = None) -> None:
        """``session`` is plugin.engine.session, or an object with its ``shared`` and ``shutdown``."""
        super().__init__(parent)
        self._session = session
        self._background = background
        self._greeting: Dict[str, Any] = {}
        self._said_hello.connect(self._greet)
        self._answered.connect(self._deliver)
        self._moved.connect(self._pass_on)

    def ask(
        self,
        op: str,
        params: Dict[str, Any],
        answer: Answer,
        progress: Optional[Callable[[Dict[str, Any]], Any]] = None,
        on_pixels: Optional[Callable[[Dict[str, Any]], Optional[bytes]]] = None,
    ) -> Question:
        """Send ``op``, starting the engine if need be. ``answer(reply, error)`` and ``progress(value)``: on the main thread."""
        question = Question(op, answer, progress)
        python = Settings.load().engine_python or None

        def send() -> None:
            client = self._session.shared(python)
            hello = client.start()  # at once when it runs already
            self._said_hello.emit(hello)
            call = client.submit(op, params, on_progress=lambda value: self._moved.emit((question, value)), on_pixels=on_pixels)
            question.call = call
            if question.cancelled:
                call.cancel()
            call.add_done_callback(lambda _call: self._answered.emit(question))

        def sent(_value: Any, error: Optional[GeoLoupeError]) -> None:
            if error is not None and not question.forgotten:
                question.answered = True
                question.answer(None, error)

        self._background.run(send, sent)
        return question

    def restart(self) -> None:
        """Stop the engine; the next question starts it with the settings of now."""
        self._greeting = {}
        self._background.run(self._session.shutdown, lambda _value, _error: None)

    def _greet(self, hello: Dict[str, Any]) -> None:
        if hello != self._greeting:
            self._greeting = dict(hello)
            self.greeted.emit(hello)

    def _pass_on(self, item: Any) -> None:
        question, value = item
        if question.progress is not None and not question.forgotten and not question.answered:
            question.progress(value)

    def _deliver(self, question: Question) -> None:
        question.answered = True
        if question.forgotten:
            return
        try:
            reply, error = question.call.wait(0), None
        except GeoLoupeError as problem:
            reply, error = None, problem
        except Exception:
            reply, error = None, unexpected(traceback.format_exc())
        question.answer(reply, error)

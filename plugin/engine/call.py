"""One request to the engine: its answer, its progress, and how to give it up."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from ..errors import GeoLoupeError

CANCEL_PATIENCE = 2.0  # seconds an engine has to give up a call before it is killed

OnProgress = Callable[[Dict[str, Any]], None]
# Gets the value of a "pixels?" message; returns width * height * 4 bytes RGBA, or None where there is nothing to draw.
OnPixels = Callable[[Dict[str, Any]], Optional[bytes]]


class Reply(NamedTuple):
    """The engine's answer to one call."""

    value: Dict[str, Any]
    blobs: List[bytes]


class Call:
    """A request under way. Made by ``EngineClient.submit``; safe to use from any thread."""

    def __init__(
        self,
        number: int,
        op: str,
        send_cancel: Callable[[Call], None],
        kill: Callable[[Call], None],
        on_progress: Optional[OnProgress] = None,
        on_pixels: Optional[OnPixels] = None,
    ) -> None:
        self.id = number
        self.op = op
        self.on_progress = on_progress
        self.on_pixels = on_pixels
        self._send_cancel = send_cancel
        self._kill = kill
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._reply: Optional[Reply] = None
        self._error: Optional[GeoLoupeError] = None
        self._callbacks: List[Callable[[Call], None]] = []
        self._timer: Optional[threading.Timer] = None

    @property
    def done(self) -> bool:
        return self._finished.is_set()

    @property
    def cancelling(self) -> bool:
        """True from the first ``cancel()`` on."""
        return self._timer is not None

    def wait(self, timeout: Optional[float] = None) -> Reply:
        """Block until the answer. Raises GeoLoupeError when the call failed, TimeoutError when ``timeout`` seconds passed."""
        if not self._finished.wait(timeout):
            raise TimeoutError(f"The engine has not answered {self.op} yet.")
        if self._error is not None:
            # A new exception each time: one object raised in two threads would mix their tracebacks.
            raise GeoLoupeError(self._error.code, self._error.message, self._error.detail)
        if self._reply is None:
            raise GeoLoupeError("internal", "The engine's answer was lost; please try again.")
        return self._reply

    def cancel(self) -> None:
        """Ask the engine to give this call up; it is killed when it has not done so within two seconds. Returns at once."""
        with self._lock:
            if self.done or self._timer is not None:
                return
            self._timer = threading.Timer(CANCEL_PATIENCE, self._patience_ended)
            self._timer.daemon = True
            self._timer.start()
        self._send_cancel(self)

    def add_done_callback(self, callback: Callable[[Call], None]) -> None:
        """Call ``callback(call)`` once the answer is there, in the client's reader thread; at once when it already is."""
        with self._lock:
            if not self.done:
                self._callbacks.append(callback)
                return
        callback(self)

    def finish(self, reply: Optional[Reply], error: Optional[GeoLoupeError]) -> List[Callable[[Call], None]]:
        """Set the answer, once; returns the callbacks that the caller must now run. Later answers are dropped."""
        with self._lock:
            if self.done:
                return []
            self._reply, self._error = reply, error
            self._finished.set()
            if self._timer is not None:
                self._timer.cancel()
            callbacks, self._callbacks = self._callbacks, []
        return callbacks

    def _patience_ended(self) -> None:
        if not self.done:
            self._kill(self)

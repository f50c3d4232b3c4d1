"""Pixels that only QGIS can draw: asked for over the pipe, waited for here."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import GeoLoupeError

PATIENCE = 150.0  # seconds for one picture: a slow server and QGIS's own retries


@dataclass
class _Waiting:
    arrived: threading.Event = field(default_factory=threading.Event)
    pixels: bytes | None = None
    error: Mapping[str, Any] | None = None


class PixelRequests:
    """Requests under way, by token. ``send`` writes a "pixels?" message for a request number."""

    def __init__(self, send: Callable[[int, Mapping[str, Any]], None]) -> None:
        self._send = send
        self._tokens = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}

    def ask(self, number: int, request: Mapping[str, Any], cancel: threading.Event) -> bytes | None:
        """Have QGIS draw ``request``; RGBA bytes, or None where there is nothing.

        Raises OSError when it could not be drawn now, GeoLoupeError("cancelled").
        """
        token = next(self._tokens)
        waiting = _Waiting()
        with self._lock:
            self._waiting[token] = waiting
        try:
            self._send(number, {"token": token, **request})
            end = time.monotonic() + PATIENCE
            while not waiting.arrived.wait(0.05):
                if cancel.is_set():
                    raise GeoLoupeError("cancelled", "Stopped; what was done so far is kept.")
                if time.monotonic() > end:
                    raise OSError("QGIS did not draw the layer in time.")
        finally:
            with self._lock:
                self._waiting.pop(token, None)
        if waiting.error is not None:
            if waiting.error.get("code") == "cancelled":
                raise GeoLoupeError.from_json(dict(waiting.error))
            raise OSError(str(waiting.error.get("message", "QGIS could not draw the layer.")))
        return waiting.pixels

    def answer(self, params: Mapping[str, Any], blobs: Sequence[bytes]) -> None:
        """Hand a "pixels" message to whoever waits for it; one that came too late is dropped."""
        with self._lock:
            waiting = self._waiting.get(params.get("token", 0))
        if waiting is None:
            return
        if not params.get("ok"):
            waiting.error = params.get("error") or {}
        elif blobs:
            waiting.pixels = blobs[0]
        waiting.arrived.set()

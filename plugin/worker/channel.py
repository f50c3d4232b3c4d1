"""The engine's end of the pipe: reads frames in one thread, writes them from any under one lock."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from ..engine.protocol import Message, ProtocolError, read_message, write_message
from ..errors import GeoLoupeError


class Channel:
    """Frames in and out. ``write`` is thread-safe; when QGIS is gone it does nothing."""

    def __init__(self, frames_in: IO[bytes], frames_out: IO[bytes]) -> None:
        self._in = frames_in
        self._out = frames_out
        self._lock = threading.Lock()

    def read(self) -> Message | None:
        """The next frame; None at end of file. Raises ProtocolError."""
        return read_message(self._in)

    def result(self, number: int, value: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
        """Answer a request. A value that cannot be sent becomes an error, so that the caller never waits in vain."""
        try:
            self._write(number, "result", value, blobs)
        except ProtocolError as problem:
            sentence = "The engine's answer could not be sent; please try again."
            self.error(number, GeoLoupeError("internal", sentence, str(problem)))

    def error(self, number: int, error: GeoLoupeError) -> None:
        self._write(number, "error", error.to_json())

    def progress(self, number: int, value: Mapping[str, Any]) -> None:
        self._write(number, "progress", value)

    def ask_pixels(self, number: int, request: Mapping[str, Any]) -> None:
        self._write(number, "pixels?", request)

    def _write(self, number: int, kind: str, value: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
        try:
            with self._lock:
                write_message(self._out, {"id": number, "type": kind, "value": dict(value)}, blobs, _plain)
        except (OSError, ValueError) as problem:
            print(f"could not write to QGIS: {problem}", file=sys.stderr)


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy, paths and dates, as JSON knows them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "__fspath__"):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")

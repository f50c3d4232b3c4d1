"""What an operation gets to work with, besides its parameters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import GeoLoupeError
from .channel import Channel
from .encoders import Encoders
from .indexes import Indexes
from .pixel_requests import PixelRequests

Fetch = Callable[[tuple[float, float, float, float], tuple[int, int]], "bytes | None"]

YIELD_LIMIT = 1.0  # seconds an index run waits, between two batches, for searches to be answered


class Cancelled(GeoLoupeError):
    """The user gave this request up; what was done stays done."""

    def __init__(self) -> None:
        super().__init__("cancelled", "Stopped; what was done so far is kept.")


class Activity:
    """How many urgent requests are being answered; long runs step aside while there are any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._urgent = 0

    def __enter__(self) -> Activity:
        with self._changed:
            self._urgent += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._urgent -= 1
            self._changed.notify_all()

    def step_aside(self, limit: float = YIELD_LIMIT) -> None:
        """Wait until nothing urgent is under way, at most ``limit`` seconds."""
        end = time.monotonic() + limit
        with self._changed:
            while self._urgent and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)


@dataclass
class Context:
    """One request under way: its number, its blobs, and the way back to whoever asked."""

    number: int
    blobs: Sequence[bytes]
    channel: Channel
    encoders: Encoders
    indexes: Indexes
    activity: Activity
    pixel_requests: PixelRequests
    cancel_event: threading.Event = field(default_factory=threading.Event)

    def cancelled(self) -> bool:
        return self.cancel_event.is_set()

    def check(self) -> None:
        """Raise Cancelled when the user gave this request up."""
        if self.cancelled():
            raise Cancelled()

    def progress(self, **value: Any) -> None:
        self.channel.progress(self.number, value)

    def between_batches(self) -> None:
        """For long runs: let searches go first."""
        self.activity.step_aside()

    def fetch_for(self, source: str, crs: str | None) -> Fetch:
        """A function that has QGIS draw a part of ``source`` (bounds in ``crs``) and returns RGBA bytes, or None.

        It raises OSError when QGIS could not draw it now, Cancelled when the user gave up.
        """

        def fetch(bounds: tuple[float, float, float, float], size: tuple[int, int]) -> bytes | None:
            request = {"source": source, "bounds": [float(v) for v in bounds], "crs": crs, "width": size[0], "height": size[1]}
            return self.pixel_requests.ask(self.number, request, self.cancel_event)

        return fetch

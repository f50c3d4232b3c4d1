"""The engine's main loop: reads requests, gives each to its lane's thread, and answers with results or errors."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from ..engine.protocol import Message, ProtocolError
from ..errors import GeoLoupeError
from .channel import Channel
from .context import Activity, Cancelled, Context
from .encoders import Encoders
from .indexes import Indexes
from .pixel_requests import PixelRequests

# An operation gets its parameters and its context and returns its value, with or without blobs.
Handler = Callable[[Mapping[str, Any], Context], "dict[str, Any] | tuple[dict[str, Any], list[bytes]]"]

BAD_STREAM = 3  # exit code
_FULL = {errno.ENOSPC, errno.EFBIG} | {getattr(errno, name) for name in ("EDQUOT",) if hasattr(errno, name)}


@dataclass(frozen=True)
class Operation:
    """What runs for an ``op``, and in which lane.

    A lane is one thread that takes its requests in order; lanes run beside each other, so that a search never waits for an
    index run, nor thumbnails for a check. ``urgent`` makes index runs pause between two batches until it is answered.
    """

    handler: Handler
    lane: str
    urgent: bool = False


class Server:
    """Serves one channel until it ends."""

    def __init__(self, channel: Channel, operations: Mapping[str, Operation], encoders: Encoders | None = None) -> None:
        self._channel = channel
        self._operations = dict(operations)
        self._encoders = encoders or Encoders()
        self._indexes = Indexes()
        self._activity = Activity()
        self._pixels = PixelRequests(channel.ask_pixels)
        self._lock = threading.Lock()
        self._under_way: dict[int, Context] = {}
        self._lanes: dict[str, SimpleQueue[tuple[Operation, Mapping[str, Any], Context]]] = {}

    def serve(self) -> int:
        """Read until stdin ends or a shutdown comes; returns the exit code. The caller then ends the process at once."""
        sys.setswitchinterval(0.001)  # a search's thread gets its turn sooner beside an index run's
        while True:
            try:
                message = self._channel.read()
            except ProtocolError as problem:
                sentence = "The engine received something unreadable and stopped; please start again."
                self._channel.error(0, GeoLoupeError("internal", sentence, str(problem)))
                return BAD_STREAM
            except (OSError, ValueError):
                return 0
            if message is None or message.header.get("op") == "shutdown":
                return 0
            self._receive(message)

    def _receive(self, message: Message) -> None:
        number, op, params = message.header.get("id"), message.header.get("op"), message.header.get("params")
        if not isinstance(number, int) or not isinstance(op, str) or not isinstance(params, dict):
            number = number if isinstance(number, int) else 0
            self._channel.error(number, GeoLoupeError("usage", "A request needs a number, an operation and its parameters."))
        elif op == "cancel":
            self._channel.result(number, {"cancelled": self._cancel(params.get("target"))})
        elif op == "pixels":
            self._pixels.answer(params, message.blobs)
        elif op not in self._operations:
            sentence = f"This engine does not know “{op}”: the plugin is of another version; restart QGIS."
            self._channel.error(number, GeoLoupeError("usage", sentence))
        else:
            self._queue(self._operations[op], params, self._context(number, message.blobs))

    def _context(self, number: int, blobs: list[bytes]) -> Context:
        context = Context(number, blobs, self._channel, self._encoders, self._indexes, self._activity, self._pixels)
        with self._lock:
            self._under_way[number] = context
        return context

    def _cancel(self, target: Any) -> bool:
        with self._lock:
            context = self._under_way.get(target)
        if context is None:
            return False
        context.cancel_event.set()
        return True

    def _queue(self, operation: Operation, params: Mapping[str, Any], context: Context) -> None:
        if operation.lane not in self._lanes:
            self._lanes[operation.lane] = SimpleQueue()
            threading.Thread(target=self._work, args=(operation.lane,), name=f"lane-{operation.lane}", daemon=True).start()
        self._lanes[operation.lane].put((operation, params, context))

    def _work(self, lane: str) -> None:
        queue = self._lanes[lane]
        while True:
            operation, params, context = queue.get()
            self._run(operation, params, context)

    def _run(self, operation: Operation, params: Mapping[str, Any], context: Context) -> None:
        try:
            context.check()
            if operation.urgent:
                with self._activity:
                    answer = operation.handler(params, context)
            else:
                answer = operation.handler(params, context)
        except BaseException as problem:  # also SystemExit or MemoryError from a library: the lane must go on
            error = as_error(problem)
            if error.code == "internal":
                print(error.detail, file=sys.stderr)
            self._done(context)
            self._channel.error(context.number, error)
        else:
            self._done(context)
            value, blobs = answer if isinstance(answer, tuple) else (answer, [])
            self._channel.result(context.number, value, blobs)

    def _done(self, context: Context) -> None:
        with self._lock:
            self._under_way.pop(context.number, None)


def as_error(problem: BaseException) -> GeoLoupeError:
    """What the user is told of ``problem``: itself when it is ours, else one sentence with the traceback as its detail."""
    if isinstance(problem, (GeoLoupeError, Cancelled)):
        return problem
    detail = "".join(traceback.format_exception(problem))
    code = "internal"
    sentence = f"Something went wrong in the engine ({type(problem).__name__}); its log says more."
    if _is_full(problem):
        name = getattr(problem, "filename", None)
        where = f" ({os.path.dirname(os.fsdecode(name)) or name})" if name else ""
        code, sentence = "disk_full", f"The disk is full{where}: free some space and start again; what was done is kept."
    elif isinstance(problem, MemoryError):
        code, sentence = "out_of_memory", "There is not enough memory for this: close other programs, or choose less."
    elif isinstance(problem, PermissionError):
        code, sentence = "no_permission", f"This file or folder may not be used: {problem.filename}; choose another."
    return GeoLoupeError(code, sentence, detail)


def _is_full(problem: BaseException) -> bool:
    if isinstance(problem, OSError):
        return problem.errno in _FULL or getattr(problem, "winerror", None) == 112
    return isinstance(problem, sqlite3.OperationalError) and "disk is full" in str(problem)

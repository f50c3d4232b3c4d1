"""The one object through which QGIS speaks to its engine: starts it when needed, and again after a crash."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from ..errors import GeoLoupeError
from .call import Call, OnPixels, OnProgress, Reply
from .child_process import CappedLog, child_environment
from .connection import Connection
from .protocol import VERSION

WORKER = Path(__file__).resolve().parent.parent / "worker" / "__main__.py"
START_PATIENCE = 120.0  # seconds: a first start on a slow disk under a virus scanner


class EngineClient:
    """Thread-safe. ``submit`` never blocks on the engine; the process starts with the first call and after a crash.

    ``home`` is GEOLOUPE_HOME for the engine, ``log_path`` takes its stderr (capped), ``idle_seconds`` stops the process
    after that long without a call (None: never). ``worker`` is the script to run: another one only in tests.
    """

    def __init__(
        self,
        python: Path,
        *,
        log_path: Path,
        home: Path,
        worker: Path = WORKER,
        environment: Optional[Mapping[str, str]] = None,
        idle_seconds: Optional[float] = None,
    ) -> None:
        self.python = Path(python)
        self.log_path = Path(log_path)
        self.home = Path(home)
        self._worker = Path(worker)
        self._extra = dict(environment or {})
        self._idle_seconds = idle_seconds
        self._idle_timer: Optional[threading.Timer] = None
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._connection: Optional[Connection] = None
        self._hello: Optional[Call] = None
        self._hello_value: Dict[str, Any] = {}

    @property
    def alive(self) -> bool:
        connection = self._connection
        return connection is not None and connection.alive

    @property
    def hello(self) -> Dict[str, Any]:
        """What the engine said of itself when it last started; empty before that."""
        return dict(self._hello_value)

    @property
    def pid(self) -> Optional[int]:
        connection = self._connection
        return connection.process.pid if connection is not None and connection.alive else None

    def start(self, timeout: float = START_PATIENCE) -> Dict[str, Any]:
        """Start the engine unless it runs, and wait until it has said hello; returns what it said.

        Raises GeoLoupeError: ``no_engine`` when its Python cannot be started or lacks packages, ``engine_crashed`` when it
        ends or does not answer.
        """
        with self._lock:
            self._connect()
            hello, connection = self._hello, self._connection
        if hello is None or connection is None:
            raise GeoLoupeError("no_engine", "The GeoLoupe engine is not set up yet.")
        try:
            reply = hello.wait(timeout)
        except TimeoutError:
            sentence = "The GeoLoupe engine did not answer and was stopped; please try again."
            connection.kill(GeoLoupeError("engine_crashed", sentence))
            reply = hello.wait(5)
        check_hello(reply.value, self.python)
        return dict(reply.value)

    def submit(
        self,
        op: str,
        params: Dict[str, Any],
        blobs: Sequence[bytes] = (),
        on_progress: Optional[OnProgress] = None,
        on_pixels: Optional[OnPixels] = None,
    ) -> Call:
        """Send a request and return at once. ``on_progress`` runs in the reader thread, ``on_pixels`` in a thread of its own.

        Raises GeoLoupeError("no_engine") when the engine's Python cannot be started; every later failure is the call's.
        """
        with self._lock:
            for _ in range(3):  # a process that ends between the check and the call is replaced
                connection = self._connect()
                call = self._new_call(op, connection, on_progress, on_pixels)
                if connection.submit(call, params, blobs):
                    call.add_done_callback(self._watch_idle)
                    return call
        raise GeoLoupeError("engine_crashed", f"The GeoLoupe engine keeps stopping; its log is {self.log_path}.")

    def call(
        self,
        op: str,
        params: Dict[str, Any],
        blobs: Sequence[bytes] = (),
        on_progress: Optional[OnProgress] = None,
        on_pixels: Optional[OnPixels] = None,
    ) -> Reply:
        """``submit(...).wait()``: not for QGIS's main thread."""
        return self.submit(op, params, blobs, on_progress, on_pixels).wait()

    def stop(self, timeout: float = 2.0) -> None:
        """End the engine; open calls fail with ``cancelled``. The next call starts it again."""
        with self._lock:
            connection, self._connection, self._hello = self._connection, None, None
            self._stop_idle_timer()
        if connection is not None and connection.alive:
            connection.close(GeoLoupeError("cancelled", "The GeoLoupe engine was stopped; what was done is kept."), timeout)

    def _connect(self) -> Connection:
        self._stop_idle_timer()
        if self._connection is not None and self._connection.alive:
            return self._connection
        command = [str(self.python), "-I", "-X", "utf8", str(self._worker)]
        environment = child_environment(extra={**self._extra, "GEOLOUPE_HOME": str(self.home)})
        connection = Connection(command, environment, CappedLog(self.log_path))
        hello = self._new_call("hello", connection, None, None)
        hello.add_done_callback(lambda call: self._greeted(connection, call))
        if not connection.submit(hello, {"protocol": VERSION}):
            connection.refuse(hello)  # it ended before it was asked anything
        self._connection, self._hello = connection, hello
        return connection

    def _new_call(
        self, op: str, connection: Connection, on_progress: Optional[OnProgress], on_pixels: Optional[OnPixels]
    ) -> Call:
        def send_cancel(call: Call) -> None:
            connection.send({"id": next(self._numbers), "op": "cancel", "params": {"target": call.id}})

        def kill(call: Call) -> None:
            connection.kill(
                GeoLoupeError("engine_crashed", "The GeoLoupe engine did not answer and was stopped; please start again."),
                call,
                GeoLoupeError("cancelled", "Stopped; what was done so far is kept.", "the engine did not answer and was killed"),
            )

        return Call(next(self._numbers), op, send_cancel, kill, on_progress, on_pixels)

    def _greeted(self, connection: Connection, hello: Call) -> None:
        try:
            value = hello.wait(0).value
            check_hello(value, self.python)
        except GeoLoupeError as error:
            connection.kill(error)
            return
        self._hello_value = value
        connection.greeted = True

    # idle

    def _watch_idle(self, _call: Call) -> None:
        if self._idle_seconds is None:
            return
        with self._lock:
            self._stop_idle_timer()
            self._idle_timer = threading.Timer(self._idle_seconds, self._stop_if_idle)
            self._idle_timer.daemon = True
            self._idle_timer.start()

    def _stop_if_idle(self) -> None:
        with self._lock:
            if self._connection is not None and self._connection.open_calls == 0:
                self.stop()

    def _stop_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


def check_hello(value: Mapping[str, Any], python: Path) -> None:
    """Raise GeoLoupeError("no_engine") unless the engine speaks this protocol and has every package it needs."""
    if value.get("protocol") != VERSION:
        raise GeoLoupeError(
            "no_engine", "The engine is of another version than the plugin; restart QGIS, or set the engine up again."
        )
    missing = [name for name, version in dict(value.get("packages") or {}).items() if not version]
    if missing:
        raise GeoLoupeError(
            "no_engine",
            f"The engine's Python ({python}) lacks {', '.join(missing)}; set the engine up again, "
            "or install them where this Python comes from.",
        )

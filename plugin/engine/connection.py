"""One life of the engine process: the pipes, the threads that serve them, and the calls that are open on them."""

from __future__ import annotations

import subprocess  # nosec B404: only its constants and types; the process is started by child_process
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import GeoLoupeError
from .call import Call, Reply
from .child_process import CappedLog, drain, kill_tree, quiet_popen
from .protocol import Message, ProtocolError, read_message, write_message

_Outgoing = Optional[Tuple[Dict[str, Any], Sequence[bytes]]]


class Connection:
    """Starts the process and speaks to it until it ends; then every open call fails with one error.

    Writing is done by one thread from a queue, so that no caller (least of all QGIS's main thread) ever waits for a pipe.
    Raises GeoLoupeError("no_engine") when the process cannot be started at all.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: CappedLog) -> None:
        self.log = log
        self.greeted = False  # set by the client when the first hello was good
        self._lock = threading.Lock()
        self._calls: Dict[int, Call] = {}
        self._outbox: SimpleQueue[_Outgoing] = SimpleQueue()
        self._ended = threading.Event()
        self._reason: Optional[GeoLoupeError] = None
        try:
            self.process = quiet_popen(command, environment, subprocess.PIPE, subprocess.PIPE)
        except OSError as error:
            raise GeoLoupeError(
                "no_engine",
                f"The engine's Python could not be started ({Path(command[0])}); set the engine up again.",
                str(error),
            ) from error
        for name, target in (("reader", self._read), ("writer", self._write), ("log", self._drain)):
            threading.Thread(target=target, name=f"geoloupe-engine-{name}", daemon=True).start()

    @property
    def alive(self) -> bool:
        """False as soon as it is known that the process must end, before it is gone."""
        return self._reason is None and not self._ended.is_set()

    @property
    def open_calls(self) -> int:
        with self._lock:
            return len(self._calls)

    def submit(self, call: Call, params: Dict[str, Any], blobs: Sequence[bytes] = ()) -> bool:
        """Register the call and queue its request; False when this process has ended and another must be started."""
        with self._lock:
            if not self.alive:
                return False
            self._calls[call.id] = call
            self._outbox.put(({"id": call.id, "op": call.op, "params": params}, blobs))
        return True

    def refuse(self, call: Call) -> None:
        """Fail a call that :meth:`submit` did not take, with the reason for which this process ended."""
        sentence = "The GeoLoupe engine stopped unexpectedly; what was done is kept, please start again."
        self._finish(call, None, self._reason or GeoLoupeError("engine_crashed", sentence))

    def send(self, header: Dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
        """Queue a message that nobody waits for."""
        self._outbox.put((header, blobs))

    def kill(self, reason: GeoLoupeError, spare: Optional[Call] = None, spared: Optional[GeoLoupeError] = None) -> None:
        """End the process at once; open calls fail with ``reason``, the call ``spare`` with ``spared``."""
        self._give_reason(reason)
        if spare is not None:
            self._finish(spare, None, spared)
        kill_tree(self.process)

    def close(self, reason: GeoLoupeError, timeout: float) -> None:
        """End the process politely (its stdin closes), after ``timeout`` seconds by force. Returns when it is gone."""
        self._give_reason(reason)
        self._outbox.put(({"id": 0, "op": "shutdown", "params": {}}, ()))
        self._outbox.put(None)
        if not self._ended.wait(timeout):
            kill_tree(self.process)
            self._ended.wait(timeout)

    def _give_reason(self, reason: GeoLoupeError) -> None:
        with self._lock:
            if self._reason is None:
                self._reason = reason

    # threads

    def _write(self) -> None:
        stdin = self.process.stdin
        if stdin is None:
            return
        try:
            while True:
                item = self._outbox.get()
                if item is None:
                    break
                header, blobs = item
                try:
                    write_message(stdin, header, blobs)
                except ProtocolError as error:  # nothing was written; only this call fails
                    with self._lock:
                        call = self._calls.pop(int(header.get("id") or 0), None)
                    if call is not None:
                        self._finish(call, None, GeoLoupeError("usage", str(error)))
        except (OSError, ValueError):
            pass  # the process is gone; the reader tells everyone
        finally:
            try:
                stdin.close()
            except (OSError, ValueError):
                self.log.write(b"client: the engine closed its input first\n")

    def _drain(self) -> None:
        if self.process.stderr is not None:
            drain(self.process.stderr, self.log)
            self.process.stderr.close()
            self.log.close()  # the last words may come after the reader closed it

    def _read(self) -> None:
        problem: Optional[str] = None
        stdout = self.process.stdout
        try:
            while stdout is not None:
                message = read_message(stdout)
                if message is None:
                    break
                self._dispatch(message)
        except (ProtocolError, OSError, ValueError, KeyError, TypeError) as error:
            problem = str(error)
        self._end(problem)

    def _end(self, problem: Optional[str]) -> None:
        if problem is not None:
            kill_tree(self.process)
        try:
            code = self.process.wait(2)
        except subprocess.TimeoutExpired:
            kill_tree(self.process)
            code = self.process.wait()
        self._outbox.put(None)
        with self._lock:
            if self._reason is None:
                self._reason = self._crash(code, problem)
            reason = self._reason
            calls, self._calls = list(self._calls.values()), {}
        self._ended.set()
        for call in calls:
            self._finish(call, None, _cancelled(reason) if call.cancelling else reason)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.log.close()

    def _crash(self, code: int, problem: Optional[str]) -> GeoLoupeError:
        detail = f"exit code {code}" + (f"; {problem}" if problem else "") + f"\n{self.log.tail()}"
        if problem is not None:
            return GeoLoupeError(
                "engine_crashed", "The GeoLoupe engine sent something unreadable and was stopped; please start again.", detail
            )
        if not self.greeted:
            return GeoLoupeError("engine_crashed", f"The GeoLoupe engine could not start; its log is {self.log.path}.", detail)
        return GeoLoupeError(
            "engine_crashed", "The GeoLoupe engine stopped unexpectedly; what was done is kept, please start again.", detail
        )

    def _dispatch(self, message: Message) -> None:
        header = message.header
        kind, value = header.get("type"), header.get("value") or {}
        number = int(header.get("id") or 0)
        final = kind in ("result", "error")
        with self._lock:
            call = self._calls.pop(number, None) if final else self._calls.get(number)
        if call is None:
            self._log_stale(header)
        elif kind == "result":
            self._finish(call, Reply(value, message.blobs), None)
        elif kind == "error":
            self._finish(call, None, GeoLoupeError.from_json(value))
        elif kind == "progress" and call.on_progress is not None:
            self._guard(call.on_progress, value)
        elif kind == "pixels?":
            # Drawing can wait for a slow server: in a thread of its own it holds up neither progress nor searches.
            threading.Thread(target=self._answer_pixels, args=(call, value), name="geoloupe-pixels", daemon=True).start()

    def _log_stale(self, header: Dict[str, Any]) -> None:
        if header.get("type") == "error":
            self.log.write(f"client: {header.get('value')}\n".encode("utf-8", "replace"))

    def _answer_pixels(self, call: Call, request: Dict[str, Any]) -> None:
        error: Optional[Dict[str, Any]] = None
        pixels: Optional[bytes] = None
        try:
            if call.on_pixels is None:
                raise GeoLoupeError("raster_unreadable", "This layer can only be drawn by QGIS, and nothing here draws it.")
            pixels = call.on_pixels(request)
        except GeoLoupeError as problem:
            error = problem.to_json()
        except Exception as problem:  # whatever a renderer raises, the engine must get an answer
            sentence = "QGIS could not draw this layer; check that it shows on the map and try again."
            error = GeoLoupeError("raster_unreadable", sentence, traceback.format_exc()).to_json()
            self.log.write(f"client: drawing failed: {problem!r}\n".encode("utf-8", "replace"))
        answer = {"token": request.get("token"), "ok": error is None, "error": error}
        self.send({"id": 0, "op": "pixels", "params": answer}, [pixels] if pixels else [])

    def _finish(self, call: Call, reply: Optional[Reply], error: Optional[GeoLoupeError]) -> None:
        callbacks: List[Callable[[Call], None]] = call.finish(reply, error)
        for callback in callbacks:
            self._guard(callback, call)

    def _guard(self, callback: Callable[[Any], None], value: Any) -> None:
        try:
            callback(value)
        except Exception:  # a caller's mistake must not end the reader thread
            self.log.write(traceback.format_exc().encode("utf-8", "replace"))


def _cancelled(reason: GeoLoupeError) -> GeoLoupeError:
    return GeoLoupeError("cancelled", "Stopped; what was done so far is kept.", reason.message)

"""How a child process is started: with a clean environment, without a console window, behind the user's other work."""

from __future__ import annotations

import os
import subprocess  # nosec B404: starting the engine and its installer is this package's purpose; never through a shell
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO, Any, Deque, Dict, List, Mapping, Optional, Sequence

# Set by QGIS's launchers for QGIS's own Python, PROJ and GDAL; in another Python they break imports or find an older proj.db.
DROPPED_PREFIXES = ("PYTHON", "PROJ_", "GDAL_")
DROPPED_NAMES = frozenset({"VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "GEOTIFF_CSV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"})

LOG_LIMIT = 1024 * 1024


def child_environment(base: Optional[Mapping[str, str]] = None, extra: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """This process's environment (or ``base``) without what belongs to QGIS's Python, PROJ and GDAL, plus ``extra``.

    Proxy, certificate and pip settings stay: the installer needs them.
    """
    source = os.environ if base is None else base
    clean = {
        name: value
        for name, value in source.items()
        if name.upper() not in DROPPED_NAMES and not name.upper().startswith(DROPPED_PREFIXES)
    }
    clean["OMP_WAIT_POLICY"] = "PASSIVE"  # idle OpenMP threads that spin starve QGIS and each other
    clean.update(extra or {})
    return clean


def quiet_popen(
    command: Sequence[str], environment: Mapping[str, str], stdin: int, stderr: int, cwd: Optional[Path] = None
) -> subprocess.Popen[bytes]:
    """Start ``command`` with pipes, in its own process group, no console window, at below-normal priority on Windows.

    On other systems the engine lowers its own priority. Raises OSError when it cannot be started.
    """
    options: Dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    else:
        options["start_new_session"] = True  # a Ctrl+C meant for QGIS's terminal is not for the child
    return subprocess.Popen(  # nosec B603: a list, no shell; the program is the engine's own Python
        list(command), stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, env=dict(environment), cwd=cwd, **options
    )


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and, where it leads a group of its own, its children. Does nothing when it has ended."""
    if process.poll() is not None:
        return
    try:
        if sys.platform != "win32":
            import signal

            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (OSError, ProcessLookupError):
        process.kill()


def run_quietly(command: Sequence[str], timeout: float, environment: Optional[Mapping[str, str]] = None) -> Output:
    """Run ``command`` to its end and keep what it printed. Raises OSError, or subprocess.TimeoutExpired after killing it."""
    process = quiet_popen(command, environment or child_environment(), subprocess.DEVNULL, subprocess.STDOUT)
    try:
        printed, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill_tree(process)
        process.communicate()
        raise
    return Output(process.returncode, printed.decode("utf-8", "replace"))


class Output:
    """What a finished child process left: its exit ``code`` and its ``text``."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text


class CappedLog:
    """A log file that never grows past ``limit`` bytes: when full it becomes ``NAME.1`` and a new one starts."""

    def __init__(self, path: Path, limit: int = LOG_LIMIT) -> None:
        self.path = Path(path)
        self._limit = limit
        self._lock = threading.Lock()
        self._file: Optional[IO[bytes]] = None
        self._tail: Deque[bytes] = deque(maxlen=40)

    def write(self, data: bytes) -> None:
        """Append; a log that cannot be written (a full disk) is given up silently, the engine matters more."""
        with self._lock:
            self._tail.extend(data.splitlines())
            try:
                if self._file is None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    self._file = open(self.path, "ab")  # noqa: SIM115 (kept open between writes)
                self._file.write(data)
                self._file.flush()
                if self._file.tell() > self._limit:
                    self._file.close()
                    self._file = None
                    os.replace(self.path, self.path.with_name(self.path.name + ".1"))
            except (OSError, ValueError):
                self._file = None

    def tail(self) -> str:
        """The last lines written, for an error's detail."""
        with self._lock:
            return b"\n".join(self._tail).decode("utf-8", "replace")

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def drain(stream: IO[bytes], log: CappedLog) -> None:
    """Copy a child's stderr into its log until it ends. Runs in a thread of its own."""
    read = getattr(stream, "read1", stream.read)
    while True:
        try:
            data = read(65536)
        except (OSError, ValueError):
            return
        if not data:
            return
        log.write(data)


def lines_of(text: str, count: int) -> List[str]:
    """The last ``count`` lines of ``text`` that are not blank."""
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

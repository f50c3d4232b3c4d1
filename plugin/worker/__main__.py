"""Starts the engine: ``python -I -X utf8 plugin/worker/__main__.py``, frames on stdin and stdout."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import IO


def take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The real stdin and stdout as binary streams, for frames alone.

    File descriptor 1 then points at stderr and 0 at nothing, so no library's print, C or Python, can break the stream and no
    child process can read from it. Done before anything else is imported.
    """
    frames_in, frames_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(frames_in, os.O_BINARY)
        msvcrt.setmode(frames_out, os.O_BINARY)
    sys.stdout = sys.stderr
    return os.fdopen(frames_in, "rb"), os.fdopen(frames_out, "wb")


def register() -> None:
    """Make the checkout that holds this file importable as ``geoloupe``; -I keeps it off ``sys.path``."""
    path = Path(__file__).resolve().parent.parent / "bootstrap.py"
    spec = importlib.util.spec_from_file_location("geoloupe_bootstrap", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is missing: install the plugin again.")
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    bootstrap.register()


def main() -> int:
    """Serve until stdin ends; returns the exit code."""
    frames_in, frames_out = take_pipes()
    if hasattr(os, "nice"):
        os.nice(5)
    register()
    from geoloupe.plugin.worker.channel import Channel
    from geoloupe.plugin.worker.operations import OPERATIONS
    from geoloupe.plugin.worker.server import Server

    return Server(Channel(frames_in, frames_out), OPERATIONS).serve()


if __name__ == "__main__":
    # Not sys.exit: threads that still compute would hold the process, and nobody is there to read their answer.
    code = main()
    sys.stderr.flush()
    os._exit(code)

"""Sets the engine up: a private environment from a locked set, complete or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess  # nosec B404: for TimeoutExpired; children are started by child_process
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

from ..errors import GeoLoupeError
from . import standalone
from .child_process import child_environment, run_quietly
from .client import EngineClient
from .home import engines_folder, home, logs_folder, python_of, read_pointer, write_pointer
from .pip_runner import PipProgress, classify, installer_environment, run_cancellable, with_system_certificates
from .plan import REQUIREMENTS, SetupPlan, check_disk, package_sizes, plan_setup
from .process_lock import ProcessLock

# Everything the engine imports, and one look into PROJ's database, which a stray PROJ_DATA would break.
_IMPORTS = """
import numpy, onnxruntime, faiss, rasterio, shapely, pyproj, pyogrio
pyproj.CRS.from_epsg(3857)
print("all there")
"""


@dataclass(frozen=True)
class SetupProgress:
    """``fraction`` 0..1 of the whole set-up; ``message`` says what is being done."""

    fraction: float
    message: str


OnProgress = Callable[[SetupProgress], None]


def setup(
    set: str = "onnx",
    progress: Optional[OnProgress] = None,
    cancelled: Optional[Callable[[], bool]] = None,
    *,
    python: Optional[Path] = None,
    allow_download: bool = False,
    environment: Optional[Mapping[str, str]] = None,
) -> Path:
    """Set the engine up and switch to it; returns its Python. An engine that worked before stays until this one does.

    ``python`` names the interpreter to build on (else one is looked for), ``allow_download`` is the user's consent to
    download one when none fits, ``environment`` adds variables for the installer (a proxy). Raises GeoLoupeError:
    ``setup_busy``, ``no_engine``, ``disk_full``, ``no_network``, ``bad_download``, ``no_permission``, ``setup_failed``,
    ``cancelled``.
    """
    stopped = cancelled or (lambda: False)
    lock = ProcessLock(home() / "setup.lock")
    try:
        if not lock.acquire():
            raise GeoLoupeError("setup_busy", "Another QGIS is setting up the engine: wait until it has finished.")
    except OSError as error:
        raise _from_os_error(error) from error
    folder = engines_folder() / f"{set}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    try:
        _remove_leftovers()
        return _install(set, folder, progress or (lambda _progress: None), stopped, python, allow_download, environment or {})
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _from_os_error(error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        lock.release()


def remove_engine() -> None:
    """Remove the engine that was set up, its downloads and its Python; models, logs and indexes stay."""
    for name in ("engine.json", "engines", "cache", "python"):
        path = home() / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.exists():
            path.unlink()


def requirements_hash(set: str) -> str:
    """Names a locked set's exact content; an engine made from another one can be renewed."""
    return hashlib.sha256((REQUIREMENTS / f"{set}.txt").read_bytes()).hexdigest()


def install_command(python: Path, set: str, cache: Path) -> list[str]:
    """How a locked set is installed; the interface shows it to who must install by hand."""
    command = [str(python), "-I", "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:", "--retries", "3"]
    command += ["--progress-bar", "off", "--no-warn-script-location", "--cache-dir", str(cache)]
    return [*command, "-r", str(REQUIREMENTS / f"{set}.txt")]


def _install(
    set: str,
    folder: Path,
    progress: OnProgress,
    cancelled: Callable[[], bool],
    python: Optional[Path],
    allow_download: bool,
    extra: Mapping[str, str],
) -> Path:
    def span(start: float, end: float) -> Callable[[float, str], None]:
        return lambda fraction, message: progress(SetupProgress(start + (end - start) * min(1.0, fraction), message))

    progress(SetupProgress(0.0, "Looking for a Python"))
    plan = plan_setup(set, python)
    check_disk(plan)
    if plan.needs_python and not allow_download:
        raise GeoLoupeError(
            "no_engine", "No fitting Python (3.11 to 3.13) was found: agree to download one, or choose one in the options."
        )
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    environment = installer_environment(child_environment(extra=extra), temporary)
    log = logs_folder() / "setup.log"
    _start_log(log)
    base = plan.python or standalone.bring_python(home() / "python", plan.platform, environment, span(0.01, 0.2), cancelled)
    span(0.2, 0.25)(0.0, "Making a private environment")
    # Copies would break macOS's framework builds; the standard library's own default (links where they work) is right.
    output = run_cancellable([str(base), "-I", "-m", "venv", str(folder)], environment, lambda _line: None, cancelled, log)
    if output.code != 0:
        raise classify(output.text, "The private environment could not be made")
    own = python_of(folder)
    cache = home() / "cache" / "pip"
    pip = PipProgress(package_sizes(set, plan.platform)["packages"], span(0.25, 0.9))
    output = run_cancellable(install_command(own, set, cache), environment, pip.line, cancelled, log)
    again = with_system_certificates(output.text, environment) if output.code != 0 else None
    if again is not None:
        output = run_cancellable(install_command(own, set, cache), again, pip.line, cancelled, log)
    if output.code != 0:
        raise classify(output.text, "The packages could not be installed")
    span(0.9, 1.0)(0.0, "Starting the engine to see that it works")
    shutil.rmtree(temporary, ignore_errors=True)
    hello = verify(own)
    if cancelled():
        raise GeoLoupeError("cancelled", "The set-up was stopped; nothing was changed.")
    _switch(set, folder, plan, hello)
    shutil.rmtree(cache, ignore_errors=True)
    progress(SetupProgress(1.0, "The engine is ready"))
    return own


def verify(python: Path) -> Dict[str, Any]:
    """Import everything and start the engine once; returns its hello. Raises GeoLoupeError("setup_failed")."""
    try:
        output = run_quietly([str(python), "-I", "-c", _IMPORTS], 180, child_environment())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GeoLoupeError("setup_failed", "The new engine did not start; start the set-up again.", str(error)) from error
    if output.code != 0 or "all there" not in output.text:
        raise classify(output.text, "The new engine cannot load its packages")
    client = EngineClient(python, log_path=logs_folder() / "setup-engine.log", home=home())
    try:
        return client.start()
    finally:
        client.stop()


def _switch(set: str, folder: Path, plan: SetupPlan, hello: Mapping[str, Any]) -> None:
    old = read_pointer()
    made = {"platform": plan.platform, "python": hello.get("python"), "made": time.strftime("%Y-%m-%dT%H:%M:%S")}
    write_pointer({"set": set, "folder": folder.name, "requirements": requirements_hash(set), **made})
    if old is not None and old["folder"] != folder.name:
        # Windows keeps files that still run; then the next set-up removes them.
        shutil.rmtree(engines_folder() / old["folder"], ignore_errors=True)


def _remove_leftovers() -> None:
    """Folders of set-ups that were killed: nothing points at them, and whoever holds the lock is the only one here."""
    current = read_pointer()
    folder = engines_folder()
    for leftover in folder.iterdir() if folder.is_dir() else ():
        if current is None or leftover.name != current["folder"]:
            shutil.rmtree(leftover, ignore_errors=True)


def _start_log(log: Path) -> None:
    try:
        log.unlink()
    except FileNotFoundError:
        return


def _from_os_error(error: OSError) -> GeoLoupeError:
    return classify(f"{type(error).__name__}: {error}", "The engine could not be set up")

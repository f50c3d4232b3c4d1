"""Which Pythons of this computer could carry the engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess  # nosec B404: for TimeoutExpired; children are started by child_process
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ..errors import GeoLoupeError
from .child_process import child_environment, lines_of, run_quietly
from .platforms import platform_named

OLDEST, NEWEST = (3, 11), (3, 13)

# Runs in the interpreter that is being looked at; any Python 3 must get through it.
_PROBE = """
import json, platform, struct, sys, sysconfig
facts = {"version": list(sys.version_info[:3]), "implementation": platform.python_implementation(),
         "bits": struct.calcsize("P") * 8, "system": sys.platform, "machine": platform.machine(),
         "libc": list(platform.libc_ver()), "macos": platform.mac_ver()[0], "executable": sys.executable,
         "base": sys.base_prefix, "threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED"))}
try:
    import ssl, venv, ensurepip
    facts["pip"] = ensurepip.version()
except Exception as error:
    facts["venv_problem"] = "%s: %s" % (type(error).__name__, error)
print("GEOLOUPE" + json.dumps(facts))
"""


class Interpreter(NamedTuple):
    """A Python that can carry the engine."""

    path: Path
    version: Tuple[int, ...]
    platform: str


def is_bundled(path: Path) -> bool:
    """True for Pythons that belong to an application (QGIS, OSGeo4W, any .app) and for the Windows Store's stub.

    Environments made from them break with the application's next version, or never work.
    """
    text = str(path).replace("\\", "/").lower()
    return bool(re.search(r"\.app/contents/|/osgeo4w|/qgis[^/]*/(apps|bin)/|/windowsapps/", text))


def probe(path: Path) -> Interpreter:
    """Look at one interpreter. Raises GeoLoupeError("no_engine") with the reason why it cannot carry the engine."""
    facts = _facts(path)
    version = tuple(int(part) for part in facts["version"])
    named = ".".join(str(part) for part in version)
    if facts["implementation"] != "CPython" or facts["bits"] != 64 or facts["threaded"]:
        raise _unfit(path, f"it is not a plain 64-bit CPython ({facts['implementation']}, {facts['bits']} bits)")
    if not OLDEST <= version[:2] <= NEWEST:
        raise _unfit(path, f"it is Python {named}, and the engine needs 3.11, 3.12 or 3.13")
    if "venv_problem" in facts:
        package = f"; install the package python{version[0]}.{version[1]}-venv" if sys.platform.startswith("linux") else ""
        raise _unfit(path, f"it cannot make virtual environments{package}", str(facts["venv_problem"]))
    real = Path(str(facts["base"]))
    if is_bundled(path.resolve()) or is_bundled(real):
        raise _unfit(path, "it belongs to an application and changes with it")
    name = platform_named(str(facts["system"]), str(facts["machine"]), tuple(facts["libc"]), str(facts["macos"]))
    # A launcher's shim may point elsewhere tomorrow; what it starts is what was looked at.
    itself = Path(str(facts["executable"]))
    return Interpreter(itself if itself.is_file() and not is_bundled(itself) else path, version, name)


def find_python(candidates: Optional[Iterable[Path]] = None, notes: Optional[List[str]] = None) -> Optional[Interpreter]:
    """The first fitting Python of this computer, or None. ``notes`` collects why the others do not fit."""
    seen = set()
    for path in candidates if candidates is not None else candidate_pythons():
        try:
            key = os.path.normcase(str(path.resolve()))
        except OSError:
            continue
        if key in seen or not path.is_file() or is_bundled(path):
            continue
        seen.add(key)
        try:
            return probe(path)
        except GeoLoupeError as error:
            if notes is not None:
                notes.append(error.message)
    return None


def candidate_pythons() -> Iterator[Path]:
    """Places to look at, the likeliest first; they may not exist or not fit."""
    versions = [f"3.{minor}" for minor in (12, 13, 11)]  # the middle one has had the most time with the wheels
    if sys.platform == "win32":
        yield from _windows_pythons(versions)
    else:
        own = Path(sys.base_prefix) / "bin"
        yield from (own / f"python{version}" for version in versions)
        if sys.platform == "darwin":
            framework = Path("/Library/Frameworks/Python.framework/Versions")
            yield from (framework / version / "bin" / f"python{version}" for version in versions)
            yield from (Path("/opt/homebrew/bin") / f"python{version}" for version in versions)
            yield from (Path("/usr/local/bin") / f"python{version}" for version in versions)
    for name in [f"python{version}" for version in versions] + ["python3", "python"]:
        found = shutil.which(name)
        if found:
            yield Path(found)


def _windows_pythons(versions: List[str]) -> Iterator[Path]:
    if sys.platform != "win32":
        return
    import winreg

    for version in versions:
        for root in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
            try:
                with winreg.OpenKey(root, rf"Software\Python\PythonCore\{version}\InstallPath") as key:
                    yield Path(winreg.QueryValue(key, "")) / "python.exe"
            except OSError:
                continue
    local = os.environ.get("LOCALAPPDATA")
    folders = [Path(local) / "Programs" / "Python"] if local else []
    folders += [Path(os.environ.get("PROGRAMFILES", r"C:\Program Files"))]
    for folder in folders:
        yield from (folder / f"Python{version.replace('.', '')}" / "python.exe" for version in versions)


def _facts(path: Path) -> Dict[str, Any]:
    try:
        output = run_quietly([str(path), "-I", "-c", _PROBE], 30, child_environment())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unfit(path, "it could not be started", str(error)) from error
    found = re.search(r"^GEOLOUPE(\{.*\})\s*$", output.text, re.MULTILINE)
    if found is None:
        raise _unfit(path, "it is not a working Python 3", "\n".join(lines_of(output.text, 10)))
    facts: Dict[str, Any] = json.loads(found.group(1))
    return facts


def _unfit(path: Path, reason: str, detail: Optional[str] = None) -> GeoLoupeError:
    return GeoLoupeError("no_engine", f"{path} cannot carry the engine: {reason}.", detail)

"""Which platforms have a locked set, and which one this is."""

from __future__ import annotations

import platform
import re
import sys
from typing import Optional, Tuple

from ..errors import GeoLoupeError

# The engine's packages exist as wheels for these, and the tests resolve the locked sets for them.
PLATFORMS = ("windows-x64", "linux-x64", "linux-arm64", "macos-arm64")
OLDEST_GLIBC = (2, 28)
OLDEST_MACOS = (14, 0)

_MACHINES = {"amd64": "x64", "x86_64": "x64", "arm64": "arm64", "aarch64": "arm64"}
_SYSTEMS = {"win32": "windows", "linux": "linux", "darwin": "macos"}


def this_platform() -> str:
    """One of PLATFORMS. Raises GeoLoupeError("no_engine") with a sentence that says what to do instead."""
    machine = platform.machine()
    if sys.platform == "darwin" and "ARM64" in platform.version().upper():
        machine = "arm64"  # an Intel QGIS under Rosetta: the engine itself can be native
    return platform_named(sys.platform, machine, platform.libc_ver(), platform.mac_ver()[0])


def platform_named(system: str, machine: str, libc: Tuple[str, str] = ("glibc", ""), macos: str = "") -> str:
    """The platform for ``sys.platform``, ``platform.machine()``, ``platform.libc_ver()`` and the macOS version."""
    name = f"{_SYSTEMS.get(system, system)}-{_MACHINES.get(machine.lower(), machine.lower())}"
    problem: Optional[str] = None
    if name not in PLATFORMS:
        problem = f"There is no ready engine for {name}"
    elif system == "linux" and libc[0] != "glibc":
        problem = "There is no ready engine for a Linux without glibc"
    elif system == "linux" and libc[1] and _numbers(libc[1]) < OLDEST_GLIBC:
        problem = f"The engine needs glibc 2.28 or newer (this system has {libc[1]})"
    elif system == "darwin" and macos and _numbers(macos) < OLDEST_MACOS:
        problem = f"The engine needs macOS 14 or newer (this is {macos})"
    if problem is None:
        return name
    raise GeoLoupeError(
        "no_engine", f"{problem}; choose a Python that has the engine's packages in the options, or set GEOLOUPE_PYTHON to it."
    )


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])

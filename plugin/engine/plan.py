"""What a set-up of the engine will take, before anything is done."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from ..errors import GeoLoupeError
from . import standalone
from .home import engines_folder, home
from .interpreters import Interpreter, find_python, probe
from .platforms import this_platform

REQUIREMENTS = Path(__file__).resolve().parents[2] / "resources" / "requirements"
SETS = ("onnx", "onnx-gpu")
SLACK_BYTES = 100_000_000
DOWNLOAD_RATE, UNPACK_RATE = 4e6, 25e6  # bytes a second: a slow line, a slow disk


@dataclass(frozen=True)
class SetupPlan:
    """Shown to the user before they agree. ``python`` is the interpreter to use; None means that one is downloaded too."""

    set: str
    size_bytes: int
    download_bytes: int
    place: Path
    minutes: float
    steps: List[str]
    platform: str
    python: Optional[Path]

    @property
    def needs_python(self) -> bool:
        return self.python is None


def plan_setup(set: str = "onnx", python: Optional[Path] = None) -> SetupPlan:
    """Look for a Python (or take ``python``) and say what a set-up will take; takes up to a second, changes nothing.

    Raises GeoLoupeError("no_engine") when this computer has no ready engine or ``python`` cannot carry it.
    """
    if set not in SETS:
        raise GeoLoupeError("usage", f"There is no set {set!r}; choose one of {', '.join(SETS)}.")
    interpreter: Optional[Interpreter] = probe(Path(python)) if python is not None else find_python()
    platform = interpreter.platform if interpreter is not None else this_platform()
    sizes = package_sizes(set, platform)
    download, installed = sum(sizes["packages"].values()), int(sizes["installed"])
    steps = []
    if interpreter is None:
        download += standalone.DOWNLOAD_BYTES
        installed += standalone.INSTALLED_BYTES
        steps.append(f"Download uv {standalone.UV_VERSION} and with it Python {standalone.PYTHON_VERSION}")
    else:
        named = ".".join(str(part) for part in interpreter.version)
        steps.append(f"Use Python {named} ({interpreter.path}); nothing is installed into it")
    steps += [
        "Make a private environment, apart from QGIS and from your other Pythons",
        f"Download and unpack {len(sizes['packages'])} packages, each checked against its known hash",
        "Start the engine once to see that it works",
    ]
    minutes = (download / DOWNLOAD_RATE + installed / UNPACK_RATE + 20) / 60
    place = engines_folder()
    return SetupPlan(set, installed, download, place, minutes, steps, platform, interpreter.path if interpreter else None)


def package_sizes(set: str, platform: str) -> Dict[str, Any]:
    """{"packages": {name: bytes to download}, "installed": bytes on disk} of a locked set."""
    measured: Dict[str, Any] = json.loads((REQUIREMENTS / "sizes.json").read_text(encoding="utf-8"))
    sizes: Dict[str, Any] = measured[set][platform]
    return sizes


def check_disk(plan: SetupPlan) -> None:
    """Raise GeoLoupeError("disk_full") unless the plan fits: packages, their archives and some slack."""
    place = home()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    needed = plan.size_bytes + plan.download_bytes + SLACK_BYTES
    if free < needed:
        raise GeoLoupeError(
            "disk_full",
            f"The engine needs {megabytes(needed)} while it is set up, and only {megabytes(free)} are free in {home()}: "
            "free some space, or set GEOLOUPE_HOME to a folder on another disk.",
        )


def megabytes(size: float) -> str:
    """For sentences: "420 MB", "1.9 GB"."""
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"

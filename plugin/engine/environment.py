"""The engine's environment as the plugin sees it: which engine there is, what setting one up takes, and doing it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Optional

from ..errors import GeoLoupeError
from .child_process import child_environment
from .home import engines_folder, home, python_of, read_pointer
from .installation import SetupProgress, install_command, remove_engine, requirements_hash, setup, verify
from .interpreters import Interpreter, find_python, probe
from .plan import SETS, SetupPlan, plan_setup

__all__ = [
    "SETS",
    "EngineLocation",
    "Interpreter",
    "SetupPlan",
    "SetupProgress",
    "child_environment",
    "find_engine",
    "find_python",
    "home",
    "install_command",
    "plan_setup",
    "probe",
    "remove_engine",
    "setup",
    "verify",
]


class EngineLocation(NamedTuple):
    """An engine's Python. ``kind`` is "chosen" (the user's own, nothing is installed into it) or "private".

    ``outdated``: it was made from another locked set than this plugin's; it works, and can be renewed.
    """

    python: Path
    kind: str
    set: Optional[str] = None
    outdated: bool = False


def find_engine(chosen: Optional[str] = None) -> Optional[EngineLocation]:
    """GEOLOUPE_PYTHON, else ``chosen`` (the options), else the private environment; None when none is set up. Quick.

    Raises GeoLoupeError("no_engine") when a Python was named that does not exist.
    """
    named = os.environ.get("GEOLOUPE_PYTHON") or chosen
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise GeoLoupeError(
                "no_engine", f"The Python chosen for GeoLoupe does not exist ({path}); choose another or clear the choice."
            )
        return EngineLocation(path, "chosen")
    facts = read_pointer()
    if facts is None:
        return None
    python = python_of(engines_folder() / facts["folder"])
    if not python.is_file():
        return None
    set_name = str(facts.get("set", "onnx"))
    outdated = set_name in SETS and facts.get("requirements") != requirements_hash(set_name)
    return EngineLocation(python, "private", set_name, outdated)

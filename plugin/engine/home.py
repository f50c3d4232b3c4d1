"""Where GeoLoupe keeps what is not the plugin and not the user's: engines, models, logs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, Optional


def home() -> Path:
    """GEOLOUPE_HOME, or the platform's place for a program's own data. It may not exist yet."""
    chosen = os.environ.get("GEOLOUPE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "geoloupe"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "geoloupe"
    return Path.home() / ".local" / "share" / "geoloupe"


def engines_folder() -> Path:
    """One folder for each engine that was set up; only the one that the pointer names is in use."""
    return home() / "engines"


def pointer_path() -> Path:
    """The file that names the engine in use. Replacing it is what completes a set-up."""
    return home() / "engine.json"


def logs_folder() -> Path:
    return home() / "logs"


def read_pointer() -> Optional[Dict[str, Any]]:
    """What the last complete set-up wrote; None when there is none or it cannot be read."""
    try:
        facts = json.loads(pointer_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("folder"), str) else None


def write_pointer(facts: Dict[str, Any]) -> None:
    """Switch to another engine, all or nothing. Raises OSError."""
    path = pointer_path()
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / "Scripts" / "python.exe" if sys.platform == "win32" else environment / "bin" / "python"

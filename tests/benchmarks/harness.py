"""What the benchmarks share: the package, the raster, honest timing, and where results go."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench"


def _load(name: str, path: Path) -> Any:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(str(path))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_load("geoloupe_bootstrap", ROOT / "plugin" / "bootstrap.py").register(ROOT)
scene = _load("geoloupe_scene", ROOT / "tests" / "scene.py")


@dataclass(frozen=True)
class Spent:
    """Seconds of wall clock and of processor time (all threads of this process)."""

    wall: float
    cpu: float


def timed(action: Callable[[], Any]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def imagery() -> Path | None:
    """The imagery folder of GEOLOUPE_DATA, where there is one."""
    value = os.environ.get("GEOLOUPE_DATA")
    folder = Path(value) / "imagery" if value else None
    return folder if folder and folder.is_dir() else None


def percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": 1000 * statistics.median(ordered),
        "p95_ms": 1000 * ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "max_ms": 1000 * ordered[-1],
        "count": len(ordered),
    }


def save(name: str, facts: dict[str, Any]) -> None:
    """Print the figures and keep them as build/bench/NAME.json, with the machine they hold for."""
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    if hasattr(os, "getloadavg"):
        machine["load"] = os.getloadavg()[0]
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**facts, "machine": machine}, indent=1)
    (RESULTS / f"{name}.json").write_text(text)
    print(text)

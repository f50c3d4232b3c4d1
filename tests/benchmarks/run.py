"""Runs the benchmarks one after the other, each in its own process; names choose some of them.

python run.py [pipeline_ratio search_latency presence region_quality release_to_rows ...]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENVS = HERE.parents[1] / ".venv"
APART = {"run", "harness"}
IN_QGIS = {"release_to_rows"}  # run by QGIS's own Python, with this one as the engine


def run(name: str) -> int:
    """One benchmark's exit code."""
    environment = dict(os.environ)
    python = sys.executable
    if name in IN_QGIS:
        python = str(VENVS / "qgis" / "bin" / "python")
        environment.setdefault("GEOLOUPE_PYTHON", sys.executable)
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    return subprocess.run([python, str(HERE / f"{name}.py")], check=False, env=environment).returncode


def main(names: list[str]) -> int:
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in APART)
    if unknown := [name for name in names if name not in known]:
        print(f"There is no benchmark {unknown[0]}: choose from {', '.join(known)}.", file=sys.stderr)
        return 2
    failed = []
    for name in names or known:
        print(f"== {name}", flush=True)
        if run(name):
            failed.append(name)
    for name in failed:
        print(f"{name} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

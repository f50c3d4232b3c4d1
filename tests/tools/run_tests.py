"""Runs the test tiers one after the other, each in its own environment, and prints what each took.

    python3 run_tests.py [TIER...] [-- pytest's options]     tiers: unit engine qgis gui

Every tier runs, also after one has failed; the exit code is 1 if any did.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
HEADLESS, QGIS = (ROOT / ".venv" / name / "bin" / "python" for name in ("headless", "qgis"))
TIERS = {"unit": HEADLESS, "engine": HEADLESS, "qgis": QGIS, "gui": QGIS}


def run_tier(tier, runtime, options):
    """pytest's exit code for one tier. ``runtime`` is a private folder for Qt."""
    python = TIERS[tier]
    environment = {
        **os.environ,
        "OMP_WAIT_POLICY": "PASSIVE",
        "GEOLOUPE_PYTHON": os.environ.get("GEOLOUPE_PYTHON", str(HEADLESS)),
    }
    command = [str(python), "-m", "pytest", str(TESTS / tier), "-q", "--durations=5", "--durations-min=2", *options]
    if python == QGIS:
        command.append("--timeout-method=thread")  # a signal does not reach Python while Qt's event loop or C++ hangs
        environment.update(QT_QPA_PLATFORM=os.environ.get("QT_QPA_PLATFORM", "offscreen"), XDG_RUNTIME_DIR=runtime)
        shutil.rmtree(TESTS / ".qgis-settings", ignore_errors=True)  # pytest-qgis's profile: each tier starts with a new one
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def main(arguments):
    tiers, options = arguments, []
    if "--" in arguments:
        at = arguments.index("--")
        tiers, options = arguments[:at], arguments[at + 1 :]
    tiers = tiers or list(TIERS)
    if unknown := [tier for tier in tiers if tier not in TIERS]:
        print(f"There is no tier {unknown[0]}: choose from {', '.join(TIERS)}.", file=sys.stderr)
        return 2
    results = []
    with tempfile.TemporaryDirectory(prefix="geoloupe-run-") as runtime:
        for tier in tiers:
            print(f"== {tier} ==", flush=True)
            start = time.monotonic()
            code = run_tier(tier, runtime, options)
            results.append((tier, code, time.monotonic() - start))
    for tier, code, seconds in results:
        print(f"{tier:8} {'passed' if code == 0 else f'FAILED ({code})':12} {seconds:7.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

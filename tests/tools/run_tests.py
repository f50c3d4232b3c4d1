"""Runs the test tiers, each in its own environment, and prints what each took.

    python3 run_tests.py [TIER...] [-- pytest's options]     tiers: unit engine qgis gui

Every tier runs, also after one has failed; the exit code is 1 if any did. On four cores or more the tiers without QGIS run
beside those with it, and the output of a tier appears when it ends; with fewer they would disturb the tests that measure time.
LANES=1 or LANES=2 in the environment decides otherwise.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
HEADLESS, QGIS = (ROOT / ".venv" / name / "bin" / "python" for name in ("headless", "qgis"))
TIERS = {"unit": HEADLESS, "engine": HEADLESS, "qgis": QGIS, "gui": QGIS}
CORES_FOR_TWO = 4
NONE_CHOSEN = 5  # pytest's exit code where options like -k leave no test; a tier without tests and options is a failure


def run_tier(tier, runtime, options, output=None):
    """pytest's exit code for one tier. ``runtime`` is a private folder for Qt, ``output`` a file for what is printed."""
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
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output and subprocess.STDOUT).returncode


def lanes_of(tiers):
    """The tiers as lists that run beside each other; within a list they follow each other."""
    asked = os.environ.get("LANES", "")
    two = asked == "2" if asked else (os.cpu_count() or 1) >= CORES_FOR_TWO
    lanes = [[tier for tier in tiers if TIERS[tier] == python] for python in (HEADLESS, QGIS)] if two else [list(tiers)]
    return [lane for lane in lanes if lane]


def run_lane(lane, runtime, options, held, results):
    """Run a lane's tiers. ``held`` is a lock under which output that was kept back is printed, None to print as it comes."""
    for tier in lane:
        print(f"== {tier} =={' (its output follows when it ends)' if held else ''}", flush=True)
        start = time.monotonic()
        if held is None:
            code = run_tier(tier, runtime, options)
        else:
            with tempfile.TemporaryFile() as output:
                code = run_tier(tier, runtime, options, output)
                output.seek(0)
                with held:
                    print(f"== what {tier} printed ==\n{output.read().decode('utf-8', 'replace')}", flush=True)
        code = 0 if code == NONE_CHOSEN and options else code
        results[tier] = (code, time.monotonic() - start)


def main(arguments):
    tiers, options = arguments, []
    if "--" in arguments:
        at = arguments.index("--")
        tiers, options = arguments[:at], arguments[at + 1 :]
    tiers = tiers or list(TIERS)
    if unknown := [tier for tier in tiers if tier not in TIERS]:
        print(f"There is no tier {unknown[0]}: choose from {', '.join(TIERS)}.", file=sys.stderr)
        return 2
    results, lanes = {}, lanes_of(tiers)
    with tempfile.TemporaryDirectory(prefix="geoloupe-run-") as runtime:
        held = threading.Lock() if len(lanes) > 1 else None
        threads = [threading.Thread(target=run_lane, args=(lane, runtime, options, held, results)) for lane in lanes[1:]]
        for thread in threads:
            thread.start()
        run_lane(lanes[0], runtime, options, held, results)
        for thread in threads:
            thread.join()
    for tier in tiers:
        code, seconds = results.get(tier, (1, 0.0))
        print(f"{tier:8} {'passed' if code == 0 else f'FAILED ({code})':12} {seconds:7.1f} s")
    return 1 if any(results.get(tier, (1, 0.0))[0] for tier in tiers) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

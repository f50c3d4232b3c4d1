"""Makes the environments that demo, tests and lint run in, and only when something they are made from changed.

    python3 environments.py demo       .venv/headless with the engine's locked packages: what `make demo` needs
    python3 environments.py headless   the same with the developer tools
    python3 environments.py qgis       .venv/qgis: the system's QGIS with the test tools, and Debian's packages for it
    python3 environments.py torch      PyTorch in .venv/headless, if pip finds a build without CUDA

Needs Python 3.9 and nothing else. On Debian and Ubuntu it installs the system's packages, with sudo where it is not root.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADLESS, QGIS = ROOT / ".venv" / "headless", ROOT / ".venv" / "qgis"
LOCKED = ROOT / "resources" / "requirements" / "onnx.txt"
TESTS = ROOT / "tests"
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3", "/usr/bin/python3", "/usr/bin/python3.13", "/usr/bin/python3.12")
QGIS_PACKAGES = ("python3-qgis", "python3-gdal", "python3-venv", "qgis", "xvfb", "xauth")
# What one long test needs to drive QGIS by mouse and keyboard on a virtual screen: its programs and their packages.
DESKTOP_PACKAGES = {"openbox": "openbox", "xdotool": "xdotool", "import": "imagemagick"}


class SetupError(Exception):
    """One sentence that says what is missing and what to do."""


def say(text):
    print(f"[setup] {text}", file=sys.stderr, flush=True)


def run(*command, **options):
    """Run a command; its failure ends the set-up with a sentence, after the command's own output."""
    done = subprocess.run([str(part) for part in command], **options)
    if done.returncode:
        raise SetupError(f"This command failed (its output is above): {' '.join(str(part) for part in command)}")
    return done


def output(*command):
    """What a command prints, or "" when it fails or does not exist."""
    try:
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def system_packages(*names):
    """Install Debian packages that are not there yet."""
    if not shutil.which("dpkg-query"):
        raise SetupError(
            f"This is not Debian or Ubuntu: install what these packages bring by hand, then try again: {', '.join(names)}."
        )
    missing = [name for name in names if "ok installed" not in output("dpkg-query", "-W", "-f=${Status}", name)]
    if not missing:
        return
    prefix = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise SetupError(f"Ask an administrator to run: apt-get install --no-install-recommends {' '.join(missing)}")
        prefix = ["sudo"]
    say(f"installing Debian packages: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    setting = ["env", "DEBIAN_FRONTEND=noninteractive"] if prefix else []
    quiet = {"env": environment, "stdout": subprocess.DEVNULL}
    try:
        run(*prefix, "apt-get", "update", "-q", **quiet)
        run(*prefix, *setting, "apt-get", "install", "-q", "-y", "--no-install-recommends", *missing, **quiet)
    except SetupError as error:
        wanted = " ".join(missing)
        raise SetupError(f"{error} Ask an administrator to run: apt-get install --no-install-recommends {wanted}") from None


def usable_version(python):
    """(3, x) of an interpreter the engine's packages exist for, else None."""
    text = output(python, "-c", "import sys; print(*sys.version_info[:2])")
    version = tuple(int(part) for part in text.split()) if text else (0, 0)
    return version if (3, 11) <= version <= (3, 13) else None


def find_python():
    """CPython 3.11 to 3.13 that can make a virtual environment; on Debian the part that is missing is installed."""
    asked = os.environ.get("PYTHON")
    found = [python for python in ((asked,) if asked else PYTHONS) if shutil.which(python) and usable_version(python)]
    for python in found:
        if output(python, "-c", "import ensurepip, venv; print('yes')"):
            return python
    if found and shutil.which("dpkg-query"):
        system_packages("python3-venv")
        return find_python_again(found)
    raise SetupError(
        "CPython 3.11, 3.12 or 3.13 is needed and was not found: install one, or name it: make PYTHON=/path/to/python3."
    )


def find_python_again(found):
    for python in ["/usr/bin/python3", *found]:
        if usable_version(python) and output(python, "-c", "import ensurepip, venv; print('yes')"):
            return python
    raise SetupError(f"{found[0]} cannot make virtual environments: install its venv module (Debian: python3-venv).")


def mark_of(*parts):
    """A hash of what an environment is made from: files by content, everything else by its text."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
    return digest.hexdigest()


def is_fresh(venv, stage, mark):
    """True when that stage of ``venv`` was completed from the same inputs and its interpreter still starts."""
    stamp = venv / f".geoloupe-{stage}"
    return stamp.is_file() and stamp.read_text() == mark and bool(output(venv / "bin" / "python", "-c", "print(1)"))


def pip(venv, *arguments):
    run(venv / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-q", *arguments)


def prepare_demo():
    """.venv/headless with the locked packages of the engine, checked by hash."""
    mark = mark_of(LOCKED)
    if is_fresh(HEADLESS, "engine", mark):
        return
    if not output(HEADLESS / "bin" / "python", "-m", "pip", "--version"):
        python = find_python()
        say(f"making .venv/headless with {python}")
        run(python, "-m", "venv", "--clear", HEADLESS)
    say("installing the engine's packages (about 150 MB to download the first time)")
    pip(HEADLESS, "--require-hashes", "-r", LOCKED)
    pip(
        HEADLESS,
        next(line for line in (TESTS / "requirements-headless.txt").read_text().splitlines() if line.startswith("pillow")),
    )
    (HEADLESS / ".geoloupe-engine").write_text(mark)


def prepare_headless():
    """The demo's environment, developer tools, and PyTorch where it comes without CUDA."""
    prepare_demo()
    tools = TESTS / "requirements-headless.txt"
    mark = mark_of(LOCKED, tools)
    if not is_fresh(HEADLESS, "tools", mark):
        say("installing developer tools into .venv/headless")
        pip(HEADLESS, "-r", tools)
        (HEADLESS / ".geoloupe-tools").write_text(mark)
    prepare_torch(optional=True)


def prepare_torch(optional=False):
    """PyTorch, never a CUDA build by accident: on Linux x86_64 the public index holds only that one, of several gigabytes.

    TORCH_INDEX names an index of CPU builds; a pip configured with one needs nothing. ``optional``: a sentence, not a failure.
    """
    wanted = TESTS / "requirements-torch.txt"
    index = os.environ.get("TORCH_INDEX", "")
    mark = mark_of(wanted, index)
    if is_fresh(HEADLESS, "torch", mark) or (optional and is_fresh(HEADLESS, "torch-absent", mark)):
        return
    source = ["--index-url", index] if index else []
    dry_run = ("-q", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-")
    report = output(HEADLESS / "bin" / "python", "-m", "pip", "install", *dry_run, *source, "-r", wanted)
    version = json.loads(report)["install"][0]["metadata"]["version"] if report.startswith("{") else "none"
    with_cuda = platform.system() == "Linux" and platform.machine() == "x86_64" and "+cpu" not in version
    if with_cuda or version == "none":
        message = (
            "PyTorch was not installed, so tests that need it are skipped: pip finds no build without CUDA here"
            " (make torch TORCH_INDEX=URL of an index of CPU builds)."
        )
        if not optional:
            raise SetupError(message)
        say(message)
        (HEADLESS / ".geoloupe-torch-absent").write_text(mark)
        return
    say(f"installing PyTorch {version} into .venv/headless")
    pip(HEADLESS, *source, "-r", wanted)
    (HEADLESS / ".geoloupe-torch").write_text(mark)


def prepare_qgis():
    """.venv/qgis on the interpreter that sees the system's QGIS (not whichever python3 comes first on the PATH)."""
    python = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")
    desktop = shutil.which("qgis") and shutil.which("qgis_process")
    if (
        not output(python, "-c", "import qgis.core, osgeo.gdal, venv, ensurepip; print('yes')")
        or not desktop
        or not shutil.which("xvfb-run")
    ):
        system_packages(*QGIS_PACKAGES, *DESKTOP_PACKAGES.values())
    elif not all(map(shutil.which, DESKTOP_PACKAGES)):
        try:
            system_packages(*DESKTOP_PACKAGES.values())
        except SetupError as error:
            say(f"QGIS will not be driven by mouse and keyboard in the tests. {error}")
    version = output(python, "-c", "from qgis.core import Qgis; print(Qgis.QGIS_VERSION)")
    if not version:
        raise SetupError(
            f"{python} does not find QGIS: install QGIS's Python (Debian: python3-qgis), or name the interpreter in QGIS_PYTHON."
        )
    tools = TESTS / "requirements-qgis.txt"
    mark = mark_of(tools, python, version, output(python, "--version"))
    if is_fresh(QGIS, "tools", mark):
        return
    say(f"making .venv/qgis for QGIS {version}")
    run(python, "-m", "venv", "--clear", "--system-site-packages", QGIS)
    pip(QGIS, "-r", tools)
    (QGIS / ".geoloupe-tools").write_text(mark)


STAGES = {"demo": prepare_demo, "headless": prepare_headless, "qgis": prepare_qgis, "torch": prepare_torch}


def main(arguments):
    if not arguments or any(name not in STAGES for name in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        for name in arguments:
            STAGES[name]()
    except SetupError as error:
        print(f"[setup] {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

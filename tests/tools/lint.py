"""Style, types, security and packaging, each by its own tool; all run, and the exit code is 1 if any complained."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ZIP = ROOT / "dist" / "geoloupe.zip"
PYTHON = sys.executable
HEADLESS_FILES = (
    "models",
    "plugin/bootstrap.py",
    "plugin/errors.py",
    "plugin/cli.py",
    "plugin/retrieval",
    "plugin/engine",
    "plugin/worker",
)


def run(title, *command, cwd=ROOT):
    print(f"== {title}", flush=True)
    return subprocess.run([str(part) for part in command], cwd=cwd).returncode


def check_types():
    """mypy reads the headless part as the package ``geoloupe``, so that relative imports mean what they mean."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "geoloupe").symlink_to(ROOT)
        files = [f"geoloupe/{name}" for name in HEADLESS_FILES if (ROOT / name).exists()]
        settings = ["--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache", "--explicit-package-bases"]
        return run("mypy", PYTHON, "-m", "mypy", *settings, *files, cwd=folder)


def check_security():
    """Bandit over what is in the zip, with no floor: the site blocks an upload for what a floor would hide."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(ZIP) as archive:
            archive.extractall(folder)
        print("== bandit", flush=True)
        done = subprocess.run([PYTHON, "-m", "bandit", "-q", "-r", folder], stderr=subprocess.PIPE, text=True)
        # It takes the words of the reason after "# nosec B603" for names of tests, and says so at each.
        print("\n".join(line for line in done.stderr.splitlines() if "Test in comment" not in line), file=sys.stderr)
        return done.returncode


def main():
    failed = [
        title
        for title, code in (
            ("ruff", run("ruff", PYTHON, "-m", "ruff", "check", ".")),
            ("types", check_types()),
            ("security", check_security()),
            ("zip", run("plugin site's rules", PYTHON, ROOT / "tests/tools/validator.py", ZIP)),
            ("translations", run("translations", PYTHON, ROOT / "tests/tools/translations.py", "check")),
        )
        if code
    ]
    print(f"lint: {'good' if not failed else 'to mend: ' + ', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

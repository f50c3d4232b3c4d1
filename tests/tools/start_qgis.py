"""Starts QGIS on a temporary profile with this checkout as its plugin; the profile is removed when QGIS ends.

python3 start_qgis.py [raster or project to open]...
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "geoloupe"


def make_profile(folder):
    """A profile in which the checkout is a linked, enabled plugin."""
    profile = Path(folder) / "profiles" / PROFILE
    plugins = profile / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "geoloupe").symlink_to(ROOT)
    settings = profile / "QGIS"
    settings.mkdir()
    for name in ("QGIS3.ini", "QGIS4.ini"):
        (settings / name).write_text("[PythonPlugins]\ngeoloupe=true\n\n[qgis]\nshowTips=false\n")


def main(files):
    program = os.environ.get("QGIS", "qgis")
    if not shutil.which(program):
        print(
            f"{program} was not found: install QGIS (Debian: apt-get install qgis python3-qgis), or name it: make qgis QGIS=...",
            file=sys.stderr,
        )
        return 1
    subprocess.run([sys.executable, str(ROOT / "tests/tools/translations.py"), "compile"], check=True)
    with tempfile.TemporaryDirectory(prefix="geoloupe-profile-") as folder:
        make_profile(folder)
        return subprocess.run([program, "--nologo", "--profiles-path", folder, "--profile", PROFILE, *files]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""QGIS started afresh: the packages that stay out of it, and ``qgis_process``."""

import json
import os
import shutil
import subprocess
import sys

import pytest

HEAVY = ("onnxruntime", "faiss", "torch", "rasterio", "transformers", "pyproj", "shapely")

INSIDE = """
import importlib.util, os, sys
from pathlib import Path
root = Path(sys.argv[1])
spec = importlib.util.spec_from_file_location("bootstrap_of_geoloupe", root / "plugin" / "bootstrap.py")
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)
bootstrap.register(root)
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingFeedback
app = QgsApplication([], True)
app.initQgis()
before = set(sys.modules)
import importlib, pkgutil
import geoloupe.plugin
# Every module that may be loaded inside QGIS; the worker and retrieval are the engine's.
for part in ("bridge", "processing", "engine", "gui"):
    package = importlib.import_module("geoloupe.plugin." + part)
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
importlib.import_module("geoloupe.plugin.entry")
from geoloupe.plugin.processing.provider import GeoLoupeProvider
provider = GeoLoupeProvider()
QgsApplication.processingRegistry().addProvider(provider)
if len(sys.argv) > 2:
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    algorithm = QgsApplication.processingRegistry().algorithmById("geoloupe:searchbytext")
    results, good = algorithm.run({"INDEX": sys.argv[2], "TEXT": "roof", "OUTPUT": sys.argv[3]}, context, feedback)
    assert good and results["HITS"] > 0, feedback.textLog()
    del context
    from geoloupe.plugin.engine import session
    session.shutdown()
heavy = [name for name in sys.argv[4].split(",") if name in set(sys.modules) - before]
print("HEAVY", ",".join(sorted(heavy)))
sys.stdout.flush()
os._exit(0)
"""


def loaded(root, tmp_path, index=""):
    command = [sys.executable, "-c", INSIDE, str(root), str(index), str(tmp_path / "hits.gpkg"), ",".join(HEAVY)]
    if not index:
        command = [sys.executable, "-c", INSIDE.replace("len(sys.argv) > 2", "False"), str(root), "", "", ",".join(HEAVY)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("HEAVY")]
    assert lines, done.stderr
    return lines[0].split(" ", 1)[1]


def test_the_plugin_brings_nothing_heavy_into_qgis(root, tmp_path):
    assert loaded(root, tmp_path) == ""


def test_nor_does_a_search(root, tmp_path, town_index):
    assert loaded(root, tmp_path, town_index) == ""


@pytest.fixture(scope="module")
def qgis_process(root, tmp_path_factory):
    """Run ``qgis_process`` on a profile of its own with the checkout as its plugin."""
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        pytest.skip("qgis_process is not installed")
    config = tmp_path_factory.mktemp("profile")
    plugins = config / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "geoloupe").symlink_to(root, target_is_directory=True)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QGIS_CUSTOM_CONFIG_PATH": str(config)}
    environment.pop("PYTHONPATH", None)

    def run(*arguments, status=0, **more):
        done = subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, timeout=300, env={**environment, **more}
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("plugins", "enable", "geoloupe")
    return run


@pytest.mark.heavy
def test_qgis_process_lists_explains_and_runs_them(qgis_process, engine, town, tmp_path):
    listed = qgis_process("list")
    assert all("geoloupe:" + name in listed for name in ("buildindex", "searchbytext", "searchbyregions"))
    assert "Size of the things to find" in qgis_process("help", "geoloupe:buildindex")
    index, hits = tmp_path / "town.geoloupe", tmp_path / "hits.gpkg"
    built = qgis_process("--json", "run", "geoloupe:buildindex", "--", f"RASTERS={town.path}", "OBJECT_SIZE=15", f"INDEX={index}")
    results = json.loads(built[built.index("{") : built.rindex("}") + 1])["results"]
    assert results["REGIONS"] > 0 and results["INDEX"] == str(index)
    said = qgis_process("run", "geoloupe:searchbytext", "--", f"INDEX={index}", "TEXT=blue roof", f"OUTPUT={hits}")
    assert "hits among" in said and hits.exists()


@pytest.mark.heavy
def test_qgis_process_without_an_engine_says_what_to_do(qgis_process, tmp_path):
    (tmp_path / "i.geoloupe").mkdir()
    said = qgis_process(
        "run",
        "geoloupe:searchbytext",
        "--",
        f"INDEX={tmp_path / 'i.geoloupe'}",
        "TEXT=roof",
        f"OUTPUT={tmp_path / 'h.gpkg'}",
        status=1,
        GEOLOUPE_PYTHON="",
        GEOLOUPE_HOME=str(tmp_path / "home"),
    )
    assert "make engine" in said

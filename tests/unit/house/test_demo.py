"""`make demo`: what it does with each raster it may get, without leaving the machine."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "demo.py"


@pytest.fixture
def demo():
    spec = importlib.util.spec_from_file_location("geoloupe_tools_demo", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_download_that_is_not_the_expected_file_is_not_used(demo, tmp_path, monkeypatch, capsys):
    wrong = tmp_path / "served.tif"
    wrong.write_bytes(b"something else")
    monkeypatch.setattr(demo, "URL", wrong.as_uri())
    assert demo.download(tmp_path) is None
    assert "SHA-256" in capsys.readouterr().out
    assert not (tmp_path / demo.AERIAL).exists()


def test_without_a_network_it_says_so(demo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "URL", (tmp_path / "nothing.tif").as_uri())
    assert demo.download(tmp_path) is None
    assert "failed" in capsys.readouterr().out


def test_the_file_that_is_there_is_not_downloaded_again(demo, data, tmp_path, monkeypatch, capsys):
    known = data / "imagery" / "qgis_swellendam" / demo.AERIAL
    (tmp_path / demo.AERIAL).write_bytes(known.read_bytes())
    monkeypatch.setattr(demo, "URL", "file:///nowhere")
    assert demo.download(tmp_path) == tmp_path / demo.AERIAL
    assert capsys.readouterr().out == ""


@pytest.mark.heavy
def test_the_whole_demo_on_a_raster(town, tmp_path):
    """A raster of one's own, named from elsewhere; the second query is the first one's best hit."""
    pytest.importorskip("PIL")
    command = [
        sys.executable,
        str(TOOL),
        "--raster",
        str(town.path),
        "--text",
        "blue roof",
        "--object-size",
        "24",
        "--to",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'Words "blue roof": 12 places' in done.stdout and "chips/s" in done.stdout
    assert {"hits.gpkg", "hits_box.gpkg", "hits.png"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_a_raster_that_is_not_there_is_one_sentence(tmp_path):
    command = [sys.executable, str(TOOL), "--raster", str(tmp_path / "none.tif"), "--to", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "none.tif" in done.stderr and "Traceback" not in done.stderr

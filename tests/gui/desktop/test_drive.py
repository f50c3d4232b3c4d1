"""The walk of drive.py as a test: the real QGIS, a virtual screen, mouse and keyboard, the real engine."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1500)]


def load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / (name + ".py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_whole_way_by_mouse_and_keyboard(tmp_path, data, capsys):
    desktop = load("desktop")
    missing = desktop.missing_tools()
    if missing:
        pytest.skip("a virtual desktop needs " + ", ".join(missing))
    if not os.environ.get("GEOLOUPE_PYTHON"):
        pytest.skip("GEOLOUPE_PYTHON names no engine")
    drive = load("drive")
    raster = data / "imagery" / "oam_banepa" / "oam_banepa_z19.tif"
    with desktop.Desktop(tmp_path / "desk", python=os.environ["GEOLOUPE_PYTHON"]) as desk:
        try:
            facts = drive.Walk(desk, raster).all()
        except BaseException:
            desk.shot("99_where_it_ended")
            with capsys.disabled():
                print("pictures of the walk: {}".format(desk.shots))
            raise
    assert facts["searched_while_indexing"]
    assert facts.get("stop_seconds", 0) < 2.5
    assert facts["longest_pause_while_indexing"] < 0.1
    assert len(list(desk.shots.glob("*.png"))) >= 18

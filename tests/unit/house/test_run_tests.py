"""The runner of the tiers: which run beside each other, and that no failure is lost."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "run_tests.py"


@pytest.fixture
def tool(monkeypatch):
    spec = importlib.util.spec_from_file_location("geoloupe_tools_run_tests", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("LANES", raising=False)
    return module


def test_two_cores_are_left_to_the_tests_that_measure_time(tool, monkeypatch):
    monkeypatch.setattr(tool.os, "cpu_count", lambda: 2)
    assert tool.lanes_of(["unit", "engine", "qgis", "gui"]) == [["unit", "engine", "qgis", "gui"]]
    monkeypatch.setattr(tool.os, "cpu_count", lambda: 8)
    assert tool.lanes_of(["unit", "engine", "qgis", "gui"]) == [["unit", "engine"], ["qgis", "gui"]]
    assert tool.lanes_of(["gui"]) == [["gui"]]
    monkeypatch.setenv("LANES", "1")
    assert tool.lanes_of(["unit", "gui"]) == [["unit", "gui"]]


@pytest.mark.parametrize("lanes", ["1", "2"])
@pytest.mark.parametrize(("codes", "expected"), [({}, 0), ({"engine": 1}, 1), ({"gui": -6}, 1), ({"qgis": 5}, 1)])
def test_every_tier_runs_and_one_failure_is_a_failure(tool, monkeypatch, capfd, lanes, codes, expected):
    ran = []

    def run(command, **options):
        tier = Path(command[3]).name
        ran.append(tier)
        if options["stdout"] is not None:
            options["stdout"].write(f"words of {tier}".encode())
        return subprocess.CompletedProcess(command, codes.get(tier, 0))

    monkeypatch.setattr(tool.subprocess, "run", run)
    monkeypatch.setattr(tool.shutil, "rmtree", lambda *arguments, **options: None)
    monkeypatch.setenv("LANES", lanes)
    assert tool.main([]) == expected
    assert sorted(ran) == ["engine", "gui", "qgis", "unit"]
    printed = capfd.readouterr().out
    assert printed.count("FAILED") == len(codes) and printed.count("words of") == (4 if lanes == "2" else 0)


def test_a_tier_of_which_nothing_was_chosen_has_not_failed(tool, monkeypatch):
    monkeypatch.setattr(tool.subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 5))
    assert tool.main(["unit", "--", "-k", "nothing"]) == 0
    assert tool.main(["unit"]) == 1

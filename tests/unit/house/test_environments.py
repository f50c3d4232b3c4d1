"""The set-up of a machine: it changes what is stale and nothing else, and says in a sentence what it cannot do."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "environments.py"


@pytest.fixture
def tool(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("geoloupe_tools_environments", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HEADLESS", tmp_path / "headless")
    monkeypatch.setattr(module, "QGIS", tmp_path / "qgis")
    return module


@pytest.fixture
def debian(tool, monkeypatch):
    """A Debian on which no package is installed; the commands that would run are collected."""
    commands = []
    monkeypatch.setattr(tool.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(tool, "output", lambda *command: "")
    monkeypatch.setattr(tool, "run", lambda *command, **options: commands.append(list(command)))
    return commands


def test_root_installs_packages_itself(tool, debian, monkeypatch):
    monkeypatch.setattr(tool.os, "geteuid", lambda: 0)
    tool.system_packages("python3-venv")
    assert (
        debian[-1][:2] == ["apt-get", "install"] and debian[-1][-1] == "python3-venv" and "--no-install-recommends" in debian[-1]
    )


def test_others_use_sudo(tool, debian, monkeypatch):
    monkeypatch.setattr(tool.os, "geteuid", lambda: 1000)
    tool.system_packages("python3-venv")
    assert all(command[0] == "sudo" for command in debian)


def test_without_sudo_it_says_whom_to_ask(tool, debian, monkeypatch):
    monkeypatch.setattr(tool.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(tool.shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    with pytest.raises(
        tool.SetupError, match="Ask an administrator to run: apt-get install --no-install-recommends python3-venv"
    ):
        tool.system_packages("python3-venv")
    assert debian == []


def test_elsewhere_it_names_what_to_install(tool, monkeypatch):
    monkeypatch.setattr(tool.shutil, "which", lambda name: None)
    with pytest.raises(tool.SetupError, match="not Debian"):
        tool.system_packages("python3-qgis")


def test_what_is_installed_is_left_alone(tool, debian, monkeypatch):
    monkeypatch.setattr(tool, "output", lambda *command: "install ok installed")
    tool.system_packages("python3-venv")
    assert debian == []


def test_no_fitting_python_is_a_sentence(tool, monkeypatch):
    monkeypatch.setattr(tool, "usable_version", lambda python: None)
    with pytest.raises(tool.SetupError, match="3.11, 3.12 or 3.13"):
        tool.find_python()


def test_an_environment_is_fresh_until_what_it_is_made_from_changes(tool, tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1")
    before = tool.mark_of(requirements)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tool.HEADLESS)], check=True)
    assert not tool.is_fresh(tool.HEADLESS, "tools", before)
    (tool.HEADLESS / ".geoloupe-tools").write_text(before)
    assert tool.is_fresh(tool.HEADLESS, "tools", before)
    requirements.write_text("a==2")
    assert not tool.is_fresh(tool.HEADLESS, "tools", tool.mark_of(requirements))
    (tool.HEADLESS / "bin" / "python").unlink()
    assert not tool.is_fresh(tool.HEADLESS, "tools", before)


def test_a_program_that_is_absent_prints_nothing(tool):
    assert tool.output("/no/such/program") == ""


def report(version):
    return json.dumps({"install": [{"metadata": {"version": version}}]})


@pytest.mark.parametrize("found, installed", [(report("2.13.0+cpu"), True), (report("2.13.0"), False), ("", False)])
def test_the_cuda_build_of_pytorch_is_never_taken_by_accident(tool, monkeypatch, capsys, found, installed):
    tool.HEADLESS.mkdir()
    done = []
    monkeypatch.setattr(tool.platform, "system", lambda: "Linux")
    monkeypatch.setattr(tool.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(tool, "output", lambda *command: found)
    monkeypatch.setattr(tool, "pip", lambda venv, *arguments: done.append(arguments))
    tool.prepare_torch(optional=True)
    assert bool(done) is installed
    assert ("TORCH_INDEX" in capsys.readouterr().err) is not installed
    if not installed:
        with pytest.raises(tool.SetupError, match="make torch"):
            tool.prepare_torch()


def test_wrong_usage_prints_how(capsys):
    done = subprocess.run([sys.executable, str(TOOL), "nothing"], capture_output=True, text=True)
    assert done.returncode == 2 and "environments.py headless" in done.stderr

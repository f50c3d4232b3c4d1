"""Which engine there is, which Python could carry one, and what a child inherits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from geoloupe.plugin.engine import environment, interpreters, session
from geoloupe.plugin.engine.child_process import child_environment
from geoloupe.plugin.engine.home import engines_folder, python_of, write_pointer
from geoloupe.plugin.engine.home import home as home_folder
from geoloupe.plugin.engine.installation import requirements_hash
from geoloupe.plugin.engine.pip_runner import PipProgress, classify, installer_environment
from geoloupe.plugin.engine.platforms import PLATFORMS, platform_named, this_platform
from geoloupe.plugin.errors import GeoLoupeError

DIRTY = {
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "PYTHONPATH": "/usr/share/qgis/python",
    "PYTHONHOME": "C:\\OSGeo4W\\apps\\Python312",
    "PYTHONSTARTUP": "x.py",
    "PROJ_LIB": "/usr/share/proj",
    "PROJ_DATA": "/usr/share/proj",
    "GDAL_DATA": "/usr/share/gdal",
    "GDAL_DRIVER_PATH": "/usr/lib/gdalplugins",
    "__PYVENV_LAUNCHER__": "/Applications/QGIS.app/x",
    "VIRTUAL_ENV": "/somewhere",
    "HTTPS_PROXY": "http://proxy:3128",
    "PIP_INDEX_URL": "http://mirror/simple",
    "PIP_TARGET": "/elsewhere",
    "SSL_CERT_FILE": "/ca.pem",
    "OMP_WAIT_POLICY": "ACTIVE",
}


def test_a_child_does_not_inherit_what_belongs_to_qgis():
    clean = child_environment(DIRTY, {"GEOLOUPE_HOME": "/h"})
    assert clean == {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "HTTPS_PROXY": "http://proxy:3128",
        "PIP_INDEX_URL": "http://mirror/simple",
        "PIP_TARGET": "/elsewhere",
        "SSL_CERT_FILE": "/ca.pem",
        "OMP_WAIT_POLICY": "PASSIVE",
        "GEOLOUPE_HOME": "/h",
    }


def test_the_installer_keeps_proxies_and_drops_what_would_mislead_pip(tmp_path):
    clean = installer_environment(child_environment(DIRTY), tmp_path)
    assert clean["HTTPS_PROXY"] and clean["PIP_INDEX_URL"] and clean["TMPDIR"] == str(tmp_path)
    assert "PIP_TARGET" not in clean and clean["PIP_USER"] == "0"


def test_the_real_engine_runs_clean_under_a_dirty_parent(make_client, monkeypatch, tmp_path):
    poison = tmp_path / "poison"
    poison.mkdir()
    (poison / "numpy.py").write_text("raise ImportError('the wrong numpy')")
    monkeypatch.setenv("PYTHONPATH", str(poison))
    monkeypatch.setenv("PYTHONHOME", str(poison))
    monkeypatch.setenv("PROJ_DATA", str(poison))
    monkeypatch.setenv("PROJ_LIB", str(poison))
    monkeypatch.setenv("GDAL_DATA", str(poison))
    client = make_client()
    assert client.start()["packages"]["numpy"]
    with open(f"/proc/{client.pid}/environ", "rb") as file:
        names = {entry.split(b"=")[0].decode() for entry in file.read().split(b"\0")}
    assert not {name for name in names if name.startswith(("PYTHON", "PROJ_", "GDAL_"))}
    assert "OMP_WAIT_POLICY" in names and "GEOLOUPE_HOME" in names


# where things are


def test_home_of_each_platform(monkeypatch):
    monkeypatch.setenv("GEOLOUPE_HOME", "/data/geoloupe")
    assert home_folder() == Path("/data/geoloupe")
    monkeypatch.delenv("GEOLOUPE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "platform", "linux")
    assert home_folder() == Path("/home/me/.local/share/geoloupe")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert home_folder() == Path("/home/me/Library/Application Support/geoloupe")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/win/Local")
    assert home_folder() == Path("/win/Local/geoloupe")


def test_no_engine_at_first(home, monkeypatch):
    monkeypatch.delenv("GEOLOUPE_PYTHON", raising=False)
    assert environment.find_engine() is None
    with pytest.raises(GeoLoupeError) as caught:
        session.shared()
    assert caught.value.code == "no_engine" and caught.value.message.endswith(".")


def test_a_chosen_python_wins_and_one_that_is_gone_is_named(home, monkeypatch):
    monkeypatch.delenv("GEOLOUPE_PYTHON", raising=False)
    assert environment.find_engine(sys.executable) == (Path(sys.executable), "chosen", None, False)
    monkeypatch.setenv("GEOLOUPE_PYTHON", "/nowhere/python")
    with pytest.raises(GeoLoupeError, match="/nowhere/python") as caught:
        environment.find_engine(sys.executable)
    assert caught.value.code == "no_engine"


def test_the_pointer_names_the_engine(home, monkeypatch):
    monkeypatch.delenv("GEOLOUPE_PYTHON", raising=False)
    folder = engines_folder() / "onnx-1"
    write_pointer({"folder": "onnx-1", "set": "onnx", "requirements": requirements_hash("onnx")})
    assert environment.find_engine() is None, "the folder is gone"
    python_of(folder).parent.mkdir(parents=True)
    python_of(folder).symlink_to(sys.executable)
    assert environment.find_engine() == (python_of(folder), "private", "onnx", False)
    write_pointer({"folder": "onnx-1", "set": "onnx", "requirements": "older"})
    assert environment.find_engine().outdated
    (home / "engine.json").write_text("{ broken")
    assert environment.find_engine() is None


def test_one_engine_for_the_whole_process(home, monkeypatch, engine_python):
    monkeypatch.setenv("GEOLOUPE_PYTHON", str(engine_python))
    try:
        one = session.shared()
        assert session.shared() is one and session.current() is one
        assert one.start()["protocol"] == 1
        link = home / "other-python"
        link.symlink_to(engine_python)
        monkeypatch.setenv("GEOLOUPE_PYTHON", str(link))
        assert session.shared() is not one and not one.alive
    finally:
        session.shutdown()
    assert session.current() is None


# interpreters


@pytest.mark.parametrize(
    "path",
    [
        "C:\\OSGeo4W\\bin\\python.exe",
        "C:\\Program Files\\QGIS 3.40.1\\apps\\Python312\\python.exe",
        "C:\\Program Files\\QGIS 3.40.1\\bin\\python3.exe",
        "/Applications/QGIS.app/Contents/MacOS/bin/python3",
        "/Applications/QGIS-LTR.app/Contents/MacOS/bin/python3.9",
        "C:\\Users\\me\\AppData\\Local\\Microsoft\\WindowsApps\\python.exe",
    ],
)
def test_pythons_of_applications_are_rejected(path):
    assert interpreters.is_bundled(Path(path))


@pytest.mark.parametrize(
    "path",
    ["/usr/bin/python3.11", "/home/qgis/.venv/bin/python", "/opt/homebrew/bin/python3.12", "C:\\Python312\\python.exe"],
)
def test_pythons_of_their_own_are_not(path):
    assert not interpreters.is_bundled(Path(path))


def test_this_python_is_looked_at_for_real():
    found = interpreters.probe(Path(sys.executable))
    assert found.version[:2] == sys.version_info[:2] and found.platform == this_platform()


def fake(path: Path, **facts):
    """A program that answers the probe as another Python would."""
    full = {
        "version": [3, 12, 1],
        "implementation": "CPython",
        "bits": 64,
        "system": "linux",
        "machine": "x86_64",
        "libc": ["glibc", "2.36"],
        "macos": "",
        "executable": str(path),
        "base": "/usr",
        "threaded": False,
        "pip": "24.0",
        **facts,
    }
    path.write_text(f"#!/bin/sh\necho noise first\ncat <<'END'\nGEOLOUPE{json.dumps(full)}\nEND\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"version": [3, 9, 18]}, "3.9.18"),
        ({"version": [3, 14, 0]}, "3.14.0"),
        ({"implementation": "PyPy"}, "PyPy"),
        ({"bits": 32}, "32 bits"),
        ({"threaded": True}, "plain"),
        ({"venv_problem": "ModuleNotFoundError: ensurepip"}, "python3.12-venv"),
        ({"base": "/Applications/QGIS.app/Contents/MacOS"}, "application"),
        ({"machine": "riscv64"}, "linux-riscv64"),
        ({"libc": ["glibc", "2.17"]}, "2.28"),
    ],
)
def test_a_python_that_does_not_fit_says_why(tmp_path, facts, reason):
    with pytest.raises(GeoLoupeError, match=reason) as caught:
        interpreters.probe(fake(tmp_path / "python", **facts))
    assert caught.value.code == "no_engine" and caught.value.message.endswith(".")


def test_what_is_no_python_at_all_says_so(tmp_path):
    odd = tmp_path / "python"
    odd.write_text("#!/bin/sh\nexit 1\n")
    odd.chmod(0o755)
    for path in (odd, tmp_path / "absent"):
        with pytest.raises(GeoLoupeError) as caught:
            interpreters.probe(path)
        assert caught.value.code == "no_engine"


def test_the_first_that_fits_is_taken_and_the_others_are_noted(tmp_path):
    old, good = fake(tmp_path / "old", version=[3, 8, 1]), fake(tmp_path / "good")
    notes = []
    found = interpreters.find_python([tmp_path / "absent", old, good], notes)
    assert found.path == good and found.version == (3, 12, 1)
    assert len(notes) == 1 and "3.8.1" in notes[0]
    assert interpreters.find_python([old]) is None


# platforms, plan


def test_platforms_are_named_or_refused_in_one_sentence():
    assert platform_named("win32", "AMD64") == "windows-x64"
    assert platform_named("linux", "x86_64", ("glibc", "2.36")) == "linux-x64"
    assert platform_named("linux", "aarch64", ("glibc", "2.28")) == "linux-arm64"
    assert platform_named("darwin", "arm64", ("", ""), "15.1") == "macos-arm64"
    for system, machine, libc, macos in [
        ("win32", "ARM64", ("", ""), ""),
        ("darwin", "x86_64", ("", ""), "15.0"),
        ("darwin", "arm64", ("", ""), "12.7"),
        ("linux", "x86_64", ("", "1.2"), ""),
        ("freebsd14", "amd64", ("", ""), ""),
    ]:
        with pytest.raises(GeoLoupeError, match="GEOLOUPE_PYTHON") as caught:
            platform_named(system, machine, libc, macos)
        assert caught.value.code == "no_engine" and caught.value.message.endswith(".")


@pytest.mark.parametrize("name", ["onnx", "onnx-gpu"])
def test_the_plan_says_size_place_and_time(home, name):
    plan = environment.plan_setup(name, Path(sys.executable))
    assert plan.size_bytes > plan.download_bytes > 50_000_000
    assert 0.1 < plan.minutes < 60 and str(plan.place).startswith(str(home))
    assert len(plan.steps) >= 4 and not plan.needs_python


def test_without_a_python_the_plan_says_that_one_is_downloaded(home, monkeypatch):
    monkeypatch.setattr("geoloupe.plugin.engine.plan.find_python", lambda: None)
    plan = environment.plan_setup()
    assert plan.needs_python and any("uv" in step for step in plan.steps)
    with pytest.raises(GeoLoupeError, match="agree to download") as caught:
        environment.setup()
    assert caught.value.code == "no_engine"


def test_sizes_are_known_for_every_set_and_platform():
    from geoloupe.plugin.engine.plan import SETS, package_sizes

    for name in SETS:
        for platform in PLATFORMS:
            sizes = package_sizes(name, platform)
            assert {"numpy", "faiss-cpu", "rasterio"} <= set(sizes["packages"])
            assert sizes["installed"] > sum(sizes["packages"].values())


# pip's words


def test_progress_follows_the_bytes():
    seen = []
    pip = PipProgress({"numpy": 20, "faiss-cpu": 70, "affine": 10}, lambda fraction, message: seen.append((fraction, message)))
    for line in [
        "Collecting affine==3.0.1 (from -r onnx.txt (line 1))",
        "  Using cached affine-3.0.1-py3-none-any.whl (15 kB)",
        "Collecting faiss_cpu==1.15.1 (from -r x)",
        "  Downloading faiss_cpu-1.15.1-cp310-abi3-manylinux_2_28_x86_64.whl (23.6 MB)",
        "Collecting numpy==2.4.6",
        "Installing collected packages: numpy, faiss-cpu",
        "Successfully installed numpy-2.4.6",
    ]:
        pip.line(line)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert seen[2][1] == "Downloading faiss-cpu (23.6 MB)"
    assert seen[3][0] == pytest.approx(0.85 * 0.8)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n", "disk_full"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching distribution", "no_network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "bad_download"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))", "no_network"),
        ("PermissionError: [Errno 13] Permission denied: '/root/x'", "no_permission"),
        ("ERROR: No matching distribution found for faiss-cpu==1.15.1", "setup_failed"),
        ("ImportError: DLL load failed while importing onnxruntime_pybind11_state", "setup_failed"),
        ("something nobody has seen\nERROR: the root cause\nlast line", "setup_failed"),
        ("", "setup_failed"),
    ],
)
def test_each_failure_is_one_sentence_with_its_cause_kept(text, code):
    error = classify(text, "The packages could not be installed")
    assert error.code == code
    assert error.message.endswith(".") and "\n" not in error.message
    if "root cause" in text:
        assert "the root cause" in error.message and "last line" in error.detail


def test_qgis_side_code_is_python_3_9():
    """The engine package is imported by QGIS's Python: compile and import it with 3.9 where there is one."""
    import ast

    folder = Path(environment.__file__).parent
    for path in folder.glob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    old = next((p for p in Path(os.path.expanduser("~/.pyenv/versions")).glob("3.9.*/bin/python")), None)
    if old is None:
        pytest.skip("no Python 3.9 here to import it with")
    code = (
        "import importlib.util, sys; "
        f"s = importlib.util.spec_from_file_location('b', {str(folder.parent / 'bootstrap.py')!r}); "
        "b = importlib.util.module_from_spec(s); s.loader.exec_module(b); b.register(); "
        "from geoloupe.plugin.engine import environment, session, client; "
        "print(sorted(n for n in sys.modules if n.split('.')[0] in ('numpy', 'onnxruntime', 'faiss', 'torch', 'rasterio')))"
    )
    done = subprocess.run([str(old), "-I", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"

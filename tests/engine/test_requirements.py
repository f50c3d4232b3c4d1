"""The locked sets: complete, hashed, without addresses, and resolvable on every platform they are for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "requirements"
SETS = ("onnx", "onnx-gpu")
UV_PLATFORMS = {
    "windows-x64": "x86_64-pc-windows-msvc",
    "linux-x64": "x86_64-manylinux_2_28",
    "linux-arm64": "aarch64-manylinux_2_28",
    "macos-arm64": "aarch64-apple-darwin",
}
OFFLINE = re.compile(r"dns error|Connection refused|unreachable|tunnel error|operation timed out|Connection reset", re.IGNORECASE)


def requirements(name):
    """[(requirement, number of hashes)] of a locked set."""
    found = []
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if re.match(r"[a-z0-9]", line):
            found.append([line.rstrip(" \\"), 0])
        elif "--hash=sha256:" in line:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}( \\)?$", line)
            found[-1][1] += 1
    return found


@pytest.mark.parametrize("name", SETS)
def test_everything_is_pinned_and_hashed_and_nothing_names_an_index(name):
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert "http" not in text and "--index" not in text and "--find-links" not in text and "file:" not in text
    packages = requirements(name)
    assert all(re.match(r"[a-z0-9.-]+==[0-9][^ ;]*( ; .+)?$", line) and hashes for line, hashes in packages)
    names = {line.partition("==")[0] for line, _ in packages}
    assert {"numpy", "faiss-cpu", "rasterio", "shapely", "pyproj", "pyogrio", "onnxruntime"} <= names


def test_the_locked_sets_are_what_the_in_files_ask_for():
    for name in SETS:
        wanted = {
            re.match(r"[a-z0-9-]+", line).group()
            for line in (FOLDER / f"{name}.in").read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")
        }
        assert wanted <= {line.partition("==")[0] for line, _ in requirements(name)}


def test_shared_packages_have_one_version_in_both_sets():
    both = [dict(line.partition(";")[0].strip().split("==") for line, _ in requirements(name)) for name in SETS]
    assert {key: value for key, value in both[0].items() if both[1].get(key) != value} == {}


@pytest.mark.heavy
@pytest.mark.network
@pytest.mark.parametrize("platform", UV_PLATFORMS)
@pytest.mark.parametrize("name", SETS)
def test_each_set_resolves_for_each_platform_and_python(name, platform, tmp_path):
    """As a real installer would: wheels alone, by hash, for the platform's oldest system, without installing."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists() and shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    for python in ("3.11", "3.12", "3.13"):
        command = [str(uv if uv.exists() else "uv"), "pip", "install", "--dry-run", "--require-hashes", "--only-binary", ":all:"]
        command += ["--python-platform", UV_PLATFORMS[platform], "--python-version", python, "--target", str(tmp_path / "t")]
        command += ["--no-config", "-r", str(FOLDER / f"{name}.txt")]
        environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0", "UV_SYSTEM_CERTS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
        if done.returncode and OFFLINE.search(done.stderr):
            pytest.skip("this machine reaches no package index, so what the locked sets resolve to was not checked")
        assert done.returncode == 0, f"{platform}, Python {python}:\n{done.stderr}"
        assert "faiss-cpu==" in done.stderr and "rasterio==" in done.stderr
        gpu = "onnxruntime-gpu==" in done.stderr
        assert gpu == (name == "onnx-gpu" and platform in ("windows-x64", "linux-x64"))
        assert gpu != ("onnxruntime==" in done.stderr), "exactly one ONNX Runtime"

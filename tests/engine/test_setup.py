"""Setting the engine up for real, and every way in which that can fail."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from geoloupe.plugin.engine import environment, installation, plan, standalone
from geoloupe.plugin.engine.client import EngineClient
from geoloupe.plugin.engine.home import engines_folder, logs_folder, python_of, read_pointer, write_pointer
from geoloupe.plugin.errors import GeoLoupeError

PYTHON = Path(sys.executable)


def one_sentence(error):
    assert error.message.endswith(".") and "\n" not in error.message and "Traceback" not in error.message


@pytest.fixture
def no_python_chosen(home, monkeypatch):
    monkeypatch.delenv("GEOLOUPE_PYTHON", raising=False)
    return home


@pytest.mark.heavy
@pytest.mark.network
def test_a_real_set_up_in_a_folder_with_a_space_and_an_accent(tmp_path, monkeypatch):
    home = tmp_path / "Büro Müller" / "geo loupe"
    monkeypatch.setenv("GEOLOUPE_HOME", str(home))
    monkeypatch.delenv("GEOLOUPE_PYTHON", raising=False)
    (home / "engines" / "onnx-killed-long-ago").mkdir(parents=True)
    steps = []
    python = environment.setup("onnx", steps.append, python=PYTHON)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert any("Downloading" in step.message or "Fetching" in step.message for step in steps)
    found = environment.find_engine()
    assert found == (python, "private", "onnx", False)
    assert [folder.name for folder in engines_folder().iterdir()] == [read_pointer()["folder"]]
    config = (python.parents[1] / "pyvenv.cfg").read_text()
    assert "include-system-site-packages = false" in config
    client = EngineClient(python, log_path=tmp_path / "engine.log", home=home)
    try:
        hello = client.start()
        assert all(hello["packages"].values()) and Path(hello["executable"]) == python
    finally:
        client.stop()
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    assert 0.6 < size / environment.plan_setup("onnx", PYTHON).size_bytes < 1.5, "the plan told the truth"
    assert not (home / "cache" / "pip").exists()
    environment.remove_engine()
    assert environment.find_engine() is None


@pytest.mark.heavy
@pytest.mark.network
def test_stopping_a_set_up_changes_nothing(no_python_chosen):
    old = {"folder": "old", "set": "onnx", "requirements": "x"}
    write_pointer(old)
    (engines_folder() / "old").mkdir(parents=True)
    steps, asked = [], []

    def cancelled():
        if steps and "ownloading" in steps[-1].message and not asked:
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(GeoLoupeError) as caught:
        environment.setup("onnx", steps.append, cancelled, python=PYTHON)
    assert caught.value.code == "cancelled" and time.monotonic() - asked[0] < 3
    assert read_pointer() == old
    assert [folder.name for folder in engines_folder().iterdir()] == ["old"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    "network",
    [
        {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull},
        {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "PIP_CONFIG_FILE": os.devnull},
    ],
    ids=["no index", "no proxy"],
)
def test_offline_is_one_sentence_with_the_cause_kept(no_python_chosen, network):
    extra = {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", **network}
    with pytest.raises(GeoLoupeError) as caught:
        environment.setup("onnx", python=PYTHON, environment=extra)
    assert caught.value.code == "no_network"
    one_sentence(caught.value)
    assert "127.0.0.1" in caught.value.detail or "Proxy" in caught.value.detail
    assert read_pointer() is None and not list(engines_folder().iterdir())
    assert "pip install" in (logs_folder() / "setup.log").read_text()


@pytest.mark.heavy
@pytest.mark.network
def test_a_package_with_another_hash_is_thrown_away(no_python_chosen, tmp_path, monkeypatch):
    wrong = tmp_path / "requirements"
    wrong.mkdir()
    (wrong / "onnx.txt").write_text(f"affine==3.0.1 --hash=sha256:{'0' * 64}\n")
    (wrong / "sizes.json").write_text((plan.REQUIREMENTS / "sizes.json").read_text())
    for module in (plan, installation):
        monkeypatch.setattr(module, "REQUIREMENTS", wrong)
    with pytest.raises(GeoLoupeError) as caught:
        environment.setup("onnx", python=PYTHON)
    assert caught.value.code == "bad_download"
    one_sentence(caught.value)
    assert read_pointer() is None


@pytest.mark.heavy
@pytest.mark.network
def test_packages_that_do_not_start_are_not_switched_to(no_python_chosen, tmp_path, monkeypatch):
    thin = tmp_path / "requirements"
    thin.mkdir()
    lines = (plan.REQUIREMENTS / "onnx.txt").read_text().split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("certifi=="))
    end = next(i for i, line in enumerate(lines) if i > start and not line.startswith("    --hash"))
    (thin / "onnx.txt").write_text("\n".join(lines[start:end]).rstrip(" \\") + "\n")
    (thin / "sizes.json").write_text((plan.REQUIREMENTS / "sizes.json").read_text())
    for module in (plan, installation):
        monkeypatch.setattr(module, "REQUIREMENTS", thin)
    write_pointer({"folder": "old", "set": "onnx", "requirements": "x"})
    with pytest.raises(GeoLoupeError) as caught:
        environment.setup("onnx", python=PYTHON)
    assert caught.value.code == "setup_failed" and "numpy" in caught.value.message + caught.value.detail
    one_sentence(caught.value)
    assert read_pointer()["folder"] == "old"


def test_too_little_space_is_said_before_anything_is_done(no_python_chosen, monkeypatch):
    monkeypatch.setattr(plan, "SLACK_BYTES", 10**15)
    with pytest.raises(GeoLoupeError) as caught:
        environment.setup("onnx", python=PYTHON)
    assert caught.value.code == "disk_full" and "GEOLOUPE_HOME" in caught.value.message
    one_sentence(caught.value)
    assert not list(engines_folder().iterdir()) if engines_folder().exists() else True


@pytest.mark.heavy
@pytest.mark.network
def test_a_disk_that_fills_up_on_the_way_is_one_sentence(tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        monkeypatch.setenv("GEOLOUPE_HOME", str(disk / "home"))
        monkeypatch.setattr(installation, "check_disk", lambda _plan: None)  # something else fills the disk meanwhile
        with pytest.raises(GeoLoupeError) as caught:
            environment.setup("onnx", python=PYTHON)
        assert caught.value.code == "disk_full"
        one_sentence(caught.value)
        assert not list((disk / "home" / "engines").iterdir())
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("GEOLOUPE_HOME", str(blocked / "home"))
    with pytest.raises(GeoLoupeError) as caught:
        environment.setup("onnx", python=PYTHON)
    assert caught.value.code in ("setup_failed", "no_permission")
    one_sentence(caught.value)


def test_two_set_ups_at_once(no_python_chosen, root):
    script = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('b', {str(root / 'plugin' / 'bootstrap.py')!r})\n"
        "b = importlib.util.module_from_spec(spec); spec.loader.exec_module(b); b.register()\n"
        "from geoloupe.plugin.engine.process_lock import ProcessLock\n"
        "from geoloupe.plugin.engine.home import home\n"
        "lock = ProcessLock(home() / 'setup.lock'); print(lock.acquire(), flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline().strip() == "True"
        with pytest.raises(GeoLoupeError) as caught:
            environment.setup("onnx", python=PYTHON)
        assert caught.value.code == "setup_busy"
        one_sentence(caught.value)
        other.kill()
        other.wait()
    lock = installation.ProcessLock(no_python_chosen / "setup.lock")
    assert lock.acquire(), "the lock died with its holder"
    lock.release()


# uv and the Python that it brings


@pytest.fixture
def served(tmp_path):
    """A folder served on loopback: (folder, address)."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_arguments):
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def tar_with(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def never():
    return False


def test_a_download_is_kept_only_with_the_right_checksum(served, tmp_path):
    folder, address = served
    (folder / "a.bin").write_bytes(b"x" * 1_000_000)
    right, target = hashlib.sha256(b"x" * 1_000_000).hexdigest(), tmp_path / "a.bin"
    standalone.download(f"{address}/a.bin", target, right, never)
    assert target.read_bytes() == b"x" * 1_000_000
    for url, sha256, code in [
        (f"{address}/a.bin", "0" * 64, "bad_download"),
        (f"{address}/absent.bin", right, "no_network"),
        ("http://127.0.0.1:9/a.bin", right, "no_network"),
        ("file:///etc/passwd", right, "bad_download"),
        ("http://example.org/a.bin", right, "bad_download"),
    ]:
        with pytest.raises(GeoLoupeError) as caught:
            standalone.download(url, tmp_path / "b.bin", sha256, never)
        assert caught.value.code == code, url
        one_sentence(caught.value)
    with pytest.raises(GeoLoupeError) as caught:
        standalone.download(f"{address}/a.bin", tmp_path / "b.bin", right, lambda: True)
    assert caught.value.code == "cancelled"
    assert not (tmp_path / "b.bin").exists() and not (tmp_path / "b.bin.part").exists()


def test_one_file_is_taken_out_of_an_archive_and_nothing_else(tmp_path):
    (tmp_path / "out").mkdir()
    tar_with(tmp_path / "a.tar.gz", {"../../evil": b"evil", "uv-x/uvx": b"other", "uv-x/uv": b"the one"})
    standalone.extract_one(tmp_path / "a.tar.gz", "uv", tmp_path / "out" / "uv")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr("../evil.exe", "evil")
        bundle.writestr("uv.exe", "the one")
    standalone.extract_one(tmp_path / "a.zip", "uv.exe", tmp_path / "out" / "uv.exe")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["uv", "uv.exe"]
    assert (tmp_path / "out" / "uv").read_bytes() == (tmp_path / "out" / "uv.exe").read_bytes() == b"the one"
    assert not (tmp_path / "evil.exe").exists() and not (tmp_path.parent / "evil").exists()
    with pytest.raises(GeoLoupeError):
        standalone.extract_one(tmp_path / "a.zip", "absent", tmp_path / "x")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uv's archive for this platform is not made here")
def test_uv_that_fails_is_one_sentence(served, tmp_path):
    folder, address = served
    script = b"#!/bin/sh\necho 'error: Failed to download: dns error: failed to lookup address' >&2\nexit 2\n"
    sha256 = tar_with(folder / "uv.tar.gz", {"uv-x86_64-unknown-linux-gnu/uv": script})
    with pytest.raises(GeoLoupeError) as caught:
        standalone.bring_python(
            tmp_path / "python", "linux-x64", dict(os.environ), lambda *_: None, never, f"{address}/uv.tar.gz", sha256
        )
    assert caught.value.code == "no_network" and "dns error" in caught.value.detail
    one_sentence(caught.value)


@pytest.mark.heavy
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="packs this machine's Python as uv's for Linux")
def test_the_real_uv_brings_a_python_that_makes_environments(served, tmp_path):
    """The real uv, unpacked from an archive, installs a CPython from a list and an archive that are served here."""
    uv = PYTHON.with_name("uv")
    source = next(Path.home().glob(".pyenv/versions/3.12.*"), None)
    if not uv.exists() or source is None:
        pytest.skip("needs uv in this environment and a relocatable Python 3.12 to pack")
    folder, address = served
    sha256 = tar_with(folder / "uv.tar.gz", {"uv-x86_64-unknown-linux-gnu/uv": uv.read_bytes()})
    archive = folder / "cpython.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:

        def keep(entry):
            return None if entry.name.endswith(".pyc") or "/test/" in entry.name or "/site-packages/" in entry.name else entry

        tar.add(source, "python", filter=keep)
    major, minor, patch = (int(part) for part in source.name.split("."))
    facts = {
        "name": "cpython",
        "arch": {"family": "x86_64", "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": "",
        "url": f"{address}/cpython.tar.gz",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "variant": None,
        "build": "20240107",
    }
    (folder / "list.json").write_text(json.dumps({f"cpython-{source.name}-linux-x86_64-gnu": facts}))
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS_JSON_URL": str(folder / "list.json")}
    seen = []

    def bring():
        return standalone.bring_python(
            tmp_path / "python", "linux-x64", environ, lambda *step: seen.append(step), never, f"{address}/uv.tar.gz", sha256
        )

    python = bring()
    assert python.is_relative_to(tmp_path / "python") and seen[-1][0] == 1.0
    subprocess.run([str(python), "-I", "-m", "venv", str(tmp_path / "venv")], check=True, timeout=120)
    assert python_of(tmp_path / "venv").is_file()
    seen.clear()
    assert bring() == python and not seen, "what is there is used again"

"""What every test tier shares: the package under its name, a home of its own, no network, the data folder.

It works under two interpreters: the headless one (no QGIS) and QGIS's own Python (no rasterio, no faiss), so it imports the
standard library and pytest only.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
HOME_PREFIX = "geoloupe-tests-"

# Before anything of ours is imported: modules may read these when they load.
os.environ["GEOLOUPE_HOME"] = tempfile.mkdtemp(prefix=HOME_PREFIX)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# ``python -m pytest`` puts the working directory there, and the root's folders have names that anyone may own.
sys.path[:] = [entry for entry in sys.path if entry not in ("", str(ROOT))]


def _load(name, path):
    """Import one file under ``name`` without putting its folder on ``sys.path``."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_load("geoloupe_bootstrap", ROOT / "plugin" / "bootstrap.py").register(ROOT)


def _has(module):
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


HAS_QGIS = _has("qgis.core")
HAS_TORCH = _has("torch")

# Without QGIS those folders cannot even be imported; with it, the other interpreter's libraries are missing.
collect_ignore = [] if HAS_QGIS else ["qgis", "gui"]


def pytest_collection_modifyitems(config, items):
    """Skip tests marked ``torch`` where it is absent, unless GEOLOUPE_REQUIRE_TORCH says that this machine must have it."""
    if HAS_TORCH or os.environ.get("GEOLOUPE_REQUIRE_TORCH"):
        return
    skip = pytest.mark.skip(reason="PyTorch is not installed in this environment (make torch adds it)")
    for item in items:
        if item.get_closest_marker("torch"):
            item.add_marker(skip)


def pytest_unconfigure(config):
    """Remove this run's GEOLOUPE_HOME, and nothing else."""
    home = Path(os.environ.get("GEOLOUPE_HOME", ""))
    if home.name.startswith(HOME_PREFIX):
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty GEOLOUPE_HOME for one test; without this fixture a test shares the session's."""
    folder = tmp_path / "geoloupe-home"
    folder.mkdir()
    monkeypatch.setenv("GEOLOUPE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def root():
    """The checkout's folder."""
    return ROOT


@pytest.fixture(scope="session")
def data():
    """The folder of real imagery that GEOLOUPE_DATA names; the test is skipped where there is none."""
    value = os.environ.get("GEOLOUPE_DATA")
    if not value:
        pytest.skip("GEOLOUPE_DATA is not set: no real imagery to test on")
    folder = Path(value).resolve()
    if not (folder / "imagery").is_dir():
        pytest.skip(f"GEOLOUPE_DATA={value} has no folder imagery/")
    return folder


@pytest.fixture(scope="session")
def scene():
    """The module tests/scene.py: ``scene.write_town(path, ...)`` draws and labels a georeferenced town."""
    return _load("geoloupe_scene", TESTS / "scene.py")


@pytest.fixture(scope="session")
def town(scene, tmp_path_factory):
    """A generated town, written once for the session (read it, do not change it): see ``scene.Town``."""
    return scene.write_town(tmp_path_factory.mktemp("town") / "town.tif")


def _is_local(host):
    if host in (None, "", "localhost", b"localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.split("%")[0]).is_loopback or text in ("0.0.0.0", "::")
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def no_network(request, monkeypatch):
    """Python sockets of this process reach loopback only, except in tests marked ``network``."""
    if request.node.get_closest_marker("network"):
        return
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse(host):
        raise OSError(f"the network is closed to tests: {host!r} (mark the test 'network' if it must leave the machine)")

    def check(sock, address):
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            refuse(address[0])

    def guarded_connect(self, address):
        check(self, address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        check(self, address)
        return connect_ex(self, address)

    def guarded_lookup(host, *args, **kwargs):
        if not _is_local(host):
            refuse(host)
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_lookup)

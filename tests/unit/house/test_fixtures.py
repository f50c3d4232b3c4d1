"""The promises of tests/conftest.py that other tests lean on."""

import importlib
import os
import socket
import sys
from pathlib import Path

import pytest


def test_the_checkout_is_importable_whatever_its_folder_is_called(root):
    package = importlib.import_module("geoloupe.plugin.errors")
    assert Path(package.__file__) == root / "plugin" / "errors.py"


def test_the_root_is_not_on_sys_path(root):
    assert str(root) not in sys.path


def test_home_is_a_temporary_folder():
    assert Path(os.environ["GEOLOUPE_HOME"]).is_dir()
    assert Path(os.environ["GEOLOUPE_HOME"]) != Path.home()


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80)])
def test_the_network_is_closed(address):
    with pytest.raises(OSError, match="closed to tests"):
        socket.create_connection(address, timeout=1)


def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=1) as client:
        assert client.fileno() > 0

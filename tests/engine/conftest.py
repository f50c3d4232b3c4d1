"""Engines for tests: the real child process, always stopped at the end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from geoloupe.plugin.engine.client import WORKER, EngineClient

TOOL_WORKER = Path(__file__).resolve().with_name("tool_worker.py")


@pytest.fixture
def engine_python():
    """The interpreter that has the engine's packages: GEOLOUPE_PYTHON, else the one that runs the tests."""
    return Path(os.environ.get("GEOLOUPE_PYTHON") or sys.executable)


@pytest.fixture
def make_client(engine_python, home, tmp_path):
    """``make_client(worker=..., **options)``; every client made is stopped after the test."""
    clients = []

    def make(worker=TOOL_WORKER, **options):
        options.setdefault("log_path", tmp_path / f"engine-{len(clients)}.log")
        options.setdefault("home", home)
        options.setdefault("python", engine_python)
        client = EngineClient(worker=worker, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.stop()


@pytest.fixture
def client(make_client):
    """The engine with the extra operations of tool_worker.py."""
    return make_client()


@pytest.fixture
def engine(make_client):
    """The engine as it is shipped."""
    return make_client(worker=WORKER)


@pytest.fixture
def wait_until():
    """``wait_until(condition, seconds)``: poll; fails the test when it never comes true."""

    def wait(condition, seconds=10.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.01)

    return wait

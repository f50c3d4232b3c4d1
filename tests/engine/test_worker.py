"""The engine's own end, spoken to over bare pipes."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import time

import pytest

from geoloupe.plugin.engine.child_process import child_environment
from geoloupe.plugin.engine.client import WORKER
from geoloupe.plugin.engine.protocol import read_message, write_message


@pytest.fixture
def process(engine_python, home):
    command = [str(engine_python), "-I", "-X", "utf8", str(WORKER)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=child_environment(extra={"GEOLOUPE_HOME": str(home)}), **pipes) as child:
        yield child
        child.kill()


def test_end_of_file_ends_it_at_once(process):
    write_message(process.stdin, {"id": 1, "op": "cancel", "params": {"target": 9}})
    assert read_message(process.stdout).header["value"] == {"cancelled": False}
    start = time.monotonic()
    process.stdin.close()
    assert process.wait(5) == 0
    assert time.monotonic() - start < 0.5


def test_end_of_file_ends_it_in_the_middle_of_work(process):
    write_message(process.stdin, {"id": 1, "op": "hello", "params": {}})
    process.stdin.close()
    assert process.wait(5) == 0


def test_shutdown_ends_it(process):
    write_message(process.stdin, {"id": 1, "op": "shutdown", "params": {}})
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        os.urandom(64).replace(b"\x00", b"\xff"),
        struct.pack(">I", 20) + b"this is no JSON here",
        struct.pack(">I", 30) + json.dumps({"v": 2, "id": 1, "op": "hi"}).encode().ljust(30),
        struct.pack(">I", 500) + b"cut short",
    ],
    ids=["http", "random", "not json", "version 2", "cut short"],
)
def test_garbage_on_its_stdin_is_answered_and_ends_it(process, garbage):
    process.stdin.write(garbage)
    process.stdin.close()
    message = read_message(process.stdout)
    assert message.header["type"] == "error" and message.header["id"] == 0
    assert message.header["value"]["message"].endswith("start again.")
    assert process.wait(5) == 3
    assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("header", [{"op": "hello", "params": {}}, {"id": 4, "params": {}}, {"id": 4, "op": "hello"}])
def test_a_frame_that_is_no_request_is_refused_and_the_next_one_served(process, header):
    write_message(process.stdin, header)
    message = read_message(process.stdout)
    assert message.header["type"] == "error" and message.header["value"]["code"] == "usage"
    write_message(process.stdin, {"id": 5, "op": "cancel", "params": {"target": "nonsense"}})
    assert read_message(process.stdout).header["value"] == {"cancelled": False}


def test_pixels_nobody_asked_for_are_dropped(process):
    write_message(process.stdin, {"id": 0, "op": "pixels", "params": {"token": 12345, "ok": True}}, [b"x" * 100])
    write_message(process.stdin, {"id": 0, "op": "pixels", "params": {}})
    write_message(process.stdin, {"id": 6, "op": "cancel", "params": {}})
    assert read_message(process.stdout).header["id"] == 6

"""The client against a real child process: killed, hung, printing, breaking, cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from geoloupe.plugin.engine.child_process import CappedLog
from geoloupe.plugin.engine.client import WORKER
from geoloupe.plugin.engine.connection import Connection
from geoloupe.plugin.errors import GeoLoupeError

TOOL = WORKER.parents[2] / "tests" / "engine" / "tool_worker.py"


def sentence(error: GeoLoupeError) -> str:
    """Checks that it is one clear sentence for a person, and returns it."""
    assert "\n" not in error.message and "Traceback" not in error.message
    assert error.message[0].isupper() or error.message[0] == "/"
    assert error.message.endswith(".") and len(error.message) < 300
    return error.message


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_hello_says_what_it_is(engine):
    hello = engine.start()
    assert hello["protocol"] == 1
    assert hello["python"].startswith("3.")
    assert set(hello["packages"]) >= {"numpy", "onnxruntime", "faiss", "rasterio", "shapely", "pyproj"}
    assert hello["device"]["kind"] in ("cpu", "cuda") and hello["device"]["name"]
    assert hello["device"]["reason"].endswith(".")
    assert engine.alive and engine.hello == hello


def test_values_and_blobs_come_back(client):
    big = bytes(range(256)) * 20_000
    reply = client.call("echo", {"text": "blaues Dach ☃", "n": [1, 2.5, None]}, [b"", big])
    assert reply.value["params"] == {"text": "blaues Dach ☃", "n": [1, 2.5, None]}
    assert reply.blobs == [b"", big]


def test_answers_go_to_the_right_call(client):
    calls = [client.submit("echo", {"n": n}) for n in range(50)]
    assert [call.wait(10).value["params"]["n"] for call in calls] == list(range(50))


def test_calls_from_many_threads(client):
    answers = {}

    def ask(n):
        answers[n] = client.call("echo", {"n": n}, [bytes([n]) * 10_000]).blobs[0][:1]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == {n: bytes([n]) for n in range(16)}
    assert client.alive


def test_progress_and_done_callbacks(client):
    seen, done = [], threading.Event()
    call = client.submit("sleeps", {"seconds": 0.2}, on_progress=seen.append)
    call.add_done_callback(lambda finished: done.set())
    assert call.wait(10).value == {"slept": True}
    assert done.wait(2)
    assert len(seen) > 3 and all(step["left"] <= 0.2 for step in seen)
    late = []
    call.add_done_callback(late.append)
    assert late == [call]


def test_a_callback_that_raises_harms_nothing(client):
    def bad(_value):
        raise RuntimeError("a widget is gone")

    call = client.submit("sleeps", {"seconds": 0.1}, on_progress=bad)
    call.add_done_callback(bad)
    assert call.wait(10).value == {"slept": True}
    assert client.call("echo", {}).value["params"] == {}


def test_a_search_does_not_wait_for_a_long_run(client):
    client.start()
    long = client.submit("sleeps", {"seconds": 5})
    start = time.monotonic()
    client.call("quick", {})
    assert time.monotonic() - start < 1
    assert not long.done
    long.cancel()


# errors


def test_an_error_of_ours_comes_over_as_it_is(client):
    with pytest.raises(GeoLoupeError) as caught:
        client.call("breaks", {"kind": "ours"})
    assert (caught.value.code, caught.value.message) == ("no_crs", "The raster has no CRS.")


@pytest.mark.parametrize("kind", ["bug", "exit", "unsendable"])
def test_a_bug_in_an_operation_is_one_sentence_and_the_engine_lives_on(client, kind):
    client.start()
    pid = client.pid
    with pytest.raises(GeoLoupeError) as caught:
        client.call("breaks", {"kind": kind})
    assert caught.value.code == "internal"
    assert sentence(caught.value)
    assert caught.value.detail
    if kind == "bug":
        assert "ordinary bug" in caught.value.detail and "Traceback" in caught.value.detail
    assert client.call("echo", {"still": "here"}).value["params"] == {"still": "here"}
    assert client.pid == pid


def test_a_full_disk_is_named_with_its_folder(client):
    with pytest.raises(GeoLoupeError) as caught:
        client.call("breaks", {"kind": "full"})
    assert caught.value.code == "disk_full"
    assert "/somewhere/index/shards" in sentence(caught.value)


def test_an_unknown_operation_is_refused(client):
    with pytest.raises(GeoLoupeError) as caught:
        client.call("fly", {})
    assert caught.value.code == "usage" and "fly" in sentence(caught.value)


def test_a_request_that_is_no_json_fails_alone(client):
    client.start()
    with pytest.raises(GeoLoupeError) as caught:
        client.call("echo", {"bad": float("nan")})
    assert caught.value.code == "usage"
    assert client.call("echo", {"n": 1}).value["params"] == {"n": 1}


# crashes


def test_kill_9_in_mid_call_fails_every_open_call_and_the_next_one_restarts(client, wait_until):
    client.start()
    progress = []
    calls = [client.submit("sleeps", {"seconds": 30}, on_progress=progress.append), client.submit("hangs", {})]
    wait_until(lambda: progress)
    old = client.pid
    os.kill(old, signal.SIGKILL)
    for call in calls:
        with pytest.raises(GeoLoupeError) as caught:
            call.wait(5)
        assert caught.value.code == "engine_crashed"
        assert "start again" in sentence(caught.value)
    assert not client.alive
    assert client.call("echo", {"n": 1}).value["params"] == {"n": 1}
    assert client.pid != old


def test_an_engine_that_exits_by_itself(client):
    client.start()
    with pytest.raises(GeoLoupeError) as caught:
        client.submit("breaks", {"kind": "die"}).wait(5)
    assert caught.value.code == "engine_crashed"
    assert "exit code 9" in caught.value.detail
    assert client.call("echo", {}).value["params"] == {}


def test_garbage_on_its_stdout_is_one_sentence(client):
    client.start()
    with pytest.raises(GeoLoupeError) as caught:
        client.submit("breaks", {"kind": "spew"}).wait(5)
    assert caught.value.code == "engine_crashed"
    assert "unreadable" in sentence(caught.value)
    assert client.call("echo", {}).value["params"] == {}


def test_a_library_that_prints_harms_nothing_and_lands_in_the_log(client, wait_until):
    assert client.call("prints", {"read": True}).value == {"printed": True, "stdin": ""}
    assert client.call("echo", {"n": 1}).value["params"] == {"n": 1}
    # the answer may overtake the log's first line, and with it the file
    wait_until(lambda: client.log_path.exists() and b"and a grandchild too" in client.log_path.read_bytes())
    log = client.log_path.read_bytes()
    assert b"a library says hello" in log and b"garbage from C" in log


def test_the_log_is_capped(tmp_path):
    log = CappedLog(tmp_path / "x.log", limit=1000)
    for n in range(100):
        log.write(b"%03d " % n + b"x" * 60 + b"\n")
    log.close()
    files = sorted(path.name for path in tmp_path.glob("x.log*"))
    assert files == ["x.log", "x.log.1"]
    assert sum(path.stat().st_size for path in tmp_path.glob("x.log*")) < 2200
    assert log.tail().endswith("099 " + "x" * 60)


# cancelling


def test_cancel_takes_effect_within_a_batch(client, wait_until):
    seen = []
    call = client.submit("sleeps", {"seconds": 30}, on_progress=seen.append)
    wait_until(lambda: seen)
    pid, start = client.pid, time.monotonic()
    call.cancel()
    with pytest.raises(GeoLoupeError) as caught:
        call.wait(5)
    assert caught.value.code == "cancelled"
    assert time.monotonic() - start < 0.5
    assert client.call("echo", {}).value["params"] == {} and client.pid == pid


def test_cancel_of_a_call_that_has_not_begun(client):
    client.start()
    first = client.submit("sleeps", {"seconds": 1.0})
    second = client.submit("sleeps", {"seconds": 30})
    second.cancel()
    first.wait(5)
    with pytest.raises(GeoLoupeError) as caught:
        second.wait(1)
    assert caught.value.code == "cancelled"


def test_an_engine_that_does_not_obey_is_killed_after_two_seconds(client, wait_until):
    seen = []
    call = client.submit("hangs", {"seconds": 60}, on_progress=seen.append)
    wait_until(lambda: seen)
    other = client.submit("sleeps", {"seconds": 60})
    pid, start = client.pid, time.monotonic()
    call.cancel()
    call.cancel()
    with pytest.raises(GeoLoupeError) as caught:
        call.wait(5)
    took = time.monotonic() - start
    assert caught.value.code == "cancelled" and sentence(caught.value)
    assert 1.9 < took < 2.6
    with pytest.raises(GeoLoupeError) as bystander:
        other.wait(2)
    assert bystander.value.code == "engine_crashed" and sentence(bystander.value)
    wait_until(lambda: not running(pid), 3)
    assert client.call("echo", {}).value["params"] == {}


def test_a_frozen_engine_never_blocks_who_submits(client, wait_until):
    client.start()
    os.kill(client.pid, signal.SIGSTOP)
    start = time.monotonic()
    call = client.submit("echo", {}, [bytes(5_000_000)])
    assert time.monotonic() - start < 0.2
    call.cancel()
    with pytest.raises(GeoLoupeError) as caught:
        call.wait(5)
    assert caught.value.code == "cancelled"
    assert client.call("echo", {"n": 2}).value["params"] == {"n": 2}


def test_cancel_after_the_answer_does_nothing(client):
    call = client.submit("echo", {})
    call.wait(10)
    pid = client.pid
    call.cancel()
    time.sleep(0.1)
    assert client.pid == pid and call.wait(0).value["params"] == {}


def test_wait_can_give_up_without_harm(client):
    call = client.submit("sleeps", {"seconds": 0.5})
    with pytest.raises(TimeoutError):
        call.wait(0.05)
    assert call.wait(10).value == {"slept": True}


# pixels


def test_pixels_are_asked_for_and_answered(client):
    asked = []

    def draw(request):
        asked.append(request)
        if request["bounds"][0] == 1:
            return None
        if request["bounds"][0] == 2:
            raise RuntimeError("the layer was removed")
        if request["bounds"][0] == 3:
            raise GeoLoupeError("raster_unreadable", "The server said 503.")
        return bytes(request["width"] * request["height"] * 4)

    answers = client.submit("draws", {"count": 5}, on_pixels=draw).wait(10).value["answers"]
    assert answers[0] == 48 and answers[1] is None and answers[4] == 48
    assert "could not draw" in answers[2] and answers[3] == "The server said 503."
    assert asked[0]["crs"] == "EPSG:3857" and asked[0]["source"] == "layer-1"
    assert (asked[0]["width"], asked[0]["height"]) == (4, 3)


def test_without_anyone_to_draw_it_is_an_error_not_a_wait(client):
    answers = client.submit("draws", {}).wait(5).value["answers"]
    assert "only be drawn by QGIS" in answers[0]


def test_a_slow_drawing_holds_up_nothing_and_can_be_cancelled(client, wait_until):
    drawing, release = threading.Event(), threading.Event()

    def draw(_request):
        drawing.set()
        release.wait(20)

    call = client.submit("draws", {}, on_pixels=draw)
    assert drawing.wait(10)
    assert client.call("quick", {"n": 1}).value["params"] == {"n": 1}
    call.cancel()
    with pytest.raises(GeoLoupeError) as caught:
        call.wait(1)
    assert caught.value.code == "cancelled"
    release.set()
    assert client.call("echo", {}).value["params"] == {}


# starting and stopping


def test_stop_ends_the_process_and_fails_what_is_open(client, wait_until):
    call = client.submit("sleeps", {"seconds": 30})
    client.start()
    pid, start = client.pid, time.monotonic()
    client.stop()
    assert time.monotonic() - start < 1.5
    with pytest.raises(GeoLoupeError) as caught:
        call.wait(1)
    assert caught.value.code == "cancelled" and sentence(caught.value)
    assert not client.alive and not running(pid)
    client.stop()


def test_stop_kills_an_engine_that_hangs(client):
    client.start()
    pid = client.pid
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    client.stop(timeout=0.5)
    assert time.monotonic() - start < 2
    assert not running(pid)


def test_an_idle_engine_stops_and_comes_back(make_client, wait_until):
    client = make_client(idle_seconds=0.3)
    client.call("echo", {})
    pid = client.pid
    call = client.submit("sleeps", {"seconds": 0.8})
    assert call.wait(10).value == {"slept": True} and client.pid == pid
    wait_until(lambda: not client.alive, 3)
    assert client.call("echo", {"n": 1}).value["params"] == {"n": 1}


def test_a_python_that_does_not_exist(make_client, tmp_path):
    client = make_client(python=tmp_path / "no-python")
    with pytest.raises(GeoLoupeError) as caught:
        client.start()
    assert caught.value.code == "no_engine" and sentence(caught.value)
    with pytest.raises(GeoLoupeError):
        client.submit("echo", {})


def test_a_worker_that_cannot_start(make_client, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name")
    client = make_client(worker=broken)
    with pytest.raises(GeoLoupeError) as caught:
        client.start()
    assert caught.value.code == "engine_crashed" and "could not start" in sentence(caught.value)
    assert "nothing_of_that_name" in caught.value.detail


def test_a_worker_that_is_gone_before_it_is_asked_anything(make_client, tmp_path, monkeypatch):
    """On a busy machine the process may have ended before the hello is queued: nobody would ever answer it."""
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name")
    submit = Connection.submit

    def late(connection, call, params, blobs=()):
        assert connection._ended.wait(20)
        return submit(connection, call, params, blobs)

    monkeypatch.setattr(Connection, "submit", late)
    client = make_client(worker=broken)
    with pytest.raises(GeoLoupeError) as caught:
        client.start(timeout=5)
    assert caught.value.code == "engine_crashed" and "could not start" in sentence(caught.value)
    with pytest.raises(GeoLoupeError) as caught:
        client.submit("echo", {})
    assert caught.value.code == "engine_crashed" and "keeps stopping" in sentence(caught.value)


def test_an_engine_that_never_says_hello(make_client, tmp_path):
    mute = tmp_path / "mute.py"
    mute.write_text("import time; time.sleep(60)")
    client = make_client(worker=mute)
    with pytest.raises(GeoLoupeError) as caught:
        client.start(timeout=0.5)
    assert caught.value.code == "engine_crashed" and sentence(caught.value)


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"protocol": 99}, "version"), ({"protocol": 1, "packages": {"faiss": None, "numpy": "2"}}, "faiss")],
)
def test_an_engine_of_another_version_or_without_packages_is_refused(make_client, tmp_path, facts, word):
    odd = tmp_path / "odd.py"
    odd.write_text(
        "import json, struct, sys, time\n"
        "pipe = sys.stdin.buffer\n"
        "asked = json.loads(pipe.read(struct.unpack('>I', pipe.read(4))[0]))\n"
        f"body = json.dumps({{'v': 1, 'id': asked['id'], 'type': 'result', 'value': {facts!r}}}).encode()\n"
        "sys.stdout.buffer.write(struct.pack('>I', len(body)) + body); sys.stdout.flush(); time.sleep(60)\n"
    )
    client = make_client(worker=odd)
    waiting = client.submit("echo", {})
    for ask in (lambda: waiting.wait(5), client.start):
        with pytest.raises(GeoLoupeError) as caught:
            ask()
        assert caught.value.code == "no_engine" and word in sentence(caught.value)


def test_two_clients_have_two_engines(make_client):
    one, two = make_client(), make_client()
    one.start(), two.start()
    assert one.pid != two.pid
    os.kill(one.pid, signal.SIGKILL)
    assert two.call("echo", {"n": 1}).value["params"] == {"n": 1}


def test_the_engine_runs_behind_other_work(client):
    client.start()
    assert os.getpriority(os.PRIO_PROCESS, client.pid) >= os.getpriority(os.PRIO_PROCESS, 0)
    real = subprocess.Popen([sys.executable, "-I", str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(0.5)
    nice = os.getpriority(os.PRIO_PROCESS, real.pid)
    real.stdin.close()
    real.stdout.close()
    real.wait(5)
    assert nice > os.getpriority(os.PRIO_PROCESS, 0)


def test_the_engine_dies_with_its_parent(engine_python, home, tmp_path, wait_until):
    """A QGIS that crashes closes the pipe, and nothing else: the engine must see that."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import importlib.util, os, signal, sys\n"
        "from pathlib import Path\n"
        f"spec = importlib.util.spec_from_file_location('b', {str(WORKER.parents[1] / 'bootstrap.py')!r})\n"
        "b = importlib.util.module_from_spec(spec); spec.loader.exec_module(b); b.register()\n"
        "from geoloupe.plugin.engine.client import EngineClient\n"
        f"c = EngineClient(Path({str(engine_python)!r}), log_path=Path({str(tmp_path / 'p.log')!r}), home=Path({str(home)!r}),"
        f" worker=Path({str(TOOL)!r}))\n"
        "c.start(); c.submit('hangs', {}); print(c.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    pid = int(parent.stdout)
    wait_until(lambda: not running(pid), 2)

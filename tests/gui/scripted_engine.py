"""An engine that says what a test tells it to: the real client and a real process, without models. Run by path, ``python -I``.

Its orders are the JSON file named by GEOLOUPE_TEST_ORDERS, read again for each request: ``{op: {"error": [code, sentence]}}``,
``{op: {"die": true}}``, ``{op: {"value": {...}}}``; without an order it answers as a small town would.
"""

import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("protocol", ROOT / "plugin" / "engine" / "protocol.py")
protocol = importlib.util.module_from_spec(spec)
sys.modules["protocol"] = protocol
spec.loader.exec_module(protocol)

STEPS, STEP_SECONDS = 20, 0.05
out, lock, cancelled = sys.stdout.buffer, threading.Lock(), set()


def send(number, kind, value, blobs=()):
    with lock:
        protocol.write_message(out, {"id": number, "type": kind, "value": value}, blobs)


def hit(rank, source):
    x = 100.0 * rank
    return {
        "rank": rank,
        "score": 0.9 - rank * 0.01,
        "source": source,
        "source_name": "town",
        "x0": 10 * rank,
        "y0": 0,
        "x1": 10 * rank + 10,
        "y1": 10,
        "gsd": 0.5,
        "scale": 0,
        "date": None,
        "id": rank,
        "crs": "EPSG:3857",
        "footprint": [[x, 0.0], [x + 20, 0.0], [x + 20, 20.0], [x, 20.0]],
    }


def hello(params):
    device = {"kind": "cpu", "name": "CPU, 2 threads", "reason": "No NVIDIA GPU was found."}
    card = {"id": "compact", "name": "Compact"}
    return {"protocol": 1, "version": "0", "python": "3.11", "packages": {"numpy": "2"}, "device": device, "encoders": [card]}


def info(params):
    facts = {"encoder": {"fingerprint": {"id": "compact"}}, "encoder_available": True, "rows": 12400, "gsds": [0.15]}
    return {"path": params["index"], "name": "town", "complete": True, "being_written": False, **facts}


def estimate(params):
    metres = float(params.get("object_size") or 10)
    return {"chips": 300, "regions": int(124000 / metres), "bytes": 6.4e6, "seconds": 130, "gsds": [metres / 79], "done_chips": 0}


def search(params):
    source = params["query"]["boxes"][0]["source"]["uri"] if params["query"]["boxes"] else "/nowhere.tif"
    likely = params["query"]["text"] != "glacier"
    message = None if likely else "Probably nothing here: no place fits well."
    hits = [hit(rank, source) for rank in range(1, 1 + min(8, params["count"]))]
    seconds = {"encode": 0.01, "search": 0.01, "total": 0.02}
    presence = {"likely": likely, "message": message, "confidence": 0.5}
    return {
        "hits": hits,
        "presence": presence,
        "seconds": seconds,
        "rows": 12400,
        "exact": True,
        "crs": "EPSG:3857",
        "encoder": {"id": "compact", "revision": "1"},
        "asked": params,
    }


def index(number, params):
    for step in range(STEPS):
        if number in cancelled:
            send(number, "error", {"code": "cancelled", "message": "Stopped; what was done so far is kept."})
            return
        left = (STEPS - step) * STEP_SECONDS
        send(number, "progress", {"phase": "encode", "done": step, "total": STEPS, "rows": 100 * step, "seconds_left": left})
        time.sleep(STEP_SECONDS)
    send(
        number,
        "result",
        {"rows": 12400, "new_rows": 12400, "chips": 300, "skipped_chips": 0, "seconds": 1.0, "index": params["index"]},
    )


def answer(header):
    number, op, params = header["id"], header["op"], header.get("params") or {}
    with open(os.environ["GEOLOUPE_TEST_ORDERS"], encoding="utf-8") as file:
        orders = json.load(file)
    with open(os.environ["GEOLOUPE_TEST_ORDERS"] + ".asked", "a", encoding="utf-8") as file:
        file.write(json.dumps({"op": op, "params": params}) + "\n")
    order = orders.get(op, {})
    if order.get("sleep"):
        time.sleep(order["sleep"])
    if order.get("die"):
        os._exit(3)
    if order.get("error"):
        code, message = order["error"]
        send(number, "error", {"code": code, "message": message, "detail": "as ordered"})
    elif "value" in order:
        send(number, "result", order["value"])
    elif op == "index":
        index(number, params)
    elif op == "thumbnails":
        count = len(params["hits"])
        send(number, "result", {"sizes": [[4, 4]] * count}, [bytes(48)] * count)
    else:
        send(number, "result", {"hello": hello, "info": info, "estimate": estimate, "search": search}[op](params))


while True:
    message = protocol.read_message(sys.stdin.buffer)
    if message is None or message.header.get("op") == "shutdown":
        os._exit(0)
    if message.header["op"] == "cancel":
        cancelled.add(message.header["params"]["target"])
        continue
    threading.Thread(target=answer, args=(message.header,), daemon=True).start()

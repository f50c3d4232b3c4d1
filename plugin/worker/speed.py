"""How many chips a second this machine encodes, measured once for each encoder and device and then kept."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from ...models.encoder import Encoder
from ..engine.home import home
from .device import cpu_name

REGIONS = 46  # of a chip at full overlap
BATCH = 4
SECONDS = 0.6  # measured at least this long, after one batch to warm up
_lock = threading.Lock()


def chips_per_second(encoder: Encoder) -> float:
    """From the file of measurements, else measured now (about a second)."""
    with _lock:
        known = _read()
        key = _key(encoder)
        if key not in known:
            known[key] = round(measure(encoder), 3)
            _write(known)
        return float(known[key])


def learn(encoder: Encoder, measured: float) -> None:
    """Keep what a real index run reached: it knows more than a trial, reading the raster included."""
    if measured <= 0:
        return
    with _lock:
        known = _read()
        known[_key(encoder)] = round(measured, 3)
        _write(known)


def measure(encoder: Encoder) -> float:
    """Encode random chips for a moment; chips a second."""
    size = encoder.card.chip_size
    generator = np.random.default_rng(0)
    chips = generator.integers(0, 256, (BATCH, size, size, 3), dtype=np.uint8)
    corners = generator.random((BATCH, REGIONS, 2), dtype=np.float32) * 0.7
    boxes = np.concatenate([corners, corners + 0.25], axis=2)
    encoder.encode_regions(chips, boxes)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        encoder.encode_regions(chips, boxes)
        done += BATCH
    return done / (time.perf_counter() - start)


def _key(encoder: Encoder) -> str:
    facts = json.dumps([encoder.card.fingerprint(), encoder.device, cpu_name()], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _path() -> Path:
    return home() / "speed.json"


def _read() -> dict[str, Any]:
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in known.items() if isinstance(v, (int, float)) and v > 0} if isinstance(known, dict) else {}


def _write(known: dict[str, Any]) -> None:
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_text(json.dumps(known), encoding="utf-8")
        os.replace(part, path)
    except OSError as problem:  # measured again next time
        print(f"could not keep the measured speed: {problem}", file=sys.stderr)

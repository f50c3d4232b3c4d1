"""On what the encoders run here, in words for the user."""

from __future__ import annotations

import os
import platform
import subprocess  # nosec B404: only NVIDIA's own query tool, without a shell
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import GeoLoupeError
from .encoders import Encoders


def describe(encoders: Encoders) -> dict[str, Any]:
    """{kind: "cpu" | "cuda", name, reason}: what the compact encoder runs on now, and why when it is the CPU."""
    try:
        encoder = encoders.get("compact")
    except (GeoLoupeError, OSError, ImportError, RuntimeError, ValueError) as error:
        return {"kind": "cpu", "name": cpu_name(), "reason": f"The encoder could not be loaded: {error}"}
    if encoder.device == "cuda":
        return {"kind": "cuda", "name": gpu_name() or "NVIDIA GPU", "reason": encoder.device_reason}
    return {"kind": "cpu", "name": cpu_name(), "reason": cpu_reason(encoder.device_reason)}


def cpu_reason(encoder_reason: str) -> str:
    """One sentence: no GPU, an engine without GPU support, or what the encoder said."""
    gpu = gpu_name()
    if gpu is None:
        return "No NVIDIA GPU was found."
    from onnxruntime import get_available_providers

    if "CUDAExecutionProvider" not in get_available_providers():
        return f"This computer has an {gpu}, but the engine was set up for the CPU; set up the GPU engine to use it."
    return encoder_reason


def cpu_name() -> str:
    """For example "AMD EPYC 9B14, 2 threads"."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        name = os.environ.get("PROCESSOR_IDENTIFIER") or name
    return f"{name}, {usable_threads()} threads"


def usable_threads() -> int:
    """Threads this process may use; a container or a batch system may give fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def gpu_name() -> str | None:
    """The first NVIDIA GPU's name, or None."""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(  # nosec B603: fixed arguments; NVIDIA installs the tool on PATH
            command, capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL, creationflags=flags, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.strip().splitlines()
    return lines[0].strip() if answer.returncode == 0 and lines else None

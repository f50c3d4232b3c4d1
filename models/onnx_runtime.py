"""ONNX Runtime sessions: which device, how many threads, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..plugin.errors import GeoLoupeError

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


@dataclass(frozen=True)
class Device:
    """Where a model runs and one sentence that says why."""

    kind: str  # "cpu" or "cuda"
    reason: str


def threads() -> int:
    """All cores that this process may use but one, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)


def check_device_name(wanted: str) -> None:
    """Raise GeoLoupeError(bad_device) unless ``wanted`` is auto, cpu or cuda."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise GeoLoupeError("bad_device", f"There is no device “{wanted}”: use auto, cpu or cuda.")


def choose_device(wanted: str, probe: Path) -> Device:
    """Decide between CPU and CUDA; ``wanted`` is auto, cpu or cuda and ``probe`` a small model to try.

    Raises GeoLoupeError(bad_device) when CUDA was demanded and does not work.
    """
    check_device_name(wanted)
    if wanted == "cpu":
        return Device("cpu", "The CPU was chosen.")
    problem = cuda_problem(probe)
    if problem is None:
        return Device("cuda", "A CUDA graphics processor was found and works.")
    if wanted == "cuda":
        raise GeoLoupeError("bad_device", f"CUDA cannot be used: {problem} Choose the device auto or cpu.")
    return Device("cpu", f"The CPU is used because {problem[0].lower()}{problem[1:]}")


def cuda_problem(probe: Path) -> str | None:
    """Why CUDA cannot be used, in one sentence, or None when a session really starts on it."""
    if CUDA not in onnxruntime.get_available_providers():
        return "The installed onnxruntime has no CUDA support."
    try:
        session = onnxruntime.InferenceSession(str(probe), session_options(), providers=[CUDA])
    except Exception:  # whatever a driver throws, the CPU still works
        return "The CUDA libraries or the driver do not work."
    if session.get_providers()[:1] != [CUDA]:
        return "No working CUDA graphics processor was found."
    return None


def session_options(count: int | None = None) -> onnxruntime.SessionOptions:
    """Few threads (``count``, or as many as :func:`threads` says) that sleep while they wait, so the machine stays usable."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads() if count is None else count
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


class Graph:
    """One ONNX file, opened when first used."""

    def __init__(self, path: Path, device: Device) -> None:
        self._path, self._device = path, device
        self._session: onnxruntime.InferenceSession | None = None
        self._reads: set[str] = set()

    def __call__(self, inputs: Mapping[str, NDArray]) -> NDArray[np.float32]:
        """Run it on those of the inputs that it has; the first output, float32.

        Raises GeoLoupeError(bad_encoder) when the file cannot be opened.
        """
        if self._session is None:
            providers = [CUDA, CPU] if self._device.kind == "cuda" else [CPU]
            try:
                session = onnxruntime.InferenceSession(str(self._path), session_options(), providers=providers)
            except Exception as problem:
                raise GeoLoupeError(
                    "bad_encoder", f"The model file {self._path.name} cannot be opened: install the encoder again.", str(problem)
                ) from problem
            self._reads = {given.name for given in session.get_inputs()}
            self._session = session
        read = {name: values for name, values in inputs.items() if name in self._reads}
        return np.asarray(self._session.run(None, read)[0], dtype=np.float32)

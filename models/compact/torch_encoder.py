"""The compact encoder in torch, from the same folder and with the same vectors as in ONNX Runtime; in full precision."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...plugin.errors import GeoLoupeError
from ..onnx_runtime import Device, check_device_name
from .architecture import CompactNetwork
from .encoder import WEIGHTS, CompactEncoder
from .half_weights import read


class TorchCompact(CompactEncoder):
    """:class:`CompactEncoder` with its three runs done by torch on the CPU or a CUDA device."""

    def _open(self, device: str) -> Device:
        check_device_name(device)
        working = torch.cuda.is_available()
        if device == "cuda" and not working:
            raise GeoLoupeError("bad_device", "PyTorch finds no CUDA graphics processor: choose the device auto or cpu.")
        try:
            weights = {name: torch.from_numpy(values.astype(np.float32)) for name, values in read(self.folder / WEIGHTS).items()}
            network = CompactNetwork(len(weights["words.weight"]))
            network.load_state_dict(weights)
        except (OSError, ValueError, KeyError, RuntimeError) as problem:
            raise GeoLoupeError(
                "bad_encoder", f"PyTorch cannot read the weights of the encoder “{self.card.id}”: use ONNX Runtime.", str(problem)
            ) from problem
        if working and device != "cpu":
            chosen = Device("cuda", "PyTorch found a CUDA graphics processor.")
        elif device == "cpu":
            chosen = Device("cpu", "The CPU was chosen.")
        else:
            chosen = Device("cpu", "The CPU is used because PyTorch finds no CUDA graphics processor.")
        self._network = network.eval().requires_grad_(False).to(chosen.kind)
        self._where = chosen.kind
        return chosen

    def _run_chips(self, chips: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            return self._network.regions(self._network.look(self._to(chips)), self._to(boxes)).cpu().numpy()

    def _run_query(
        self,
        chips: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        words: NDArray[np.int64],
        segments: NDArray[np.int64],
        places: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            beside = [self._to(values)[:, None] for values in (boxes, words, segments, places)]
            return self._network.composed(self._network.look(self._to(chips)), *beside)[:, 0].cpu().numpy()

    def _run_text(
        self, words: NDArray[np.int64], segments: NDArray[np.int64], places: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        with torch.inference_mode():
            return self._network.texts(self._to(words), self._to(segments), self._to(places)).cpu().numpy()

    def _to(self, values: NDArray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._where)

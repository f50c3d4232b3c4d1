"""The features of MobileNetV2 as ImageNet left it, averaged over boxes: what the encoder is compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..architecture import MOBILE, Convolution, mobile_blocks, overlap, to_pixels
from .measures import unit

WEIGHTS = "mobilenet_v2_imagenet/mobilenet_v2_imagenet_fp16.pt"
STRIDE_16 = 14  # blocks whose last map has one cell for each 16 pixels
BATCH = 16


class ImageNetFeatures:
    """The last maps of one cell for 16 and for 32 pixels; a vector is a map's mean over a box, by the exact part of each cell."""

    def __init__(self, training: Path) -> None:
        weights = torch.load(training / WEIGHTS, weights_only=True, map_location="cpu")
        self.blocks = nn.Sequential(*mobile_blocks(), Convolution(MOBILE[-1][1], 1280))
        own = {name[2:]: value.float() for name, value in weights.items() if name.startswith("f.")}
        self.blocks.load_state_dict(own)
        self.blocks.eval()

    def regions(self, chips: NDArray[np.uint8], boxes: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """(n, s, s, 3) and (n, regions, 4) -> (n, regions, channels) of unit length for stride 16 and for stride 32."""
        found: list[list[NDArray]] = [[], []]
        for start in range(0, len(chips), BATCH):
            given = to_pixels(torch.tensor(chips[start : start + BATCH]))
            with torch.no_grad():
                fine = self.blocks[:STRIDE_16](given)
                coarse = self.blocks[STRIDE_16:](fine)
            for maps, parts in zip((fine, coarse), found, strict=True):
                part = inside(boxes[start : start + BATCH], maps.shape[-1])
                rows = maps.flatten(2).transpose(1, 2).numpy()
                parts.append(unit(part @ rows / np.maximum(part.sum(-1, keepdims=True), 1e-9)).astype(np.float32))
        return [np.concatenate(parts) for parts in found]

    def joined(self, chips: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Both beside each other, so that one look gives both; :func:`apart` takes them apart."""
        return np.concatenate(self.regions(chips, boxes), -1)


def apart(joined: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """What :meth:`ImageNetFeatures.joined` made, by the name of the map."""
    fine = joined.shape[-1] - 1280
    return {"stride 16": joined[..., :fine], "stride 32": joined[..., fine:]}


def inside(boxes: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """(n, regions, 4) -> (n, regions, cells squared): the part of each cell that lies in the box."""
    return overlap(torch.tensor(boxes, dtype=torch.float32), cells).numpy()

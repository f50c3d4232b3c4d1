"""One file of half-precision tensors in the safetensors layout, which torch reads by name and ONNX by offset. Only numpy.

The layout: eight bytes with the length of a JSON header, the header ({name: {dtype, shape, data_offsets}}), the bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LONGEST_HEADER = 1_000_000
ALIGNMENT = 64


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: its shape, its first byte in the file, and how many bytes it has."""

    shape: tuple[int, ...]
    offset: int
    length: int


def write(path: Path, tensors: Mapping[str, NDArray]) -> None:
    """Write the tensors, rounded to half precision, in the order of their names."""
    header: dict[str, dict] = {}
    end = 0
    for name in sorted(tensors):
        begin, end = end, end + 2 * tensors[name].size
        header[name] = {"dtype": "F16", "shape": list(tensors[name].shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(tensors):
            file.write(np.ascontiguousarray(tensors[name], np.float16).astype("<f2").tobytes())


def layout(path: Path) -> dict[str, Place]:
    """Where each tensor lies. Raises ValueError when the file is not one of half-precision tensors."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= min(LONGEST_HEADER, size - 8):
            raise ValueError(f"{path.name} has no readable header.")
        header = json.loads(file.read(length))
    found = {}
    for name, facts in header.items():
        if name == "__metadata__":
            continue
        shape, (begin, end) = tuple(int(side) for side in facts["shape"]), facts["data_offsets"]
        right = facts["dtype"] == "F16" and all(side >= 0 for side in shape) and end - begin == 2 * math.prod(shape)
        if not right or not 0 <= begin <= end <= size - 8 - length:
            raise ValueError(f"The tensor {name} in {path.name} is not of half precision or lies outside the file.")
        found[name] = Place(shape, 8 + length + begin, end - begin)
    return found


def read(path: Path) -> dict[str, NDArray[np.float16]]:
    """Every tensor by its name. Raises ValueError as :func:`layout` does."""
    data = path.read_bytes()
    return {
        name: np.frombuffer(data, "<f2", math.prod(place.shape), place.offset).reshape(place.shape)
        for name, place in layout(path).items()
    }

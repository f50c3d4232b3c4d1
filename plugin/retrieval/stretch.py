"""How 16-bit and float values become bytes: measured once for each source, kept in the index, used for queries too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOW_PERCENT, HIGH_PERCENT = 2.0, 98.0
POLICY = "uint8 as it is; others from the 2nd to the 98th percentile of each band, measured once for each source"


@dataclass(frozen=True)
class Stretch:
    """For each band the value that becomes 0 and the one that becomes 255; empty tuples leave bytes as they are."""

    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def identity(self) -> bool:
        return not self.low

    def to_json(self) -> dict[str, Any]:
        return {"low": list(self.low), "high": list(self.high)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Stretch:
        return cls(tuple(float(value) for value in facts["low"]), tuple(float(value) for value in facts["high"]))

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """(bands, ...) -> the same shape in bytes; what is not finite becomes 0."""
        if self.identity:
            return values.astype(np.uint8, copy=False)
        shape = (len(self.low),) + (1,) * (values.ndim - 1)
        low = np.asarray(self.low, dtype=np.float64).reshape(shape)
        high = np.asarray(self.high, dtype=np.float64).reshape(shape)
        scaled = (np.nan_to_num(values.astype(np.float64), nan=-np.inf, posinf=np.inf, neginf=-np.inf) - low) / (high - low)
        return (np.clip(scaled, 0, 1) * 255 + 0.5).astype(np.uint8)


def measure(values: NDArray[Any], valid: NDArray[np.bool_]) -> Stretch:
    """The stretch of (bands, h, w) values, from the valid and finite ones. A flat band becomes one grey."""
    low, high = [], []
    for band in values:
        usable = band[valid & np.isfinite(band)].astype(np.float64)
        if usable.size == 0:
            usable = np.zeros(1)
        bottom, top = np.percentile(usable, [LOW_PERCENT, HIGH_PERCENT])
        if top <= bottom:
            bottom, top = float(usable.min()), float(usable.max())
        if top <= bottom:
            bottom, top = bottom - 1, top + 1
        low.append(float(bottom))
        high.append(float(top))
    return Stretch(tuple(low), tuple(high))

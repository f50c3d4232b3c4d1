"""The promise every encoder keeps, and the card that says which encoder it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .interleaved import Interleaved


@dataclass(frozen=True)
class ModelCard:
    """Facts about one encoder, read from ``card.json`` in its folder.

    ``sha256`` covers the weight files in the order they are listed; ``chip_size`` is in pixels; ``gsd_range`` in metres per
    pixel; ``region_method`` names how one look at a chip serves many regions.
    """

    id: str
    name: str
    family: str
    revision: str
    sha256: str
    dim: int
    chip_size: int
    gsd_range: tuple[float, float]
    bands: tuple[str, ...]
    region_method: str
    licence: str
    trained_on: str
    files: tuple[str, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> ModelCard:
        """Read ``folder/card.json``. Raises FileNotFoundError or ValueError when it is absent or not a card."""
        raw = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        known = {name for name in cls.__dataclass_fields__ if name != "extra"}
        missing = known - raw.keys()
        if missing:
            raise ValueError(f"{folder / 'card.json'} is not a model card: it lacks {', '.join(sorted(missing))}.")
        facts = {name: raw[name] for name in known}
        for name in ("gsd_range", "bands", "files"):
            facts[name] = tuple(facts[name])
        return cls(**facts, extra={name: value for name, value in raw.items() if name not in known})

    def fingerprint(self) -> dict[str, Any]:
        """What an index records of its encoder; two encoders with equal fingerprints give comparable vectors."""
        facts = {
            "id": self.id,
            "revision": self.revision,
            "weights": self.sha256,
            "region_method": self.region_method,
            "chip_size": self.chip_size,
            "dim": self.dim,
        }
        behaviour = {**facts, "bands": list(self.bands), "family": self.family}
        card_hash = hashlib.sha256(json.dumps(behaviour, sort_keys=True).encode()).hexdigest()
        return {**facts, "card": card_hash}


class Encoder(Protocol):
    """Turns interleaved inputs into unit vectors of one space."""

    card: ModelCard
    device: str  # "cpu", "cuda"; what it runs on now
    device_reason: str  # one sentence, shown to the user

    def encode(self, inputs: Sequence[Interleaved]) -> NDArray[np.float32]:
        """(n) inputs -> (n, dim) float32, unit length. Raises InputError for an input this encoder cannot read."""

    def encode_regions(
        self, chips: NDArray[np.uint8], boxes: NDArray[np.float32], gsd: float | None = None
    ) -> NDArray[np.float32]:
        """One look at each chip, many regions.

        chips (n, height, width, bands) uint8; boxes (n, regions, 4) as x0, y0, x1, y1 in 0..1 of the chip; gsd metres per
        pixel -> (n, regions, dim) float32, unit length. Callers pad ragged region lists with (0, 0, 1, 1) and drop those rows.
        """

"""The curves of a training run: the mean of every loss over some steps, one line of a CSV file each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

EVERY = 25  # steps between two lines


class Curves:
    """Gathers the losses of steps and writes their means."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        self.sums: dict[str, float] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """The losses of one step, by name."""
        self.count += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())

    def tell(self, facts: dict[str, Any], scales: Tensor) -> None:
        """Write and print a line: ``facts`` (step, side, minutes, chips), the means since the last line, the scales."""
        if not self.count:
            return
        facts |= {name: round(value / self.count, 4) for name, value in self.sums.items()}
        facts |= {f"scale{number}": round(value, 2) for number, value in enumerate(scales.tolist())}
        self.count, self.sums = 0, {}
        line = ",".join(str(value) for value in facts.values()) + "\n"
        if not self.path.exists():
            line = ",".join(facts) + "\n" + line
        with self.path.open("a", encoding="utf-8") as curves:
            curves.write(line)
        sys.stdout.write(" ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
        sys.stdout.flush()

"""What reading, cutting and writing cost beside the encoder: chips a second end to end over chips a second of the bare encoder.

The encoder's own calls are recorded once, with the very chips and boxes of an index run. Then the whole run and a replay of
those calls alternate, so that noise on the machine strikes both. The ratio of 1.0 would mean that everything else is free.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import Spent, imagery, save, scene, timed

from geoloupe.models import load_encoder
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.pixel_source import SourceSpec

OBJECT_SIZE = 12.0  # metres: reads the aerial at its own resolution, some ten seconds a run on two cores
LEAST_PAIRS = 5


class Recorder:
    """An encoder that keeps what it was asked; otherwise the one inside."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.calls = inner, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def encode_regions(self, chips: Any, boxes: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((np.array(chips), np.array(boxes), args, kwargs))
        return self.inner.encode_regions(chips, boxes, *args, **kwargs)


def raster(folder: Path) -> Path:
    """The real aerial where there is imagery, else a generated town of its size."""
    found = imagery()
    if found:
        return found / "oam_banepa" / "oam_banepa_z19.tif"
    return scene.write_town(folder / "town.tif", width=4096, height=4096).path


def alternating(first: Callable[[], Any], second: Callable[[], Any], pairs: int) -> list[tuple[Spent, Spent]]:
    """``pairs`` times both actions, each of them first every other time: a machine that warms up or slows down favours none."""
    spent = []
    for number in range(pairs):
        if number % 2:
            later = timed(second)
            spent.append((timed(first), later))
        else:
            spent.append((timed(first), timed(second)))
    return spent


def figures(chips: int, pairs: list[tuple[Spent, Spent]]) -> dict[str, Any]:
    """(bare, whole) of each pair -> ratios of medians, by the clock and by processor time, and how far the runs lay apart."""

    def medians(name: str) -> tuple[float, float]:
        bare, whole = (statistics.median(getattr(pair[place], name) for pair in pairs) for place in (0, 1))
        return bare, whole

    (bare, whole), (bare_cpu, whole_cpu) = medians("wall"), medians("cpu")
    single = [one.wall / other.wall for one, other in pairs]
    return {
        "chips": chips,
        "pairs": len(pairs),
        "bare_chips_per_second": chips / bare,
        "end_to_end_chips_per_second": chips / whole,
        "ratio_of_medians": bare / whole,
        "median_of_pair_ratios": statistics.median(single),
        "ratio_of_quickest": min(one.wall for one, _ in pairs) / min(other.wall for _, other in pairs),
        "cpu_ratio_of_medians": bare_cpu / whole_cpu,
        "ratio_of_single_pairs": [round(ratio, 3) for ratio in sorted(single)],
        "slowest_bare_run_over_quickest": max(one.wall for one, _ in pairs) / min(one.wall for one, _ in pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--object-size", type=float, default=OBJECT_SIZE, help="metres; smaller is a longer run")
    options = parser.parse_args()
    if options.pairs < LEAST_PAIRS:
        parser.error(f"--pairs: fewer than {LEAST_PAIRS} say nothing on a machine that does other work too")
    encoder = load_encoder(options.encoder)
    with tempfile.TemporaryDirectory(prefix="geoloupe-bench-") as folder:
        path = raster(Path(folder))

        def end_to_end(used: Any) -> None:
            target = Path(folder) / "run.geoloupe"
            shutil.rmtree(target, ignore_errors=True)
            index_sources(target, [SourceSpec(uri=str(path))], used, object_size=options.object_size)

        recorder = Recorder(encoder)
        end_to_end(recorder)  # also warms the file cache and the encoder
        chips = sum(len(call[0]) for call in recorder.calls)

        def bare() -> None:
            for images, boxes, args, kwargs in recorder.calls:
                encoder.encode_regions(images, boxes, *args, **kwargs)

        pairs = alternating(bare, lambda: end_to_end(encoder), options.pairs)
    save("pipeline_ratio", {"raster": path.name, **figures(chips, pairs)})


if __name__ == "__main__":
    main()

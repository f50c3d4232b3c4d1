"""What reading, cutting and writing cost beside the encoder: chips a second end to end over chips a second of the bare encoder.

The encoder's own calls are recorded once, with the very chips and boxes of an index run. Then the whole run and a replay of
those calls alternate, so that noise on the machine strikes both. The ratio of 1.0 would mean that everything else is free.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import imagery, save, scene, timed

from geoloupe.models import load_encoder
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.pixel_source import SourceSpec


class Recorder:
    """An encoder that keeps what it was asked; otherwise the one inside."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.calls = inner, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def encode_regions(self, chips: Any, boxes: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((np.array(chips), np.array(boxes), args, kwargs))
        return self.inner.encode_regions(chips, boxes, *args, **kwargs)


def raster(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The raster, and the part of it that keeps a run near ten seconds."""
    found = imagery()
    if found:
        return found / "oam_banepa" / "oam_banepa_z19.tif", {"object_size": 24.0}
    return scene.write_town(folder / "town.tif", width=4096, height=4096).path, {"object_size": 24.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--encoder", default="compact")
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    with tempfile.TemporaryDirectory(prefix="geoloupe-bench-") as folder:
        path, settings = raster(Path(folder))

        def end_to_end(used: Any) -> None:
            target = Path(folder) / "run.geoloupe"
            shutil.rmtree(target, ignore_errors=True)
            index_sources(target, [SourceSpec(uri=str(path))], used, **settings)

        recorder = Recorder(encoder)
        end_to_end(recorder)  # also warms the file cache and the encoder
        chips = sum(len(call[0]) for call in recorder.calls)

        def bare() -> None:
            for images, boxes, args, kwargs in recorder.calls:
                encoder.encode_regions(images, boxes, *args, **kwargs)

        pairs = [(timed(bare), timed(lambda: end_to_end(encoder))) for _ in range(options.pairs)]
    ratios = [one.wall / whole.wall for one, whole in pairs]
    save(
        "pipeline_ratio",
        {
            "raster": path.name,
            "chips": chips,
            "bare_chips_per_second": chips / statistics.median(one.wall for one, _ in pairs),
            "end_to_end_chips_per_second": chips / statistics.median(whole.wall for _, whole in pairs),
            "ratio_median": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "cpu_ratio_median": statistics.median(one.cpu / whole.cpu for one, whole in pairs),
        },
    )


if __name__ == "__main__":
    main()

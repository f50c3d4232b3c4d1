"""How long a search takes on 100,000 regions, through the engine's pipe, alone and while the engine indexes.

The rows of the big index hold random vectors (speed does not depend on what they say); the run that goes on beside the
searches uses the real encoder on a real raster.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import imagery, percentiles, save, scene

from geoloupe.models import load_encoder
from geoloupe.plugin.engine.client import EngineClient
from geoloupe.plugin.retrieval.index import open_index
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.pixel_source import SourceSpec

TEXTS = ("blue roof", "road", "trees", "red roof beside a field", "a parking lot with cars", "bare ground")


class RandomRegions:
    """The real encoder's card, and vectors drawn at random at once."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.random = inner, np.random.default_rng(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def encode_regions(self, chips: Any, boxes: Any, *args: Any, **kwargs: Any) -> Any:
        vectors = self.random.standard_normal((len(chips), boxes.shape[1], self.card.dim), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)


def box_query(town: Any, thing: Any) -> dict[str, Any]:
    ring = [list(point) for point in town.ground_ring(thing)]
    return {
        "text": None,
        "boxes": [{"source": SourceSpec(uri=str(town.path)).to_json(), "geometry": ring, "crs": None}],
        "match": "thing",
    }


def measure(client: Any, index: Path, town: Any, searches: int, busy: Any = None) -> dict[str, float]:
    """Latency of text and box queries in turn; with ``busy``, a Call, only while it is under way."""
    roofs, seconds = town.of("blue roof"), []
    for number in range(searches):
        if busy is not None and busy.done:
            break
        query = {"text": TEXTS[number // 2 % len(TEXTS)]} if number % 2 else box_query(town, roofs[number // 2 % len(roofs)])
        start = time.perf_counter()
        client.call("search", {"indexes": [str(index)], "query": query, "count": 50, "extent": None, "sources": None})
        seconds.append(time.perf_counter() - start)
        time.sleep(0.05)  # a person is slower still; the run beside it gets its turn
    return percentiles(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=200)
    options = parser.parse_args()
    encoder = load_encoder("compact")
    with tempfile.TemporaryDirectory(prefix="geoloupe-bench-") as name:
        folder = Path(name)
        town = scene.write_town(folder / "town.tif", width=3072, height=3072)
        index = folder / "big.geoloupe"
        gsd, gsds = 0.3, []
        while not gsds or open_index(index).info()["rows"] < options.regions:
            gsds.append(gsd)
            index_sources(index, [SourceSpec(uri=str(town.path))], RandomRegions(encoder), gsds=[gsd])
            gsd *= 0.85
        found = imagery()
        other = found / "oam_banepa" / "oam_banepa_z19.tif" if found else town.path
        client = EngineClient(Path(sys.executable), log_path=folder / "engine.log", home=folder)
        client.start()
        try:
            warm = measure(client, index, town, 10)
            alone = measure(client, index, town, options.searches)
            job = {
                "index": str(folder / "other.geoloupe"),
                "sources": [{"uri": str(other), "kind": "file"}],
                "encoder": "compact",
            }
            run = client.submit("index", {**job, "object_size": 8.0, "gsds": None, "extent": None, "name": "other"})
            time.sleep(2)
            beside = measure(client, index, town, options.searches, run)
            still_indexing = not run.done
            run.cancel()
            rows = open_index(index).info()["rows"]
        finally:
            client.stop()
    facts = {"rows": rows, "scales": len(gsds), "first_ten": warm, "alone": alone, "while_indexing": beside}
    save("search_latency", {**facts, "indexing_went_on": still_indexing})


if __name__ == "__main__":
    main()

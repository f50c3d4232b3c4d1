"""Index a raster in a process of its own, slowly: ``child.py RASTER INDEX DELAY [COMMIT_SECONDS]``. For tests that kill it."""

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    load("bootstrap", HERE.parents[2] / "plugin" / "bootstrap.py").register()
    histogram = load("histogram_encoder", HERE / "histogram_encoder.py")
    from geoloupe.plugin.retrieval import writer
    from geoloupe.plugin.retrieval.indexing import index_sources
    from geoloupe.plugin.retrieval.pixel_source import SourceSpec

    raster, index, delay = sys.argv[1:4]
    writer.FIRST_COMMIT_SECONDS = writer.COMMIT_SECONDS = float(sys.argv[4]) if len(sys.argv) > 4 else 0.1
    encoder = histogram.HistogramEncoder(delay=float(delay))
    index_sources(index, [SourceSpec(raster)], encoder, progress=lambda step: print(step.done, flush=True))

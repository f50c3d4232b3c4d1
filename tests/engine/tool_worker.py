"""The real engine with a few more operations, for tests: it prints, sleeps, hangs, breaks and asks for pixels.

With TOOL_DELAY set its encoder is the test encoder, which takes that many seconds for a batch; TOOL_FILE_LIMIT is the largest
file in bytes that it may write.
"""

import importlib.util
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKER = Path(__file__).resolve().parents[2] / "plugin" / "worker" / "__main__.py"


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_encoders(delay):
    """Encoders that know only the test encoder, under every name."""
    from geoloupe.plugin.worker.encoders import Encoders

    histogram = load("histogram_encoder", HERE.parent / "unit" / "retrieval" / "histogram_encoder.py")
    encoder = histogram.HistogramEncoder(delay=delay)

    class TestEncoders(Encoders):
        def get(self, name="compact", device="auto"):
            return encoder

        def cards(self):
            return [encoder.card]

    return TestEncoders()


def main():
    engine = load("engine_main", WORKER)
    frames_in, frames_out = engine.take_pipes()
    engine.register()
    from geoloupe.plugin.errors import GeoLoupeError
    from geoloupe.plugin.worker.channel import Channel
    from geoloupe.plugin.worker.operations import OPERATIONS
    from geoloupe.plugin.worker.server import Operation, Server

    def echo(params, context):
        return {"params": dict(params), "sizes": [len(blob) for blob in context.blobs]}, list(context.blobs)

    def prints(params, context):
        print("a library says hello " * 50)
        os.write(1, b"\x00\x00\x00\x07garbage from C\n" * 100)
        os.system("echo and a grandchild too")
        return {"printed": True, "stdin": sys.stdin.read() if params.get("read") else None}

    def sleeps(params, context):
        """Obeys a cancel between its batches."""
        end = time.monotonic() + params.get("seconds", 30)
        while time.monotonic() < end:
            context.check()
            context.progress(left=end - time.monotonic())
            time.sleep(0.02)
        return {"slept": True}

    def hangs(params, context):
        context.progress(hanging=True)
        time.sleep(params.get("seconds", 60))
        return {"hung": True}

    def breaks(params, context):
        kind = params["kind"]
        if kind == "exit":
            sys.exit(3)
        if kind == "die":
            os._exit(9)
        if kind == "ours":
            raise GeoLoupeError("no_crs", "The raster has no CRS.")
        if kind == "full":
            raise OSError(28, "No space left on device", "/somewhere/index/shards/1.f16")
        if kind == "unsendable":
            return {"value": object()}
        if kind == "spew":
            frames_out.write(b"Traceback (most recent call last): this is no frame")
            frames_out.flush()
            time.sleep(30)
        raise ZeroDivisionError("ordinary bug")

    def draws(params, context):
        fetch = context.fetch_for("layer-1", "EPSG:3857")
        answer = []
        for number in range(params.get("count", 1)):
            try:
                pixels = fetch((number, 0.0, number + 1.0, 1.0), (4, 3))
                answer.append(None if pixels is None else len(pixels))
            except OSError as error:
                answer.append(str(error))
        return {"answers": answer}

    extra = {
        "echo": Operation(echo, "look"),
        "prints": Operation(prints, "look"),
        "sleeps": Operation(sleeps, "index"),
        "hangs": Operation(hangs, "index"),
        "breaks": Operation(breaks, "measure"),
        "draws": Operation(draws, "draw"),
        "quick": Operation(echo, "search", urgent=True),
        "version": Operation(lambda params, context: {"protocol": 99}, "look"),
    }
    delay, limit = os.environ.get("TOOL_DELAY"), os.environ.get("TOOL_FILE_LIMIT")
    if limit:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    encoders = test_encoders(float(delay)) if delay else None
    os._exit(Server(Channel(frames_in, frames_out), {**OPERATIONS, **extra}, encoders).serve())


if __name__ == "__main__":
    main()

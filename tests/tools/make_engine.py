"""Makes the private environment of the engine, as the set-up button in QGIS does, and starts the engine once.

python3 make_engine.py [onnx | onnx-gpu]
"""

import importlib
import importlib.util
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(arguments):
    spec = importlib.util.spec_from_file_location("geoloupe_bootstrap", ROOT / "plugin" / "bootstrap.py")
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    bootstrap.register(ROOT)
    environment = importlib.import_module("geoloupe.plugin.engine.environment")
    errors = importlib.import_module("geoloupe.plugin.errors")
    chosen = arguments[0] if arguments else "onnx"
    shown = [0.0]

    def progress(step):
        if step.fraction >= 1 or time.monotonic() - shown[0] > 1:
            shown[0] = time.monotonic()
            print(f"{step.fraction:4.0%}  {step.message}", flush=True)

    try:
        plan = environment.plan_setup(chosen)
        print(f"{plan.download_bytes / 1e6:.0f} MB to download, {plan.size_bytes / 1e6:.0f} MB on disk, at {plan.place}")
        python = environment.setup(chosen, progress, allow_download=True)
    except errors.GeoLoupeError as error:
        print(f"engine: {error.message}", file=sys.stderr)
        return 1
    print(f"The engine is ready: {python}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

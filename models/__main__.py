"""Making the compact encoder, from a checkout: ``python models bring|make|train|export|validate|calibrate``; -h explains each."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

STEPS = ("bring", "make", "train", "export", "validate", "calibrate")


def register() -> None:
    """Make ``geoloupe`` mean this checkout."""
    spec = importlib.util.spec_from_file_location("_bootstrap", Path(__file__).resolve().parents[1] / "plugin" / "bootstrap.py")
    if spec is None or spec.loader is None:
        raise SystemExit("Run this from a checkout of GeoLoupe.")
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    bootstrap.register()


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in STEPS:
        print(f"usage: python models {{{','.join(STEPS)}}} ...", file=sys.stderr)
        return 2
    register()
    step = sys.argv.pop(1)
    sys.argv[0] = f"models {step}"
    return importlib.import_module(f"geoloupe.models.compact.{step}").main() or 0


if __name__ == "__main__":
    sys.path.pop(0)  # this folder's names (encoder, compact) are no top-level modules
    sys.exit(main())

"""``python PATH/TO/GEOLOUPE/plugin index ...``: the command line from a checkout or an installed plugin, without pip."""

import importlib
import importlib.util
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def _bootstrap():
    """Register the checkout as ``geoloupe``; Python put this folder first on the path, where ``errors`` would be anyone's."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != FOLDER]
    spec = importlib.util.spec_from_file_location("geoloupe_bootstrap", FOLDER / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.register()


if __name__ == "__main__":
    package = _bootstrap()
    sys.exit(importlib.import_module(f"{package.__name__}.plugin.cli").main())

"""Registers this checkout as the package ``geoloupe``, whatever its folder is called.

The repository root is the plugin package, and its sub-packages have names that anyone may own (``plugin``, ``models``).
So the root is never put on ``sys.path``; tests, the engine and the command line call :func:`register` instead.
Runs on its own (``importlib`` by file) as well as inside the package.
"""

import importlib.util
import sys
from pathlib import Path

PACKAGE = "geoloupe"
ROOT = Path(__file__).resolve().parent.parent


def register(root=ROOT, name=PACKAGE):
    """Make ``import geoloupe`` mean the checkout at ``root``; return the package. Calling it twice does no harm."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, Path(root) / "__init__.py", submodule_search_locations=[str(root)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{root} is not a GeoLoupe checkout.")
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return package

"""The main job on a real aerial: index it, search it by words and by a box, print the hits, write a layer and a picture.

    python demo.py [--raster FILE] [--text WORDS] [--object-size METRES]

Without --raster: imagery found through GEOLOUPE_DATA, else a small public aerial that is downloaded once and checked, else,
offline, a generated town. Results: demo/hits.gpkg and demo/hits.png.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "demo"
# A file of the QGIS training data (GPL-2.0), as of one commit: farms and plantations near Swellendam, South Africa.
AERIAL = "3420B_2010_328_RGB_LATLNG.tif"
URL = f"https://raw.githubusercontent.com/qgis/QGIS-Training-Data/fd26dd88e39b9aec550eea450cec18d02b1de3b5/exercise_data/raster/{AERIAL}"
SHA256 = "627598852c44add8effe2c460df4dad2457b8eab6852ea604e8c789fa2c56f25"
MAX_CHIPS = 3000  # a demo of a few minutes; of a larger raster the middle is indexed


@dataclass(frozen=True)
class Subject:
    """A raster and what to ask of it. ``box`` in full-resolution pixels; without one, the best hit of the text is used."""

    path: Path
    text: str
    object_size: Optional[float]
    box: Optional[Tuple[int, int, int, int]] = None


def load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

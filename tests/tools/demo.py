"""The main job on a real aerial: index it, search it by words and by a box, print the hits, write a layer and a picture.

    python demo.py [--raster FILE] [--text WORDS] [--object-size METRES]

Without --raster: imagery found through GEOLOUPE_DATA, else a small public aerial that is downloaded once and checked, else,
offline, a generated town. Results: demo/hits.gpkg and demo/hits.png.
"""

import argparse
import hashlib
import importlib
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
COMMIT = "fd26dd88e39b9aec550eea450cec18d02b1de3b5"
URL = f"https://raw.githubusercontent.com/qgis/QGIS-Training-Data/{COMMIT}/exercise_data/raster/{AERIAL}"
SHA256 = "627598852c44add8effe2c460df4dad2457b8eab6852ea604e8c789fa2c56f25"
MAX_CHIPS = 2500  # a demo of a few minutes: of a larger raster, the middle is indexed
SHOWN = 12


@dataclass(frozen=True)
class Subject:
    """A raster and what to ask of it. ``box`` in full-resolution pixels; without one, the best hit of the text is used."""

    path: Path
    text: str
    object_size: Optional[float]
    box: Optional[Tuple[int, int, int, int]] = None


def say(text: str = "") -> None:
    print(text, flush=True)


def load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def choose_subject(options: argparse.Namespace) -> Subject:
    """The raster asked for, or the best one at hand."""
    if options.raster:
        return Subject(Path(options.raster), options.text or "a building with a blue roof", options.object_size)
    data = os.environ.get("GEOLOUPE_DATA")
    town = Path(data) / "imagery" / "oam_banepa" / "oam_banepa_z19.tif" if data else None
    if town and town.is_file():
        say("Raster: Banepa, Nepal, from OpenAerialMap (CC-BY-4.0), through GEOLOUPE_DATA.")
        return Subject(town, options.text or "blue metal roof", options.object_size or 15.0, (2100, 695, 2176, 821))
    aerial = download()
    if aerial:
        say("Raster: farms near Swellendam, South Africa, from the QGIS training data (GPL-2.0).")
        return Subject(aerial, options.text or "farmland", options.object_size or 200.0, (550, 400, 670, 520))
    say("No real aerial could be had, so this demo searches a generated town. Name one of yours: make demo RASTER=FILE.")
    scene = load("geoloupe_scene", ROOT / "tests" / "scene.py")
    town = scene.write_town(FOLDER / "town.tif", width=2048, height=2048)
    roof = town.of("blue roof")[0]
    return Subject(town.path, options.text or "blue roof", options.object_size or 15.0, (roof.x0, roof.y0, roof.x1, roof.y1))


def download() -> Optional[Path]:
    """The public aerial, downloaded once; None, after a sentence, where that fails."""
    target = FOLDER / AERIAL
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == SHA256:
        return target
    say(f"Downloading an aerial of 4 MB: {URL}")
    try:
        with urllib.request.urlopen(URL, timeout=20) as answer:
            content = answer.read(64_000_000)
    except OSError as error:
        say(f"The download failed ({error}).")
        return None
    if hashlib.sha256(content).hexdigest() != SHA256:
        say("The downloaded file is not the one that was expected (its SHA-256 differs), so it is not used.")
        return None
    target.write_bytes(content)
    return target


def middle(source: Any, card: Any, grid: Any, subject: Subject) -> Optional[Tuple[List[float], None]]:
    """An extent in the middle of a raster that would take too long; None when the whole will do."""
    gsd = grid.scales_for_object_size(subject.object_size, source.gsd, card.gsd_range, card.chip_size)[0]
    rows, columns = grid.Grid(source.width, source.height, source.gsd, gsd, card.chip_size).shape
    if rows * columns <= MAX_CHIPS:
        return None
    share = (MAX_CHIPS / (rows * columns)) ** 0.5 / 2
    corners = [
        source.transform * (source.width * (0.5 + x * share), source.height * (0.5 + y * share))
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    say(f"It has {rows * columns:,} chips; the demo indexes the {MAX_CHIPS:,} in its middle.")
    return [
        min(x for x, _ in corners), min(y for _, y in corners), max(x for x, _ in corners), max(y for _, y in corners),
    ], None  # fmt: skip

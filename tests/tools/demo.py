"""The main job on a real aerial: index it, search it by words and by a box, print the hits, write a layer and a picture.

    python demo.py [--raster FILE] [--text WORDS] [--object-size METRES] [--to FOLDER]

Without --raster: imagery found through GEOLOUPE_DATA, else a small public aerial that is downloaded once and checked, else,
offline, a generated town. Results: hits.gpkg and hits.png in the folder demo.
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
from typing import Any, List, Optional, Sequence, Tuple

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).resolve().parents[2]
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
    aerial = download(options.to)
    if aerial:
        say("Raster: farms near Swellendam, South Africa, from the QGIS training data (GPL-2.0).")
        return Subject(aerial, options.text or "farmland", options.object_size or 200.0, (360, 850, 480, 970))
    say("No real aerial could be had, so this demo searches a generated town. Name one of yours: make demo RASTER=FILE.")
    scene = load("geoloupe_scene", ROOT / "tests" / "scene.py")
    town = scene.write_town(options.to / "town.tif", width=2048, height=2048)
    roof = town.of("blue roof")[0]
    return Subject(town.path, options.text or "blue roof", options.object_size or 15.0, (roof.x0, roof.y0, roof.x1, roof.y1))


def download(to: Path) -> Optional[Path]:
    """The public aerial, downloaded once; None, after a sentence, where that fails."""
    target = to / AERIAL
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
    scale = grid.scales_for_object_size(subject.object_size, source.gsd, card.gsd_range, card.chip_size)[0]
    rows, columns = grid.Grid(source.width, source.height, source.gsd, scale, card.chip_size).shape
    if rows * columns <= MAX_CHIPS:
        return None
    share = (MAX_CHIPS / (rows * columns)) ** 0.5
    say(f"It has {rows * columns:,} chips: the demo indexes about {MAX_CHIPS:,} in its middle.")
    left, top = source.width * (1 - share) / 2, source.height * (1 - share) / 2
    ring = on_ground(source.transform, (left, top, source.width - left, source.height - top))
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return [min(xs), min(ys), max(xs), max(ys)], None


def on_ground(transform: Any, box: Sequence[float]) -> List[List[float]]:
    """The corners of a pixel box in the raster's CRS."""
    a, b, c, d, e, f = transform[:6]
    x0, y0, x1, y1 = box
    return [[a * x + b * y + c, d * x + e * y + f] for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]


def show(title: str, result: Any) -> None:
    """The best hits as lines, with the time they took."""
    seconds = result.seconds
    say(f"\n{title}: {len(result.hits)} places of {result.searched_rows:,} regions in {seconds['total']:.3f} s")
    if result.presence.message:
        say(f"  {result.presence.message}")
    for hit in result.hits[:SHOWN]:
        x, y = (sum(point[axis] for point in hit.footprint[:4]) / 4 for axis in (0, 1))
        digits = 6 if abs(x) <= 360 and abs(y) <= 90 else 1
        say(f"  {hit.rank:3}  {hit.score:.3f}  at {x:.{digits}f}, {y:.{digits}f}  pixels {hit.x0},{hit.y0} to {hit.x1},{hit.y1}")


class Progress:
    """A line every few seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, progress: Any) -> None:
        if time.monotonic() - self.last > 5:
            self.last = time.monotonic()
            left = f", about {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
            say(f"  {progress.done:,} of {progress.total:,} chips, {progress.rows:,} regions{left}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Index an aerial and search it.")
    parser.add_argument("--raster")
    parser.add_argument("--text")
    parser.add_argument("--object-size", type=float)
    parser.add_argument("--to", type=Path, default=ROOT / "demo")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    load("geoloupe_bootstrap", ROOT / "plugin" / "bootstrap.py").register(ROOT)
    errors = importlib.import_module("geoloupe.plugin.errors")
    try:
        run(choose_subject(options), options.to)
    except errors.GeoLoupeError as error:
        print(f"demo: {error.message}", file=sys.stderr)
        return 1
    return 0


def run(subject: Subject, to: Path) -> None:
    """Index, search twice, and write what was found."""
    models = importlib.import_module("geoloupe.models")
    names = ("grid", "index", "indexing", "opening", "pixel_source", "query", "results", "search")
    retrieval = {name: importlib.import_module(f"geoloupe.plugin.retrieval.{name}") for name in names}
    spec = retrieval["pixel_source"].SourceSpec(uri=str(subject.path.resolve()))
    source = retrieval["opening"].open_source(spec)
    say(f"{subject.path.name}: {source.width:,} x {source.height:,} pixels, {source.gsd:.2f} m each")
    encoder = models.load_encoder("compact")
    say(f"Encoder {encoder.card.id} {encoder.card.revision} on {encoder.device}")
    folder = to / "demo.geoloupe"
    shutil.rmtree(folder, ignore_errors=True)  # the times below are of a whole run

    say("\nIndexing")
    extent = middle(source, encoder.card, retrieval["grid"], subject)
    report = retrieval["indexing"].index_sources(
        folder, [spec], encoder, object_size=subject.object_size, extent=extent, progress=Progress()
    )
    speed = report.chips / report.seconds
    say(f"  {report.rows:,} regions from {report.chips:,} chips in {report.seconds:.1f} s ({speed:.1f} chips/s)")

    index = retrieval["index"].open_index(folder)
    by_text = retrieval["search"].search(index, retrieval["query"].Query(text=subject.text), encoder, count=SHOWN)
    show(f'Words "{subject.text}"', by_text)
    best = by_text.hits[0]
    box = subject.box or (best.x0, best.y0, best.x1, best.y1)
    drawn = retrieval["query"].QueryBox(spec, on_ground(source.transform, box))
    by_box = retrieval["search"].search(index, retrieval["query"].Query(boxes=[drawn]), encoder, count=SHOWN)
    show(f"A box on pixels {', '.join(str(value) for value in box)}", by_box)

    for result, name, query in ((by_text, "hits.gpkg", subject.text), (by_box, "hits_box.gpkg", "box")):
        retrieval["results"].write_hits(to / name, result.hits, query=query, model=encoder.card.id)
    picture = load("geoloupe_picture", Path(__file__).resolve().parent / "picture.py")
    panels = [
        picture.Panel(f'words: "{subject.text}"', [hit.to_json() for hit in by_text.hits]),
        picture.Panel("this box", [hit.to_json() for hit in by_box.hits], box),
    ]
    picture.draw(str(subject.path), panels, str(to / "hits.png"))
    say(f"\nWritten in {to}: hits.gpkg and hits_box.gpkg (the hits as layers), hits.png (the hits on the image)")
    source.close()
    index.close()


if __name__ == "__main__":
    sys.exit(main())

"""The first hits to look at: ten texts and ten boxes on each scene, indexed and searched as the product does it.

    GEOLOUPE_DATA=../shared python tests/benchmarks/first_hits.py --out DIR [--encoder compact] [--scene NAME ...]

Saves one picture a query (the query, then its first twelve hits with rank and score) and one sheet a scene. Boxes are labelled
ones, by their number in the scene's label file, or chosen by eye, in thousandths of the raster's width and height.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from harness import imagery
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geoloupe.models import load_encoder
from geoloupe.plugin.retrieval.index import Index, open_index
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.opening import open_source
from geoloupe.plugin.retrieval.pixel_source import SourceSpec, Window
from geoloupe.plugin.retrieval.query import Query, QueryBox
from geoloupe.plugin.retrieval.search import search

from region_quality import read_labels  # isort: skip

HITS, SIDE, HEAD = 12, 96, 14  # pixels of a thumbnail and of the line above it
CONTEXT = 1.6  # times a box that its thumbnail shows


@dataclass(frozen=True)
class Scene:
    """``size`` in metres of what is looked for; ``labels`` and ``numbers``: labelled boxes; ``boxes``: x0, y0, x1, y1 in 1/1000.

    ``crs`` is for pictures without one: their pixels are then taken for metres.
    """

    name: str
    file: str
    size: float
    texts: tuple[str, ...]
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    labels: str = ""
    numbers: tuple[int, ...] = ()
    crs: str | None = None


SCENES = (
    Scene(
        "oam_banepa", "oam_banepa/oam_banepa_z19.tif", 15.0,
        ("blue metal roof", "red roof", "grey concrete roof", "sports court", "bus park", "wide road", "trees", "bare ground",
         "grass field", "a house with an orange roof"),
        labels="oam_banepa/building_regions.json", numbers=(4, 26, 100, 1, 74, 147, 0, 9, 208, 284),
    ),
    Scene(
        "qgis_swellendam", "qgis_swellendam/3420B_2010_328_RGB_LATLNG.tif", 150.0,
        ("dense forest", "a dam", "a river with trees along it", "dirt road", "town", "ploughed field", "green crop field",
         "orchard", "round irrigated field", "farm buildings"),
        ((405, 85, 490, 115), (260, 300, 320, 325), (675, 568, 725, 592), (800, 622, 960, 660), (640, 738, 790, 775),
         (810, 700, 850, 725), (920, 150, 955, 170), (530, 270, 690, 350), (900, 920, 990, 950), (820, 470, 950, 490)),
    ),
    Scene(
        "naip_prairie_nd", "naip_prairie_nd/m_4709963_se_14_1_20200831.tif", 300.0,
        ("lake", "small pond", "bare field", "green crop field", "wetland", "straight road", "grassland", "shore of a lake",
         "farmhouse", "trees"),
        ((895, 20, 945, 165), (535, 330, 605, 405), (420, 535, 590, 720), (95, 60, 175, 200), (690, 560, 820, 680),
         (200, 850, 300, 880), (60, 310, 180, 470), (340, 80, 400, 180), (385, 310, 430, 360), (460, 690, 500, 800)),
    ),
    Scene(
        "landsat_ucayali", "landsat_ucayali/2020.tif", 3000.0,
        ("river", "oxbow lake", "sand bank", "dense forest", "cleared land", "town", "a bend of a river", "fields", "lake",
         "green vegetation"),
        ((185, 90, 275, 215), (360, 560, 420, 640), (590, 540, 740, 600), (260, 290, 340, 380), (690, 770, 725, 870),
         (50, 100, 140, 290), (440, 740, 520, 780), (820, 60, 900, 160), (10, 400, 100, 500), (390, 0, 440, 40)),
    ),
    Scene(
        "kit_ais_vehicles", "kit_ais_vehicles/MOS163.png", 34.0,
        ("a car", "a bus", "red car", "white car", "black car", "a row of parked cars", "trees", "empty road",
         "road markings", "crossroads"),
        labels="kit_ais_vehicles/MOS163.txt", numbers=(1, 5, 10, 15, 20, 25, 30, 40, 46, 52), crs="EPSG:32632",
    ),
    Scene(
        "spacenet_solaris", "spacenet_solaris/rgb_unmasked.tif", 150.0,
        ("ship", "storage tanks", "harbour", "water", "industrial buildings", "a quay with a ship", "green strip", "bare ground",
         "road", "white tanks in a row"),
        ((160, 215, 235, 335), (0, 240, 190, 370), (455, 470, 605, 520), (0, 655, 85, 790), (760, 305, 835, 500),
         (480, 290, 525, 370), (255, 600, 330, 660), (400, 570, 470, 700), (690, 620, 760, 780), (640, 0, 690, 150)),
    ),
    Scene(
        "deepforest_bridge", "deepforest/5b90f92da0d7280005fab355_4310.tif", 15.0,
        ("bridge", "river", "parking lot", "parked cars", "red bus", "blue roof", "trees", "a red car", "road with traffic",
         "brown roof"),
        ((420, 560, 860, 900), (745, 295, 770, 320), (840, 230, 865, 262), (0, 655, 55, 730), (560, 90, 650, 170),
         (180, 650, 260, 730), (0, 430, 60, 490), (300, 450, 420, 570), (870, 10, 970, 70), (880, 500, 930, 540)),
    ),
    Scene(
        "deepforest_trees", "deepforest/OSBS_029.tif", 5.0,
        ("a tree", "trees", "bare ground", "shadow of a tree", "a bush", "sand", "dense forest", "tree crown", "grass",
         "dead tree"),
        labels="deepforest/OSBS_029.csv", numbers=(0, 6, 12, 18, 24, 30, 36, 42, 48, 54),
    ),
    Scene(
        "elevation_small", "elevation_small/dsm.tif", 40.0,
        ("large building", "houses", "round building", "a building with a courtyard", "flat open ground", "trees", "street",
         "dense residential area", "long building", "river"),
        ((195, 105, 270, 195), (270, 90, 345, 170), (590, 150, 720, 300), (695, 340, 860, 570), (0, 900, 235, 995),
         (620, 330, 690, 545), (60, 730, 225, 870), (600, 75, 735, 140), (495, 760, 550, 840), (905, 235, 980, 360)),
    ),
    Scene(
        "geotiff_test_data", "geotiff_test_data/umbra_mount_yasur.tiff", 40.0,
        ("crater", "volcano", "mountain ridge", "rocks", "slope", "bare ground", "shadow", "forest", "cliff", "sea"),
        ((400, 200, 900, 600), (440, 500, 560, 590), (560, 450, 660, 520), (830, 350, 900, 430), (60, 230, 180, 300),
         (600, 50, 750, 120), (300, 330, 380, 450), (600, 750, 700, 850), (20, 20, 150, 120), (480, 280, 600, 400)),
    ),
    Scene(
        "rio_tiler_edge_cases", "rio_tiler_edge_cases/pix4d_alpha_nodata.tif", 15.0,
        ("road", "ploughed field", "green vegetables", "farm hut", "red roof", "blue roof", "dry grass", "path between fields",
         "greenhouse", "trees"),
        ((605, 360, 645, 400), (395, 480, 450, 545), (200, 420, 220, 440), (880, 520, 925, 570), (600, 680, 770, 760),
         (330, 565, 460, 645), (340, 10, 510, 110), (30, 240, 90, 280), (400, 170, 470, 270), (520, 160, 600, 220)),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One query, what to write above it, and its box in pixels where it has one."""

    title: str
    query: Query
    box: tuple[float, float, float, float] | None = None


def questions(scene: Scene, folder: Path, spec: SourceSpec) -> list[Asked]:
    """Ten texts and ten boxes."""
    asked = [Asked(text, Query(text=text)) for text in scene.texts]
    source = open_source(spec)
    size = np.array([source.width, source.height] * 2)
    boxes = [(f"box {number}", np.array(box) / 1000 * size) for number, box in enumerate(scene.boxes, 1)]
    if scene.labels:
        labels = read_labels(folder / scene.labels, folder / scene.file)
        boxes += [(f"box of label {number}", np.array(labels[number]["bbox"], float)) for number in scene.numbers]
    for title, box in boxes:
        corners = [ground(source.transform, x, y) for x, y in ((box[0], box[1]), (box[2], box[3]))]
        asked.append(Asked(title, Query(boxes=[QueryBox(spec, corners)], exclude_self=True), tuple(float(edge) for edge in box)))
    source.close()
    return asked


def ground(transform: Any, x: float, y: float) -> list[float]:
    """A pixel's place in the raster's own coordinates."""
    return [transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f]


def thumbnail(source: Any, box: tuple[float, float, float, float], grow: float = 1.0) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3): the square around a box."""
    half = max(box[2] - box[0], box[3] - box[1]) / 2 * grow
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top, side = round(x - half), round(y - half), max(2, round(2 * half))
    pixels, _ = source.read(Window(left, top, left + side, top + side), (SIDE, SIDE))
    return pixels


def strip(source: Any, asked: Asked, hits: list[Any]) -> Image.Image:
    """The query and its first hits side by side."""
    picture = Image.new("RGB", ((SIDE + 4) * (HITS + 2), SIDE + HEAD + 2), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((2, 1), asked.title, fill="black")
    if asked.box:
        shown = Image.fromarray(thumbnail(source, asked.box, CONTEXT))
        across, down = (asked.box[2] - asked.box[0], asked.box[3] - asked.box[1])
        share = np.array([across, down]) / max(across, down) / CONTEXT / 2 * SIDE
        ImageDraw.Draw(shown).rectangle([*(SIDE / 2 - share), *(SIDE / 2 + share)], outline="yellow")
        picture.paste(shown, (2, HEAD))
    for place, hit in enumerate(hits):
        left = (SIDE + 4) * (place + 2)
        draw.text((left, 1), f"{hit.rank}: {hit.score:.2f}", fill="black")
        picture.paste(Image.fromarray(thumbnail(source, (hit.x0, hit.y0, hit.x1, hit.y1))), (left, HEAD))
    return picture


def show(scene: Scene, folder: Path, index: Index, spec: SourceSpec, encoder: Any, to: Path) -> None:
    """All pictures of one scene, and its sheet."""
    row = index.source(spec.identity)
    source = open_source(spec, row.stretch if row else None)
    strips = []
    (to / scene.name).mkdir(parents=True, exist_ok=True)
    for number, asked in enumerate(questions(scene, folder, spec), 1):
        hits = search(index, asked.query, encoder, count=HITS).hits
        strips.append(strip(source, asked, hits))
        name = "".join(char if char.isalnum() else "_" for char in asked.title)
        strips[-1].save(to / scene.name / f"{number:02d}_{name}.png")
    source.close()
    sheet = Image.new("RGB", (strips[0].width, sum(one.height for one in strips)), "white")
    for number, one in enumerate(strips):
        sheet.paste(one, (0, number * one.height))
    sheet.save(to / f"{scene.name}.png")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--scene", nargs="*", choices=[scene.name for scene in SCENES], help="these scenes only")
    given = parser.parse_args()
    folder = imagery()
    if not folder:
        print("first_hits: GEOLOUPE_DATA is not set, so there are no scenes to look at.", file=sys.stderr)
        return 0
    encoder = load_encoder(given.encoder)
    for scene in SCENES:
        if given.scene and scene.name not in given.scene:
            continue
        spec = SourceSpec(uri=str(folder / scene.file), crs=scene.crs)
        with tempfile.TemporaryDirectory(prefix="geoloupe-bench-") as made:
            target = Path(made) / f"{scene.name}.geoloupe"
            report = index_sources(target, [spec], encoder, object_size=scene.size)
            print(f"{scene.name}: {report.rows} regions in {report.seconds:.1f} s", flush=True)
            show(scene, folder, open_index(target), spec, encoder, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

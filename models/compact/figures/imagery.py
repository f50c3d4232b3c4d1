"""Boxes on imagery that training never saw: roofs and their colours, vehicles, trees, dams; beside the ImageNet features.

Every box is read on a chip in whose middle it lies and of whose side its longer side takes 79 of 224 pixels, never magnified more
than twice, as the product reads it. Boxes that meet a query's box are never its answers. mAP: the mean over kinds of the mean
over the queries of that kind of the average precision.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .baseline import ImageNetFeatures, apart
from .given import Given
from .measures import average_precision, mean, overlaps, precision_at
from .regions import Reader, background, read_boxes, read_grid, read_pixels
from .rows import Asked, Found, Row

NONE = ""  # the label of a box of nothing in particular
SPELT = {"concerte": "concrete"}  # as mapped
LEAST = 5  # boxes of a kind, for the kind to be asked for
QUERIES = 100  # of a kind, drawn when there are more
ROOFS = {"blue roof": ("blue", 0.60), "red roof": ("red", 0.35), "grey roof": ("gray", 0.88)}  # words, label, goal
FRAME_CARS = 20  # queries in each frame


@dataclass
class Boxes:
    """Labelled boxes of one picture: (n, 4), (n,), by the encoder (n, dim), and by the ImageNet features."""

    boxes: NDArray
    labels: NDArray[np.str_]
    vectors: NDArray[np.float32]
    baseline: dict[str, NDArray[np.float32]]

    def for_kinds(self) -> dict[str, float]:
        """mAP by the encoder and by each map of the baseline, and its chance."""
        ways = {"encoder": self.vectors, **self.baseline}
        gathered: dict[str, list[float]] = {way: [] for way in (*ways, "chance")}
        apart_ = ~overlaps(self.boxes)
        rng = np.random.default_rng(5)
        for label in kinds_of(self.labels):
            truth = self.labels == label
            asked = rng.permutation(np.flatnonzero(truth))[:QUERIES]
            for way, vectors in ways.items():
                gathered[way].append(mean([average_precision(vectors @ vectors[row], truth, apart_[row]) for row in asked]))
            gathered["chance"].append(mean([float(truth[apart_[row]].mean()) for row in asked]))
        return {way: mean(values) for way, values in gathered.items()}

    @property
    def asked(self) -> int:
        """How many boxes were asked for their kind."""
        return int(sum(min(QUERIES, (self.labels == label).sum()) for label in kinds_of(self.labels)))


def kinds_of(labels: NDArray[np.str_]) -> list[str]:
    """The labels that enough boxes have."""
    return [str(label) for label in np.unique(labels) if label != NONE and (labels == label).sum() >= LEAST]


def readers(given: Given) -> list[Reader]:
    """The encoder and the ImageNet features."""
    return [given.encoder.encode_regions, ImageNetFeatures(given.training).joined]


def labelled(given: Given, pixels: NDArray[np.uint8], boxes: NDArray, labels: NDArray[np.str_]) -> Boxes:
    """Labelled boxes of one picture, read."""
    own, other = read_boxes(pixels, boxes, readers(given))
    return Boxes(boxes, labels, own, apart(other))


def with_background(given: Given, pixels: NDArray[np.uint8], boxes: NDArray, labels: NDArray[np.str_]) -> Boxes:
    """The same among five times as many boxes of nothing in particular."""
    others = background(boxes, pixels.shape)
    every = np.concatenate([boxes, others])
    return labelled(given, pixels, every, np.concatenate([labels, np.full(len(others), NONE)]))


def roofs(folder: Path) -> tuple[NDArray[np.uint8], list[dict]]:
    """The town and its building boxes."""
    facts = json.loads((folder / "oam_banepa" / "building_regions.json").read_text(encoding="utf-8"))
    return read_pixels(folder / "oam_banepa" / "oam_banepa_z19.tif"), facts


def materials(folder: Path, facts: list[dict]) -> NDArray[np.str_]:
    """What each roof is made of, as mapped by people; "id" is the number of the mapped building."""
    mapped = json.loads((folder / "oam_banepa" / "osm_labels.geojson").read_text(encoding="utf-8"))["features"]
    said = [str(mapped[one["id"]]["properties"].get("roof:material") or NONE) for one in facts]
    return np.array([SPELT.get(material, material) for material in said])


def town(given: Given, folder: Path) -> tuple[list[Row], dict[str, Boxes], Asked]:
    """Roof colours by name; roofs of the same colour and of the same material by box."""
    pixels, facts = roofs(folder)
    labels = np.array([one["roof"] for one in facts])
    read = labelled(given, pixels, np.array([one["bbox"] for one in facts], float), labels)
    scores = read.vectors @ given.texts(list(ROOFS)).T
    rows = [
        Row("imagery", f"oam_banepa, building boxes, AP of “{words}”", average_precision(scores[:, column], labels == label),
            len(labels), float((labels == label).mean()), goal, "not run")
        for column, (words, (label, goal)) in enumerate(ROOFS.items())
    ]  # fmt: skip
    sets = {"oam_banepa roof colours": Boxes(read.boxes, np.where(labels == "other", NONE, labels), read.vectors, read.baseline)}
    made_of = materials(folder, facts)
    sets["osm_labels roof materials"] = Boxes(read.boxes, made_of, read.vectors, read.baseline)
    right = np.stack([labels == label for label, _ in ROOFS.values()], 1)
    return rows, sets, Asked("colour words, unseen imagery", scores, right)


def cars_of(path: Path, width: int, height: int) -> NDArray[np.float64]:
    """(n, 4) boxes of motor vehicles with four wheels or more, from relative centres and sizes."""
    rows = np.array([[float(value) for value in line.split()] for line in path.read_text(encoding="utf-8").splitlines() if line])
    x, y, w, h = rows[rows[:, 0] < 4, 1:].T
    return np.stack([(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height], 1)


def in_middle(regions: NDArray, boxes: NDArray) -> NDArray[np.bool_]:
    """(n,): whether the middle of one of the boxes lies in the middle half of each region."""
    quarter = (regions[:, 2:] - regions[:, :2]) / 4
    low, high = regions[:, :2] + quarter, regions[:, 2:] - quarter
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return ((middles[None] >= low[:, None]) & (middles[None] < high[:, None])).all(-1).any(1)


def vehicles(given: Given, folder: Path) -> tuple[list[Row], dict[str, float], list[Asked]]:
    """Cars on a grid, frame by frame: neighbouring frames show the same cars, so none is searched with another's box.

    Regions have twice the median longer side of a car; one shows a car when a car's middle lies in its middle half. A query is
    the car's own box on a chip of the grid's scale.
    """
    text = given.texts(["car"])[0]
    both = readers(given)
    rng = np.random.default_rng(6)
    found: dict[str, list[float]] = {name: [] for name in ("ap", "chance", "p10", "encoder", "stride 16", "stride 32")}
    said: list[Asked] = []
    regions = asked = 0
    for path in sorted((folder / "kit_ais_vehicles").glob("*.png")):
        pixels = read_pixels(path)
        cars = cars_of(path.with_suffix(".txt"), pixels.shape[1], pixels.shape[0])
        region = 2 * round(float(np.median((cars[:, 2:] - cars[:, :2]).max(1))))
        grid, (own, other) = read_grid(pixels, region, both)
        truth = in_middle(grid, cars)
        regions += len(grid)
        said.append(Asked("object words, unseen imagery", own @ text, truth))
        found["ap"].append(average_precision(own @ text, truth))
        found["chance"].append(float(truth.mean()))
        chosen = cars[rng.permutation(len(cars))[:FRAME_CARS]]
        asked += len(chosen)
        queries, other_queries = read_boxes(pixels, chosen, both, 4 * region)
        pools = {"encoder": (own, queries), **{way: (apart(other)[way], apart(other_queries)[way]) for way in apart(other)}}
        for number, allowed in enumerate(~overlaps(chosen, grid)):
            found["p10"].append(precision_at(own @ queries[number], truth, allowed))
            for way, (pool, vectors) in pools.items():
                found[way].append(average_precision(pool @ vectors[number], truth, allowed))
    means = {name: mean(values) for name, values in found.items()}
    note = "Mean over frames; regions of twice the median car on a half-overlap grid; right: a car's middle in the middle half."
    rows = [
        Row("imagery", "kit_ais_vehicles, regions, AP of “car”", means["ap"], regions, means["chance"],
            min(6 * means["chance"], 0.7), "not run", note),
        Row("imagery", "kit_ais_vehicles, a box on one car finds cars, P@10", means["p10"], asked, means["chance"], 0.85,
            "not run", "Within the frame, without the regions that meet the query's box."),
    ]  # fmt: skip
    return rows, {**means, "asked": asked}, said


def trees(given: Given, folder: Path) -> dict[str, Boxes]:
    """Tree crowns among random boxes, and dead trees among living ones."""

    def table(name: str) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
        with (folder / "deepforest" / name).open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        boxes = np.array([[float(row[edge]) for edge in ("xmin", "ymin", "xmax", "ymax")] for row in rows])
        return boxes, np.array([row["label"] for row in rows])

    crowns = read_pixels(folder / "deepforest" / "OSBS_029.tif")
    dead = read_pixels(folder / "deepforest" / "SOAP_061.png")
    return {
        "deepforest trees": with_background(given, crowns, *table("OSBS_029.csv")),
        "deepforest dead and living trees": labelled(given, dead, *table("testfile_multi.csv")),
    }


def dams(given: Given, folder: Path) -> dict[str, Boxes]:
    """Bodies of water drawn on a map over an aerial."""
    import pyogrio
    import rasterio
    import shapely

    layer = folder / "qgis_swellendam" / "water.shp"
    shapes = []
    for number in range(pyogrio.read_info(layer)["features"]):
        try:
            shapes += list(pyogrio.raw.read(layer, columns=[], skip_features=number, max_features=1)[2])
        except pyogrio.errors.FeatureError:  # one shape of this file is damaged
            continue
    path = folder / "qgis_swellendam" / "3420B_2010_328_RGB_LATLNG.tif"
    with rasterio.open(path) as source:
        grid, width, height = source.transform, source.width, source.height
    bounds = shapely.bounds(shapely.from_wkb(shapes))
    boxes = (bounds[:, [0, 3, 2, 1]] - [grid.c, grid.f, grid.c, grid.f]) / [grid.a, grid.e, grid.a, grid.e]
    kept = (
        (boxes[:, :2] >= 0).all(1)
        & (boxes[:, 2] <= width)
        & (boxes[:, 3] <= height)
        & ((boxes[:, 2:] - boxes[:, :2]) >= 6).all(1)
    )
    return {"swellendam water": with_background(given, read_pixels(path), boxes[kept], np.full(int(kept.sum()), "water"))}


def beside(name: str, maps: dict[str, float], n: int, goal: float, prototype: str, part: str = "imagery") -> Row:
    """The ratio of the encoder's mAP to the better of the ImageNet maps."""
    way = max((way for way in maps if way.startswith("stride")), key=lambda way: maps[way])
    note = f"mAP {maps['encoder']:.3f}, ImageNet features ({way}) {maps[way]:.3f}; chance is of the mAP."
    return Row(part, f"box to the same kind, {name}: mAP over that of the ImageNet features", maps["encoder"] / maps[way], n,
               maps["chance"], goal, prototype, note)  # fmt: skip


def measure(given: Given) -> Found:
    """Everything on the folder of imagery."""
    if given.imagery is None:
        return Found([Row("imagery", "unseen imagery", None, 0, note="No folder of imagery was given.")])
    folder = given.imagery
    rows, sets, coloured = town(given, folder)
    makers: list[Callable[[Given, Path], dict[str, Boxes]]] = [trees, dams]
    for make in makers:
        sets |= make(given, folder)
    car_rows, cars, said = vehicles(given, folder)
    maps = {name: (one.for_kinds(), one.asked) for name, one in sets.items()}
    maps["kit_ais cars"] = ({name: cars[name] for name in ("encoder", "stride 16", "stride 32", "chance")}, int(cars["asked"]))
    way = max(("stride 16", "stride 32"), key=lambda way: mean([one[way] for one, _ in maps.values()]))
    over = {name: mean([one[name] for one, _ in maps.values()]) for name in ("encoder", way, "chance")}
    n = sum(count for _, count in maps.values())
    rows = [*rows, *car_rows, beside(f"mean of {len(maps)} sets", over, n, 2.0, "1.14 to 2.2")]
    rows += [beside(name, one, count, 2.0, "") for name, (one, count) in maps.items()]
    return Found(rows, {name: one for name, (one, _) in maps.items()}, [coloured, *said])

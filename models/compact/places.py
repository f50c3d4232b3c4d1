"""Places for training: points, the countries and provinces they lie in, and what a place encoder says of them.

The teacher is GeoCLIP's location encoder (``pip install geoclip``, MIT; its weights are tensors in the wheel), read here without
its package: Equal Earth projection, three towers of random Fourier features with sigma 1, 16 and 256, summed (Vivanco Cepeda and
others, 2023). Countries come from the map that QGIS brings (Natural Earth, public domain). Latitude comes first everywhere.
"""

from __future__ import annotations

import csv
import io
import json
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .packing import on_sphere, pack
from .prompts import PLACE_INSTRUCTIONS
from .tokenizer import WordPieces

WORLD_MAP = Path("/usr/share/qgis/resources/data/world_map.gpkg")
POINTS = 60_000
COUNTRY_WORDS = ("{n}", "a place in {n}", "somewhere in {n}", "{n}, country", "in {n}", "imagery from {n}")
A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796  # Equal Earth (Savric, Patterson, Jenny 2018)
SCALE = 66.50336


def held_out(latitude: NDArray | float, longitude: NDArray | float) -> NDArray[np.bool_]:
    """Whether a point lies in a tenth of the half-degree cells that training never sees."""
    rows, columns = np.floor(np.asarray(latitude) * 2).astype(int), np.floor(np.asarray(longitude) * 2).astype(int)
    return (rows * 7919 + columns * 104729) % 10 == 4


def countries(path: Path = WORLD_MAP, layer: str = "countries", field: str = "NAME") -> tuple[list[str], list]:
    """Names and shapely polygons (longitude, latitude) of a layer, those of the same name together."""
    import pyogrio
    import shapely

    _, _, shapes, (names,) = pyogrio.raw.read(path, layer=layer, columns=[field])
    found: dict[str, list] = {}
    for name, shape in zip(names, shapely.from_wkb(shapes), strict=True):
        if name and shape is not None and not shape.is_empty:
            found.setdefault(str(name), []).append(shape)
    return list(found), [shapely.union_all(parts) for parts in found.values()]


def country_of(points: NDArray, polygons: list) -> NDArray[np.int64]:
    """(n, 2) latitude and longitude -> the number of the polygon each lies in, -1 for none."""
    import shapely

    tree = shapely.STRtree(polygons)
    where, which = tree.query(shapely.points(points[:, 1], points[:, 0]), predicate="within")
    found = np.full(len(points), -1)
    found[where] = which
    return found


def sample(polygons: list, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """About ``count`` points (latitude, longitude), as many in small countries as in large ones."""
    import shapely

    points = []
    for polygon in polygons:
        parts = list(getattr(polygon, "geoms", [polygon]))
        areas = np.array([part.area for part in parts]) ** 0.5
        each = max(4, count // len(polygons))
        for number, wanted in enumerate(rng.multinomial(each, areas / areas.sum())):
            x0, y0, x1, y1 = parts[number].bounds
            kept = np.zeros((0, 2))
            for _ in range(30):
                tried = rng.uniform([x0, y0], [x1, y1], (4 * wanted + 8, 2))
                kept = np.concatenate([kept, tried[shapely.contains_xy(parts[number], tried)]])
                if len(kept) >= wanted:
                    break
            points.append(kept[:wanted, ::-1])
    return np.concatenate(points)


def equal_earth(points: Tensor) -> Tensor:
    """(n, 2) latitude and longitude in degrees -> (n, 2) as GeoCLIP projects them."""
    latitude, longitude = torch.deg2rad(points[:, 0]), torch.deg2rad(points[:, 1])
    theta = torch.asin(3**0.5 / 2 * torch.sin(latitude))
    below = 3 * (9 * A4 * theta**8 + 7 * A3 * theta**6 + 3 * A2 * theta**2 + A1)
    x = 2 * 3**0.5 * longitude * torch.cos(theta) / below
    y = A4 * theta**9 + A3 * theta**7 + A2 * theta**3 + A1 * theta
    return torch.stack([x, y], 1) * SCALE / 180


def teacher_archive() -> io.BytesIO:
    """The location encoder's weights from the installed package."""
    for path in metadata.files("geoclip") or []:
        if path.name == "location_encoder_weights.pth":
            return io.BytesIO(Path(str(path.locate())).read_bytes())
    raise FileNotFoundError("The package geoclip lacks its location encoder's weights.")


def teacher_vectors(points: NDArray) -> NDArray[np.float16]:
    """(n, 2) latitude and longitude -> (n, 512) unit vectors of GeoCLIP."""
    weights: dict[str, Tensor] = torch.load(teacher_archive(), map_location="cpu", weights_only=True)
    towers = sorted({name.split(".")[0] for name in weights})
    found = []
    for start in range(0, len(points), 4096):
        flat = equal_earth(torch.from_numpy(np.asarray(points[start : start + 4096])).double()).float()
        total = torch.zeros(len(flat), 512)
        for tower in towers:
            own = {name.split(".", 1)[1]: value for name, value in weights.items() if name.startswith(tower + ".")}
            turned = 2 * torch.pi * flat @ next(value for name, value in own.items() if name.endswith(".b")).T
            x = torch.cat([turned.cos(), turned.sin()], -1)
            layers = sorted(name[: -len(".weight")] for name in own if name.endswith(".weight"))
            for number, name in enumerate(layers):
                x = functional.linear(x, own[name + ".weight"], own[name + ".bias"])
                x = functional.relu(x) if number < len(layers) - 1 else x
            total += x
        found.append(functional.normalize(total, dim=-1).numpy().astype(np.float16))
    return np.concatenate(found)


def gallery() -> NDArray[np.float64]:
    """The points (latitude, longitude) at which people took pictures, that the teacher's package brings."""
    for path in metadata.files("geoclip") or []:
        if path.name == "coordinates_100K.csv":
            rows = list(csv.reader(Path(str(path.locate())).read_text(encoding="utf-8").splitlines()))[1:]
            return np.array([[float(row[-2]), float(row[-1])] for row in rows])
    raise FileNotFoundError("The package geoclip lacks its gallery.")


def prepare(cache: Path, world_map: Path = WORLD_MAP, seed: int = 5) -> None:
    """Write places.npz (points, country, province, teacher) and places.json (names) into ``cache``; what is there stays."""
    if (cache / "places.json").exists():
        return
    rng = np.random.default_rng(seed)
    names, polygons = countries(world_map)
    provinces, areas = countries(world_map, "states_provinces", "name")
    points = np.concatenate([sample(polygons, POINTS // 2, rng), sample(areas, POINTS // 3, rng)])
    chosen = gallery()
    points = np.concatenate([points, chosen[rng.permutation(len(chosen))[: POINTS // 6]]])
    points = points[~held_out(points[:, 0], points[:, 1])]
    np.savez(
        cache / "places.npz", points=points, country=country_of(points, polygons), province=country_of(points, areas),
        teacher=teacher_vectors(points),
    )  # fmt: skip
    (cache / "places.json").write_text(json.dumps({"countries": names, "provinces": provinces}), encoding="utf-8")


class Places:
    """Points for one step and the names that hold there; nothing where the cache has no places."""

    def __init__(self, cache: Path, tokens: WordPieces, rng: np.random.Generator) -> None:
        self.tokens, self.rng = tokens, rng
        self.points = np.zeros((0, 2))
        if (cache / "places.json").exists():
            names = json.loads((cache / "places.json").read_text(encoding="utf-8"))
            self.names: dict[str, list[str]] = {"country": names["countries"], "province": names["provinces"]}
            table = np.load(cache / "places.npz")
            self.points, self.teacher = table["points"], table["teacher"]
            self.inside = {kind: table[kind] for kind in self.names}

    def some(self, count: int) -> dict[str, NDArray]:
        """``place_points`` (n, 3) on the sphere, ``place_teacher`` (n, 512); for countries and provinces the names of this
        step (``country_words``: those of the points and as many others) and which one is right (-1 is none);
        ``asked_words``, ``asked_segments``: how a picture's place is asked for, once for each point."""
        if not len(self.points):
            return {}
        rows = self.rng.integers(len(self.points), size=count)
        found: dict[str, NDArray] = {
            "place_points": on_sphere(self.points[rows]),
            "place_teacher": self.teacher[rows].astype(np.float32),
        }
        for kind, names in self.names.items():
            right = self.inside[kind][rows]
            others = self.rng.integers(len(names), size=count // 2 if kind == "province" else count)
            chosen = np.unique(np.concatenate([right[right >= 0], others]))
            templates = COUNTRY_WORDS if kind == "country" else ("{n}",)
            words = [templates[int(self.rng.integers(len(templates)))].format(n=names[number]) for number in chosen]
            place = {int(number): row for row, number in enumerate(chosen)}
            found[f"{kind}_words"] = self.tokens.batch(words, 16)
            found[f"{kind}_right"] = np.array([place.get(int(number), -1) for number in right])
        asked = [PLACE_INSTRUCTIONS[int(self.rng.integers(len(PLACE_INSTRUCTIONS)))] for _ in rows]
        found["asked_words"], found["asked_segments"] = pack(self.tokens, [""] * count, asked)
        return found


def phrases(cache: Path) -> list[str]:
    """Every name of a country and province, for the word pieces."""
    if not (cache / "places.json").exists():
        return []
    facts = json.loads((cache / "places.json").read_text(encoding="utf-8"))
    return [*facts["countries"], *facts["provinces"]]

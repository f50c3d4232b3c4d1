"""Points to the names of the countries they lie in, and pictures with a place whose instruction asks for it.

Points lie in cells that training never saw. Drawn by country: a country first, then a point in it; a guess is then right once in
as many names as there are. Drawn by area: even over the land; the commonest country's share is the chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Image, InputError, Interleaved, Place
from ...instructions import PLACE
from ..augment import resize
from ..places import WORLD_MAP, countries, country_of, held_out
from .given import SIDE, Given
from .measures import first_right
from .rows import Found, Row

POINTS, PICTURES = 1000, 200
TRIES = 400_000  # points on the sphere, of which about a thirtieth lies on held-out land
NOT_READ = "The encoder does not read places."


def on_land(polygons: list, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Held-out points even over the land, (n, 2) latitude and longitude, and the country of each."""
    latitude = np.degrees(np.arcsin(rng.uniform(-1, 1, TRIES)))
    points = np.stack([latitude, rng.uniform(-180, 180, TRIES)], 1)
    points = points[held_out(points[:, 0], points[:, 1])]
    country = country_of(points, polygons)
    return points[country >= 0], country[country >= 0]


def by_country(country: NDArray[np.int64], rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Which points to take so that every country that has one comes as often."""
    return np.array([rng.choice(np.flatnonzero(country == one)) for one in rng.choice(np.unique(country), count)])


def points_alone(given: Given, words: list[str], polygons: list, rng: np.random.Generator) -> tuple[list[Row], dict[str, Any]]:
    """Points to country names, drawn both ways; empty figures when the encoder reads no places."""
    points, country = on_land(polygons, rng)
    goal, names = 10 / len(words), f"place to country name among {len(words)}"
    even, spread = by_country(country, rng, POINTS), rng.permutation(len(points))[:POINTS]
    common = float(np.bincount(country[spread]).max() / len(spread))
    rows = [
        Row("places", f"{names}, a country drawn first, P@1", None, POINTS, 1 / len(words), goal, "not tried"),
        Row("places", f"{names}, drawn by area, P@1", None, POINTS, common, goal, "not tried",
            "Chance: the share of the commonest country. The goal is ten times one in the number of names."),
    ]  # fmt: skip
    vectors = given.texts(words)
    for row, chosen in zip(rows, (even, spread), strict=True):
        try:
            asked = given.encoder.encode([Interleaved([Place(*map(float, points[one]))]) for one in chosen])
        except InputError:
            row.note = NOT_READ
            continue
        row.figure = first_right(asked @ vectors.T, country[chosen])
    return rows, {"points": points[even], "country": country[even], "names": vectors}


def with_pictures(given: Given, facts: dict[str, Any], rng: np.random.Generator) -> list[Row]:
    """Held-out pictures with a place: the country when the instruction asks for it, the kind of scene when nothing does."""
    taken = rng.permutation(len(given.rows))[:PICTURES]
    chips = [resize(np.asarray(given.pictures.scenes[int(given.rows[row])]), SIDE, SIDE) for row in taken]
    places = [Place(*map(float, point)) for point in facts["points"][:PICTURES]]
    country, kinds = facts["country"][:PICTURES], given.kinds[taken]
    names, n = facts["names"], len(taken)
    one_name, one_kind = 1 / len(names), 1 / len(given.pictures.classes)
    asked = "picture and place, the instruction asks for the place: country name, P@1"
    try:
        both = given.encoder.encode([Interleaved([Image(chip), place], PLACE) for chip, place in zip(chips, places, strict=True)])
        plain = given.encoder.encode([Interleaved([Image(chip), place]) for chip, place in zip(chips, places, strict=True)])
    except InputError:
        return [Row("places", asked, None, n, one_name, None, "not tried", NOT_READ)]
    alone = given.encoder.encode([Interleaved([Image(chip)], PLACE) for chip in chips])
    without = first_right(alone @ names.T, country)
    kind_alone = first_right(given.held[taken] @ given.names.T, kinds)
    return [
        Row("places", asked, first_right(both @ names.T, country), n, one_name, max(without, one_name), "not tried",
            "Goal: better than without the place."),
        Row("places", "the same pictures, that instruction, no place: country name, P@1", without, n, one_name),
        Row("places", "picture and place, no instruction: scene kind by name, P@1", first_right(plain @ given.names.T, kinds), n,
            one_kind, kind_alone, "", "Goal: no worse than the picture alone, for the place is not asked for."),
        Row("places", "the same pictures alone: scene kind by name, P@1", kind_alone, n, one_kind),
    ]  # fmt: skip


def measure(given: Given) -> Found:
    """Country names of points, and of pictures with a place."""
    rng = np.random.default_rng(41)
    words, polygons = countries(given.countries or WORLD_MAP)
    rows, facts = points_alone(given, words, polygons, rng)
    return Found(rows + with_pictures(given, facts, rng))

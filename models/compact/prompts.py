"""Names, colours and the ways to say them: what the training can put into words about a region."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..instructions import PLACE

# Hue in turns (from, to), saturation (from, to), value (from, to); hues may pass 1. Dull shades count: roofs seen from above are.
COLOURS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "red": ((0.955, 1.035), (0.33, 0.95), (0.30, 0.95)),
    "orange": ((0.045, 0.10), (0.50, 0.95), (0.60, 0.98)),
    "brown": ((0.02, 0.11), (0.28, 0.70), (0.20, 0.52)),
    "yellow": ((0.125, 0.175), (0.35, 0.95), (0.55, 0.98)),
    "green": ((0.24, 0.45), (0.25, 0.90), (0.22, 0.85)),
    "blue": ((0.535, 0.68), (0.30, 0.95), (0.25, 0.95)),
    "purple": ((0.73, 0.82), (0.25, 0.85), (0.25, 0.85)),
    "pink": ((0.86, 0.96), (0.20, 0.60), (0.60, 0.98)),
    "white": ((0.0, 1.0), (0.0, 0.10), (0.82, 0.99)),
    "gray": ((0.0, 1.0), (0.0, 0.14), (0.35, 0.68)),
    "black": ((0.0, 1.0), (0.0, 0.30), (0.04, 0.19)),
}
COLOUR_NAMES = tuple(COLOURS)

KINDS = ("roof", "car", "area")
ROOF_WORDS = (
    "{c} roof",
    "a {c} metal roof",
    "{c} metal roof",
    "{c} roof building",
    "building with a {c} roof",
    "{c} building",
    "a {c} house",
    "{c} rooftop",
    "{c} roofs",
    "a {c} tin roof",
    "house with {c} roof",
    "the roof is {c}",
)
CAR_WORDS = ("a {c} car", "{c} car", "{c} vehicle", "a car that is {c}", "{c} cars")
AREA_WORDS = ("{c}", "{c} area", "{c} surface", "something {c}", "{c} ground", "{c} coloured place")
COLOUR_WORDS = {"roof": ROOF_WORDS, "car": CAR_WORDS, "area": AREA_WORDS}
KIND_WORDS = {
    "roof": ("a roof", "building", "a building", "a house", "roof of a building", "rooftop", "buildings"),
    "car": ("a car", "car", "a vehicle", "cars", "a parked car"),
    "area": ("a coloured area", "a plain surface", "an area of one colour"),
}
EDIT_WORDS = (
    *(("{t}",) * 5),
    "{t}",
    "but {t}",
    "the same but {t}",
    "but {c}",
    "like this but {c}",
    "same in {c}",
    "{c}",
    "like this with {t}",
    "{t} instead",
)

SCENE_NAMES = {
    "BareLand": "bare land",
    "BaseballField": "baseball field",
    "DenseResidential": "dense residential area",
    "MediumResidential": "medium density residential area",
    "SparseResidential": "sparse residential area",
    "RailwayStation": "railway station",
    "StorageTanks": "storage tanks",
    "Center": "center building",
    "Industrial": "industrial area",
    "Commercial": "commercial area",
    "Parking": "parking lot",
    "Square": "city square",
    "Playground": "sports ground",
}
SCENE_SYNONYMS = {
    "BareLand": ("bare ground", "bare soil"),
    "BaseballField": ("baseball diamond",),
    "DenseResidential": ("dense houses", "crowded houses"),
    "MediumResidential": ("houses", "houses along streets"),
    "SparseResidential": ("a few houses among trees", "scattered houses"),
    "RailwayStation": ("railway tracks", "train station"),
    "StorageTanks": ("oil tanks",),
    "Center": ("a large public hall",),
    "Industrial": ("factories", "factory buildings"),
    "Commercial": ("shops and offices", "downtown"),
    "Parking": ("car park", "parked cars"),
    "Square": ("plaza",),
    "Playground": ("playground", "running track", "football field"),
    "Airport": ("airplanes", "runway"),
    "Beach": ("sandy beach", "sea shore"),
    "Bridge": ("a bridge over water",),
    "Church": ("cathedral",),
    "Desert": ("sand dunes",),
    "Farmland": ("fields", "crops", "farm fields"),
    "Forest": ("trees", "woods", "dense trees"),
    "Meadow": ("grass", "grassland"),
    "Mountain": ("mountains", "hills", "rocky mountain"),
    "Park": ("a park with paths",),
    "Pond": ("water", "a lake"),
    "Port": ("harbour", "boats at a dock"),
    "Resort": ("hotel with pools",),
    "River": ("water", "a stream"),
    "School": ("campus", "school buildings"),
    "Stadium": ("sports stadium",),
    "Viaduct": ("overpass", "highway interchange"),
}
SCENE_WORDS = (
    "{n}",
    "a {n}",
    "an aerial photo of a {n}",
    "a satellite image of {n}",
    "{n} seen from above",
    "there is a {n}",
    "{n} area",
)

THING_WORDS = ("Find this thing.",)
KIND_INSTRUCTIONS = (
    "Find things of the same kind, whatever their colour.",
    "the same kind",
    "same type of thing",
    "things like this of any colour",
    "match its kind, not its colour",
    "any colour",
)
SURROUNDINGS_INSTRUCTIONS = (
    "Find places with the same surroundings as this box.",
    "its surroundings",
    "the area around it",
    "match the neighbourhood",
    "places that look like what lies around",
    "similar surroundings",
)

PLACE_INSTRUCTIONS = (
    *(PLACE,) * 4,
    "the same country",
    "where it is",
    "the same part of the world",
    "match its place on Earth",
    "find its country",
)
WITH_WORDS = (
    "with {n}",
    "but with {n}",
    "the same but with {n}",
    "the same but {n}",
    "like this with {n}",
    "{n}",
    "this, but with {n}",
)
WITHOUT_WORDS = ("without {n}", "but without {n}", "the same but without {n}", "but no {n}", "no {n}")

# Nouns that captions mention, for weak localisation: the words that name them.
NOUNS = {
    "trees": r"trees?|woods",
    "water": r"water|river|lake|ponds?|sea|ocean",
    "a road": r"roads?|streets?",
    "buildings": r"buildings?|houses?",
    "cars": r"cars?|vehicles?",
    "a parking lot": r"parking",
    "grass": r"grass|lawns?|meadows?|grassland",
    "bare ground": r"bareland|bare|soil",
    "a swimming pool": r"pools?|swimming",
    "a bridge": r"bridges?",
    "boats": r"boats?|ships?|yachts?",
    "airplanes": r"planes?|airplanes?|aircrafts?",
    "a sandy beach": r"beach|beaches",
    "a football field": r"football|soccer",
    "a tennis court": r"tennis",
    "a basketball court": r"basketball",
    "farm fields": r"farmlands?|fields|crops",
    "railway tracks": r"railways?|trains?",
    "storage tanks": r"tanks?",
    "a running track": r"track",
    "sand": r"sand|desert|dunes?",
    "rocks": r"rocks?|stones?",
    "a roundabout": r"roundabout",
    "a runway": r"runways?",
    "waves": r"waves?|spray",
    "mountains": r"mountains?|hills?",
    "a baseball field": r"baseball",
    "a dock": r"docks?|piers?|wharf",
}
NOUN_PATTERNS = {noun: re.compile(rf"\b(?:{words})\b") for noun, words in NOUNS.items()}


def scene_name(scene: str) -> str:
    """The everyday name of one scene class."""
    return SCENE_NAMES.get(scene, scene.lower())


def scene_phrase(scene: str, rng: np.random.Generator) -> str:
    """One way to name a scene class."""
    names = (scene_name(scene), *SCENE_SYNONYMS.get(scene, ()))
    if rng.random() < 0.4:
        return names[rng.integers(len(names))]
    return pick(SCENE_WORDS, rng).format(n=names[0])


def colour_phrase(kind: str, colour: str | None, rng: np.random.Generator) -> str:
    """One way to name a thing of a colour; without a colour, the thing."""
    if colour is None:
        return pick(KIND_WORDS[kind], rng)
    return respell(pick(COLOUR_WORDS[kind], rng).format(c=colour), rng)


def edit_phrase(kind: str, colour: str, rng: np.random.Generator) -> str:
    """One way to ask for the boxed thing in another colour."""
    return respell(pick(EDIT_WORDS, rng).format(c=colour, t=pick(COLOUR_WORDS[kind], rng).format(c=colour)), rng)


def respell(text: str, rng: np.random.Generator) -> str:
    """Both spellings of grey occur."""
    return text.replace("gray", "grey") if rng.random() < 0.5 else text


def pick(options: Sequence[str], rng: np.random.Generator) -> str:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


def all_phrases() -> list[str]:
    """Every phrase above written out, for the teacher and the word pieces."""
    found = [words.format(c=colour) for kind in KINDS for words in COLOUR_WORDS[kind] for colour in (*COLOUR_NAMES, "grey")]
    found += [words for kind in KINDS for words in KIND_WORDS[kind]]
    for scene in (*SCENE_SYNONYMS, *SCENE_NAMES):
        found += [words.format(n=scene_name(scene)) for words in SCENE_WORDS] + list(SCENE_SYNONYMS.get(scene, ()))
    edits = [words.format(c=colour, t=f"{colour} roof") for words in EDIT_WORDS for colour in (*COLOUR_NAMES, "grey")]
    said = [words.format(n=noun) for words in (*WITH_WORDS, *WITHOUT_WORDS) for noun in NOUNS]
    found += [*said, *dict.fromkeys(PLACE_INSTRUCTIONS)]
    return list(dict.fromkeys(found + edits + list(NOUNS) + list(THING_WORDS + KIND_INSTRUCTIONS + SURROUNDINGS_INSTRUCTIONS)))

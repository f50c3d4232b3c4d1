"""Further sets of labelled pictures from above, beside those of the training folder.

A set is a folder with ``facts.json``: {"name", "licence", "class" ("A" or "C"), "gsd" (metres or null), "about", "kind",
"items"}. Kind "scenes": items are {"file", "label"}. Kind "boxes": items are {"file", "boxes": [[label, x0, y0, x1, y1], ...]} in
pixels, and every thing of its labels is boxed. Labels are plain English. :func:`prepare` decodes the sets into the cache; a set
named in ``apart`` is left out of training altogether, to measure on.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from .prompts import SCENE_SYNONYMS, scene_name

SCENE_SIDE = 160  # pixels of a kept scene
LONGEST = 1400  # of a kept picture with boxes
SAME_KIND = {  # labels of further sets that mean a class of the scene data
    "harbour": "Port",
    "harbor": "Port",
    "baseball diamond": "BaseballField",
    "overpass": "Viaduct",
    "medium residential area": "MediumResidential",
    "storage tank": "StorageTanks",
    "railway": "RailwayStation",
    "commercial": "Commercial",
    "industrial": "Industrial",
}
AS_OBJECTS = {"car", "vehicle", "truck", "van", "bus", "building", "house", "tree"}  # boxes that are no kind of scene


class Stacked:
    """Arrays of pictures behind each other: ``stacked[row]`` is (height, width, 3) uint8."""

    def __init__(self, parts: Sequence[NDArray[np.uint8]]) -> None:
        self.parts = parts
        self.ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        part = int(np.searchsorted(self.ends, row, side="right"))
        return self.parts[part][row - (self.ends[part - 1] if part else 0)]


def known_as(label: str, classes: Sequence[str]) -> str:
    """The class of the scene data that a label names, or the label itself."""
    names = {word: name for name in classes for word in (name.lower(), scene_name(name))}
    names |= {word: name for word, name in SAME_KIND.items() if name in classes}
    return names.get(label, names.get(label.rstrip("s"), label))


def decode(path: Path) -> Image.Image | None:
    """One picture, or None when it cannot be read."""
    try:
        return Image.open(path).convert("RGB")
    except (OSError, UnidentifiedImageError):
        return None


def prepare(folder: Path | None, cache: Path, apart: Sequence[str] = ()) -> None:
    """Write further.json and further/NAME.npy or further/NAME/NUMBER.npy into ``cache``; what is there stays."""
    if (cache / "further.json").exists():
        return
    (cache / "further").mkdir(parents=True, exist_ok=True)
    sets: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*/facts.json")) if folder else []:
        facts = json.loads(path.read_text(encoding="utf-8"))
        name = path.parent.name
        if name in apart:
            continue
        kept = scenes(facts, path.parent, cache, name) if facts["kind"] == "scenes" else boxed(facts, path.parent, cache, name)
        about = {key: facts.get(key) for key in ("repository", "commit", "licence", "class", "gsd", "about")}
        sets.append({"name": name, "kind": facts["kind"], "items": kept, **about})
    (cache / "further.json").write_text(json.dumps(sets), encoding="utf-8")


def scenes(facts: dict[str, Any], source: Path, cache: Path, name: str) -> list[dict[str, Any]]:
    """The middle square of every picture, at one size."""
    pixels, kept = [], []
    seen: dict[str, int] = defaultdict(int)
    for item in facts["items"]:
        picture = decode(source / item["file"])
        if picture is None:
            continue
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side))
        pixels.append(np.asarray(square.resize((SCENE_SIDE, SCENE_SIDE), Image.Resampling.LANCZOS)))
        kept.append({"label": item["label"], "held": seen[item["label"]] % 10 == 4})
        seen[item["label"]] += 1
    np.save(cache / "further" / f"{name}.npy", np.stack(pixels))
    return kept


def boxed(facts: dict[str, Any], source: Path, cache: Path, name: str) -> list[dict[str, Any]]:
    """Every picture with boxes, no longer than LONGEST pixels."""
    kept: list[dict[str, Any]] = []
    (cache / "further" / name).mkdir(exist_ok=True)
    for number, item in enumerate(facts["items"]):
        picture = decode(source / item["file"])
        if picture is None or not item["boxes"]:
            continue
        share = min(1.0, LONGEST / max(picture.size))
        if share < 1:
            picture = picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.BOX)
        np.save(cache / "further" / name / f"{len(kept)}.npy", np.asarray(picture))
        boxes = [[label, *(edge * share for edge in edges)] for label, *edges in item["boxes"]]
        kept.append({"boxes": boxes, "held": number % 10 == 4})
    return kept


class Further:
    """The further sets of a cache, opened; empty where there are none."""

    def __init__(self, cache: Path, classes: list[str]) -> None:
        path = cache / "further.json"
        self.sets: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        scene_sets = [one for one in self.sets if one["kind"] == "scenes"]
        box_sets = [one for one in self.sets if one["kind"] == "boxes"]
        self.scenes = [np.load(cache / "further" / f"{one['name']}.npy", mmap_mode="r") for one in scene_sets]
        labels = [known_as(item["label"], classes) for one in scene_sets for item in one["items"]]
        self.frames = [
            np.load(cache / "further" / one["name"] / f"{number}.npy", mmap_mode="r")
            for one in box_sets
            for number in range(len(one["items"]))
        ]
        self.frame_facts: list[dict[str, Any]] = [item for one in box_sets for item in one["items"]]
        counts = Counter(label for item in self.frame_facts for label in {box[0] for box in item["boxes"]})
        self.object_names = sorted(counts)
        things = [label for label in self.object_names if label not in AS_OBJECTS]
        self.all_classes = list(dict.fromkeys([*classes, *sorted(set(labels)), *things]))
        self.scene_class = np.array([self.all_classes.index(label) for label in labels], np.int64)
        self.scene_held = np.array([item["held"] for one in scene_sets for item in one["items"]], bool)


def phrases(cache: Path) -> list[str]:
    """Every label of the further sets."""
    path = cache / "further.json"
    sets = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    labels = [item["label"] for one in sets if one["kind"] == "scenes" for item in one["items"]]
    labels += [box[0] for one in sets if one["kind"] == "boxes" for item in one["items"] for box in item["boxes"]]
    return [label for label in dict.fromkeys(labels) if label not in SCENE_SYNONYMS]

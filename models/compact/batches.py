"""One training step's chips, words and the answers known by rule, as plain arrays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .images import BUILT_SCENES, Pictures
from .packing import TEXT_LIMIT, pack
from .pairs import PairMaker, Query
from .prompts import (
    COLOUR_NAMES,
    KIND_INSTRUCTIONS,
    KINDS,
    NOUN_PATTERNS,
    NOUNS,
    SURROUNDINGS_INSTRUCTIONS,
    colour_phrase,
    edit_phrase,
    pick,
    scene_phrase,
)
from .scenes import AROUND, ITEM, MEASURED, OBJECT, OWN, SCENE, WEAK, Chip, Region, SceneMaker
from .text_data import captions
from .tokenizer import WordPieces

ROOFED_SCENES = ("DenseResidential", "MediumResidential", "Commercial", "Industrial", "School", "Center", "Church")
TREE_WORDS = ("a tree", "trees", "trees", "green trees", "tree crowns", "a tree seen from above")
ROAD_WORDS = ("a road", "road", "roads", "a street", "an asphalt road", "a road seen from above")
CAR_WORDS = ("a car", "cars", "vehicles", "a parked car", "a vehicle")
OPEN_SCENES = ("Beach", "BareLand", "Desert", "Farmland", "Forest", "Meadow", "Mountain", "Pond", "River")


@dataclass(frozen=True)
class Mix:
    """How many chips of each sort one step has; a pair is two chips."""

    mosaics: int = 16
    pairs: int = 4
    objects: int = 4
    wholes: int = 3


class Words:
    """Captions, random sentences and the teacher's vectors."""

    def __init__(self, cache: Path, training: Path) -> None:
        self.texts: list[str] = json.loads((cache / "texts.json").read_text(encoding="utf-8"))
        self.vectors = np.load(cache / "vectors.npy", mmap_mode="r")
        self.row = {text: number for number, text in enumerate(self.texts)}
        self.captions = captions(training)
        known = {text for five in self.captions for text in five}
        self.others = np.array([number for number, text in enumerate(self.texts) if text not in known] or [0])


class Batches:
    """An endless stream of steps. ``seed`` makes it repeatable; ``side`` is the chip's side in pixels."""

    def __init__(self, cache: Path, training: Path, side: int, mix: Mix, seed: int) -> None:
        self.cache, self.training, self.side, self.mix, self.seed = cache, training, side, mix, seed

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.rng = np.random.default_rng(self.seed)
        self.words = Words(self.cache, self.training)
        self.tokens = WordPieces.load(self.cache / "pieces.txt")
        self.pictures = Pictures(self.cache)
        self.maker = SceneMaker(self.pictures, self.rng)
        self.pairs = PairMaker(self.pictures, self.rng)
        while True:
            yield self.step()

    def step(self) -> dict[str, Any]:
        """Make the chips, then everything that is said about them."""
        chips = [self.maker.mosaic(self.side) for _ in range(self.mix.mosaics)]
        queries: list[tuple[int, Query]] = []
        for _ in range(self.mix.pairs):
            pair = self.pairs.pair(self.side)
            queries += [(len(chips) + query.chip, query) for query in pair.queries]
            chips += pair.chips
        chips += [self.maker.objects(self.side) for _ in range(self.mix.objects)]
        chips += [self.maker.whole(self.side) for _ in range(self.mix.wholes)]
        most = max(len(chip.regions) for chip in chips)
        boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (len(chips), most, 1))
        valid = np.zeros((len(chips), most), bool)
        for number, chip in enumerate(chips):
            for place, region in enumerate(chip.regions):
                boxes[number, place], valid[number, place] = region.box, True
        regions = [region for chip in chips for region in chip.regions]
        owner = np.array([number for number, chip in enumerate(chips) for _ in chip.regions])
        facts = {
            name: np.array([getattr(region, name) for region in regions])
            for name in ("role", "scene", "kind", "colour", "view", "item")
        }
        texts, about = self.say(regions)
        rows = np.array([self.words.row.get(text, -1) for text in texts])
        batch: dict[str, Any] = {
            "chips": np.stack([chip.pixels for chip in chips]), "boxes": boxes, "valid": valid,
            "target": self.text_target(facts, about, rows), "texts": self.tokens.batch(texts, TEXT_LIMIT),
            "alike": self.alike(facts, owner, regions), **self.teach(texts, rows), **self.prompts(facts),
            **self.ask(chips, queries, facts, owner), **self.objects_and_wholes(chips, facts, owner),
        }  # fmt: skip
        return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in batch.items()}

    def say(self, regions: list[Region]) -> tuple[list[str], dict[str, NDArray]]:
        """One text for each scene and each painted or measured thing, and what each text is about."""
        texts, facts = [], []
        for number, region in enumerate(regions):
            if region.role == SCENE:
                said = self.rng.random() < 0.65
                text = (
                    pick(self.words.captions[region.item], self.rng)
                    if said
                    else scene_phrase(self.pictures.classes[region.scene], self.rng)
                )
                facts.append((number, region.scene, -1, -1, int(not said)))
            elif region.role in (ITEM, MEASURED) and (region.role == ITEM or self.rng.random() < 0.5):
                plain = region.colour < 0 or (self.rng.random() < 0.2 and region.role == ITEM)
                text = colour_phrase(KINDS[region.kind], None if plain else COLOUR_NAMES[region.colour], self.rng)
                facts.append((number, -1, region.kind, -1 if plain else region.colour, 0))
            else:
                continue
            texts.append(text)
        table = np.array(facts).reshape(-1, 5)
        return texts, dict(zip(("owner", "scene", "kind", "colour", "named"), table.T, strict=False))

    def text_target(self, facts: dict[str, NDArray], about: dict[str, NDArray], rows: NDArray) -> NDArray[np.float32]:
        """(regions, texts): how true each text is of each region, 0..1; -1 where nobody knows."""
        role, scene = facts["role"][:, None], facts["scene"][:, None]
        kind, colour = facts["kind"][:, None], facts["colour"][:, None]
        target = np.zeros((len(facts["role"]), len(about["owner"])), np.float32)
        same_scene = (scene == about["scene"]) & (scene >= 0)
        target[same_scene] = 0.3
        target[same_scene & (about["named"] == 1)] = 1
        spoken = np.flatnonzero((rows >= 0) & (about["scene"] >= 0))
        if len(spoken):
            vectors = self.words.vectors[rows[spoken]].astype(np.float32)
            close = np.clip((vectors @ vectors.T - 0.7) / 0.3, 0, 1) * 0.8
            block = np.ix_(about["owner"][spoken], spoken)
            target[block] = np.maximum(target[block], close)
        built = np.isin(facts["scene"], [number for number, name in enumerate(self.pictures.classes) if name not in OPEN_SCENES])[
            :, None
        ]
        target[built & (role == SCENE) & (about["kind"] >= 0)] = -1
        target[(role == SCENE) & (about["kind"] == 2)] = -1
        target[(role == MEASURED) & (about["scene"] >= 0)] = -1
        painted = (role == ITEM) | (role == MEASURED)
        same_kind, same_colour = kind == about["kind"], (colour == about["colour"]) & (colour >= 0)
        target[painted & same_kind & ((about["colour"] < 0) | same_colour)] = 1
        target[painted & same_kind & (colour < 0) & (about["colour"] >= 0)] = -1
        target[painted & ~same_kind & same_colour & ((kind == 2) | (about["kind"] == 2))] = -1
        target[(role == MEASURED) & (about["kind"] >= 0) & ~same_kind] = -1
        target[(role == MEASURED) & same_kind & (about["colour"] < 0)] = -1
        target[np.broadcast_to((role == OWN) | (role == AROUND) | (role == OBJECT) | (role == WEAK), target.shape)] = -1
        target[about["owner"], np.arange(len(about["owner"]))] = 1
        return target

    def alike(self, facts: dict[str, NDArray], owner: NDArray, regions: list[Region]) -> NDArray[np.float32]:
        """(regions, regions): 1 where two regions show the same, 0 where not, -1 where nobody knows (and with itself)."""

        def both(name: str, value: int) -> NDArray[np.bool_]:
            return (facts[name] == value)[:, None] & (facts[name] == value)[None]

        count = len(regions)
        same = {
            name: (facts[name][:, None] == facts[name][None]) & (facts[name] >= 0)[:, None]
            for name in ("scene", "kind", "colour", "view")
        }
        painted = (facts["role"] == ITEM) | (facts["role"] == MEASURED)
        alike = np.zeros((count, count), np.float32)
        alike[both("role", SCENE) & same["scene"]] = 1
        unknown = painted & (facts["colour"] < 0)
        alike[same["kind"] & (unknown[:, None] | unknown[None])] = -1
        alike[same["colour"] & painted[:, None] & painted[None] & ~same["kind"]] = -1
        measured = facts["role"] == MEASURED
        alike[(measured[:, None] | measured[None]) & same["colour"]] = -1
        edges = np.array([region.box for region in regions])
        across = np.minimum(edges[:, None, 2:], edges[None, :, 2:]) - np.maximum(edges[:, None, :2], edges[None, :, :2])
        meet = (across.clip(0).prod(-1) > 0) & (owner[:, None] == owner[None])
        loose = np.isin(facts["role"], (OWN, AROUND, WEAK, MEASURED))
        alike[meet & (loose[:, None] | loose[None])] = -1
        silent = np.isin(facts["role"], (OBJECT, WEAK))
        alike[silent[:, None] | silent[None]] = -1
        alike[both("role", ITEM) & same["kind"] & same["colour"]] = 1
        alike[same["view"]] = 1
        np.fill_diagonal(alike, -1)
        return alike

    def teach(self, texts: list[str], rows: NDArray) -> dict[str, NDArray]:
        """Random sentences, the teacher's vectors of these and of the texts, and which sentences say nothing of this step."""
        chosen = self.rng.choice(self.words.others, 72)
        vectors = self.words.vectors[np.sort(chosen)].astype(np.float32)
        known = self.words.vectors[np.where(rows < 0, 0, rows)].astype(np.float32)
        close = (vectors @ known[rows >= 0].T).max(1, initial=0) if (rows >= 0).any() else np.zeros(len(chosen))
        return {
            "sentences": self.tokens.batch([self.words.texts[row] for row in np.sort(chosen)], 32),
            "teacher": np.concatenate([known, vectors]),
            "taught": np.concatenate([rows >= 0, np.ones(len(chosen), bool)]),
            "foreign": close < 0.42,
        }

    def prompts(self, facts: dict[str, NDArray]) -> dict[str, NDArray]:
        """Names of all scenes, of all things in all colours, and of all nouns: one wording of each a step."""
        scenes = [scene_phrase(name, self.rng) for name in self.pictures.classes]
        colours = [colour_phrase(kind, colour, self.rng) for kind in KINDS for colour in COLOUR_NAMES]
        plain = [colour_phrase(kind, None, self.rng) for kind in KINDS]
        nouns = [*NOUNS, *(pick(words, self.rng) for words in (TREE_WORDS, CAR_WORDS, ROAD_WORDS))]
        thing = np.where((facts["kind"] >= 0) & (facts["colour"] >= 0), facts["kind"] * len(COLOUR_NAMES) + facts["colour"], -1)
        blocked = np.zeros((len(thing), len(colours)), bool)
        columns = np.arange(len(colours)) % len(COLOUR_NAMES)
        loose = facts["role"] == MEASURED
        blocked[loose] = columns[None] == facts["colour"][loose][:, None]
        area = (facts["role"] == ITEM) & (facts["kind"] != 2) & (facts["colour"] >= 0)
        area_columns = np.arange(len(colours)) // len(COLOUR_NAMES) == 2
        blocked[area] = (columns[None] == facts["colour"][area][:, None]) & area_columns[None]
        found = thing >= 0
        blocked[np.flatnonzero(found), thing[found]] = False
        roofed = [number for number, name in enumerate(self.pictures.classes) if name in ROOFED_SCENES]
        return {
            "prompts": self.tokens.batch(scenes + colours + plain + nouns, 16), "scene": facts["scene"], "thing": thing,
            "blocked": blocked, "built": np.isin(facts["scene"], roofed),
            "item_kind": np.where(facts["role"] == ITEM, facts["kind"], -1),
        }  # fmt: skip

    def ask(
        self, chips: list[Chip], queries: list[tuple[int, Query]], facts: dict[str, NDArray], owner: NDArray
    ) -> dict[str, NDArray]:
        """Boxes with words: which regions answer them (1), which do not (0), which are left out (-1)."""
        first = np.concatenate([[0], np.cumsum([len(chip.regions) for chip in chips])])
        silent = np.isin(facts["role"], (OBJECT, WEAK))
        asked = []
        for chip, query in queries:
            region = chips[chip].regions[query.region]
            answer = np.zeros(len(owner), np.float32)
            text, instruction = "", ""
            if query.rule == "edit":
                text = edit_phrase(KINDS[query.kind], COLOUR_NAMES[query.colour], self.rng)
                answer[(facts["colour"] == query.colour) & (facts["role"] == MEASURED)] = -1
                answer[(facts["kind"] == query.kind) & (facts["colour"] < 0)] = -1
                answer[(facts["role"] == ITEM) & (facts["kind"] == query.kind) & (facts["colour"] == query.colour)] = 1
            elif query.rule == "kind":
                instruction = pick(KIND_INSTRUCTIONS, self.rng)
                answer[np.isin(facts["role"], (MEASURED, OWN, AROUND))] = -1
                answer[np.isin(facts["scene"], [n for n, name in enumerate(self.pictures.classes) if name in BUILT_SCENES])] = -1
                answer[(facts["role"] == ITEM) & (facts["kind"] == query.kind)] = 1
            else:
                instruction = pick(SURROUNDINGS_INSTRUCTIONS, self.rng)
                answer[(owner == chip) & (facts["role"] == OWN)] = -1
                answer[(facts["view"] == query.view) & (facts["role"] == AROUND)] = 1
            answer[silent] = -1
            asked.append((chip, region.box, text, instruction, answer))
        scenes = np.flatnonzero(facts["role"] == SCENE)
        for number in self.rng.choice(scenes, min(10, len(scenes)), replace=False):
            asked.append(
                self.ask_scene(int(number), chips[owner[number]].regions[number - first[owner[number]]], owner, facts, silent)
            )
        words, segments = pack(self.tokens, [row[2] for row in asked], [row[3] for row in asked])
        return {
            "query_chip": np.array([row[0] for row in asked]), "query_box": np.array([row[1] for row in asked], np.float32),
            "query_words": words, "query_segments": segments, "query_target": np.stack([row[4] for row in asked]),
        }  # fmt: skip

    def ask_scene(
        self, number: int, region: Region, owner: NDArray, facts: dict[str, NDArray], silent: NDArray
    ) -> tuple[Any, ...]:
        """A scene with its own name, with another's, as a kind, or a small box in it and its surroundings."""
        rule = self.rng.choice(4, p=[0.25, 0.3, 0.25, 0.2])
        scene, box, text, instruction = region.scene, region.box, "", ""
        if rule == 0:
            text = pick(self.words.captions[region.item], self.rng)
        elif rule == 1:
            scene = int(self.rng.choice(facts["scene"][facts["scene"] >= 0]))
            text = scene_phrase(self.pictures.classes[scene], self.rng)
        elif rule == 2:
            instruction = pick(KIND_INSTRUCTIONS, self.rng)
        else:
            instruction = pick(SURROUNDINGS_INSTRUCTIONS, self.rng)
            size = self.rng.uniform(0.3, 0.5)
            x, y = self.rng.uniform(0, 1 - size, 2)
            width, height = box[2] - box[0], box[3] - box[1]
            box = (box[0] + x * width, box[1] + y * height, box[0] + (x + size) * width, box[1] + (y + size) * height)
        answer = np.where(facts["scene"] == scene, 1, 0).astype(np.float32)
        answer[np.isin(facts["role"], (OWN, AROUND, MEASURED)) | silent] = -1
        return owner[number], box, text, instruction, answer

    def objects_and_wholes(self, chips: list[Chip], facts: dict[str, NDArray], owner: NDArray) -> dict[str, NDArray]:
        """Labels of grid cells with trees or cars, and which nouns the captions of whole scenes hold to be true."""
        nouns = list(NOUNS)
        about = np.array([(["a tree", "a car"].index(chip.noun) if chip.noun else -1) for chip in chips])
        whole = np.full((len(chips), len(nouns)), -1, np.float32)
        for number, chip in enumerate(chips):
            if chip.regions and chip.regions[0].role == WEAK:
                said = self.words.captions[chip.item]
                for column, noun in enumerate(nouns):
                    times = sum(bool(re.search(NOUN_PATTERNS[noun], text)) for text in said)
                    share = times / len(said)
                    whole[number, column] = 1 if share >= 0.4 else 0 if times == 0 else -1
        return {
            "object_label": np.where(facts["role"] == OBJECT, facts["item"], -1), "object_noun": about[owner],
            "whole": whole, "weak": facts["role"] == WEAK, "owner": owner,
        }  # fmt: skip

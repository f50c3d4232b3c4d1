"""One training step's chips, words and the answers known by rule, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .images import Pictures
from .packing import TEXT_LIMIT
from .pairs import PairMaker, Query
from .places import Places
from .prompts import COLOUR_NAMES, KINDS, NOUNS, colour_phrase, pick, scene_name, scene_phrase
from .questions import Questions
from .scenes import FREE, ITEM, MEASURED, OBJECT, OWN, SCENE, WEAK, Chip, Region, SceneMaker
from .targets import alike, text_target
from .text_data import Words
from .tokenizer import WordPieces

ROOFED_SCENES = ("DenseResidential", "MediumResidential", "Commercial", "Industrial", "School", "Center", "Church")
TREE_WORDS = ("a tree", "trees", "trees", "green trees", "tree crowns", "a tree seen from above")
ROAD_WORDS = ("a road", "road", "roads", "a street", "an asphalt road", "a road seen from above")
CAR_WORDS = ("a car", "cars", "car", "vehicles", "a parked car", "a vehicle")
OBJECT_WORDS = ("{n}", "a {n}", "{n} seen from above", "{n}s")
SENTENCES = 72  # of the teacher's, in a step


@dataclass(frozen=True)
class Mix:
    """How many chips of each sort one step has; a pair is two chips. ``told`` are scenes that one thing tells apart."""

    mosaics: int = 13
    told: int = 3
    pairs: int = 3
    objects: int = 4
    things: int = 1
    wholes: int = 2
    places: int = 48
    free: int = 2  # boxes of any place in each of the first three sorts


class Batches:
    """An endless stream of steps. ``seed`` makes it repeatable; ``side`` is the chip's side in pixels."""

    def __init__(self, cache: Path, training: Path, side: int, mix: Mix, seed: int, left_out: Sequence[str] = ()) -> None:
        self.cache, self.training, self.side, self.mix, self.seed, self.left_out = cache, training, side, mix, seed, left_out

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.rng = np.random.default_rng(self.seed)
        self.words = Words(self.cache, self.training, self.left_out)
        self.tokens = WordPieces.load(self.cache / "pieces.txt")
        self.pictures = Pictures(self.cache, self.left_out)
        self.classes = self.pictures.all_classes
        self.maker = SceneMaker(self.pictures, self.rng)
        self.pairs = PairMaker(self.pictures, self.rng)
        self.places = Places(self.cache, self.tokens, self.rng)
        self.questions = Questions(self.pictures, self.words, self.maker, self.tokens, self.rng)
        self.named = [n for n, rows in enumerate(self.maker.by_class) if len(rows)]
        self.named += [n for n, name in enumerate(self.classes) if name in self.maker.labels and n not in self.named]
        self.others = set(self.classes[len(self.pictures.classes) :])
        while True:
            yield self.step()

    def step(self) -> dict[str, Any]:
        """Make the chips, then everything that is said about them."""
        mix, side = self.mix, self.side
        chips = [self.maker.mosaic(side) for _ in range(mix.mosaics)]
        queries: list[tuple[int, Query]] = []
        for _ in range(mix.told):
            made, asked = self.questions.told_apart(side)
            queries += [(len(chips), query) for query in asked]
            chips.append(made)
        for _ in range(mix.pairs):
            pair = self.pairs.pair(side)
            queries += [(len(chips) + query.chip, query) for query in pair.queries]
            chips += pair.chips
        for chip in chips:
            self.maker.free(chip, mix.free)
        things = self.maker.things if self.maker.labels else self.maker.objects
        chips += [self.maker.objects(side) for _ in range(mix.objects)] + [things(side) for _ in range(mix.things)]
        chips += [self.maker.whole(side) for _ in range(mix.wholes)]
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
        spoken = np.flatnonzero((rows >= 0) & (about["scene"] >= 0))
        vectors = self.words.vectors[rows[spoken]].astype(np.float32)
        batch: dict[str, Any] = {
            "chips": np.stack([chip.pixels for chip in chips]), "boxes": boxes, "valid": valid,
            "target": text_target(facts, about, spoken, vectors, self.classes),
            "texts": self.tokens.batch(texts, TEXT_LIMIT), "text_owner": about["owner"], "text_image": about["image"],
            "free": np.isin(facts["role"], (FREE, OWN, OBJECT)),
            "alike": alike(facts, owner, regions), **self.teach(texts, rows, about), **self.prompts(facts),
            **self.questions.ask(chips, queries, facts, owner), **self.objects_and_wholes(chips, facts, owner),
            **self.places.some(mix.places),
        }  # fmt: skip
        return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in batch.items()}

    def say(self, regions: list[Region]) -> tuple[list[str], dict[str, NDArray]]:
        """One text for each scene and each painted or measured thing, and what each text is about."""
        texts, facts = [], []
        for number, region in enumerate(regions):
            if region.role == SCENE:
                captions = self.words.captions[region.item] if 0 <= region.item < len(self.words.captions) else []
                said = bool(captions) and self.rng.random() < 0.7
                text = pick(captions, self.rng) if said else self.name(region.scene)
                facts.append((number, region.scene, -1, -1, int(not said), region.item if said else -1))
            elif region.role in (ITEM, MEASURED) and (region.role == ITEM or self.rng.random() < 0.5):
                plain = region.colour < 0 or (self.rng.random() < 0.2 and region.role == ITEM)
                text = colour_phrase(KINDS[region.kind], None if plain else COLOUR_NAMES[region.colour], self.rng)
                facts.append((number, -1, region.kind, -1 if plain else region.colour, 0, -1))
            else:
                continue
            texts.append(text)
        table = np.array(facts).reshape(-1, 6)
        return texts, dict(zip(("owner", "scene", "kind", "colour", "named", "image"), table.T, strict=False))

    def name(self, scene: int) -> str:
        """One way to name a kind of scene that is not the name of another."""
        for _ in range(8):
            text = scene_phrase(self.classes[scene], self.rng)
            if text == self.classes[scene] or not {text, text.removeprefix("a "), text.rstrip("s")} & self.others:
                return text
        return scene_name(self.classes[scene])

    def teach(self, texts: list[str], rows: NDArray, about: dict[str, NDArray]) -> dict[str, NDArray]:
        """Random sentences, the teacher's vectors of these and of the texts, and which sentences say nothing of this step;
        for each text's region, the teacher's mean of all its captions (or of the text)."""
        chosen = np.sort(self.rng.choice(self.words.others, SENTENCES))
        vectors = self.words.vectors[chosen].astype(np.float32)
        known = self.words.vectors[np.where(rows < 0, 0, rows)].astype(np.float32)
        close = (vectors @ known[rows >= 0].T).max(1, initial=0) if (rows >= 0).any() else np.zeros(len(chosen))
        whole = known.copy()
        told = about["image"] >= 0
        whole[told] = self.words.means[about["image"][told]]
        return {
            "sentences": self.tokens.batch([self.words.texts[row] for row in chosen], 32),
            "teacher": np.concatenate([known, vectors]),
            "taught": np.concatenate([rows >= 0, np.ones(len(chosen), bool)]),
            "foreign": close < 0.42,
            "region_teacher": whole,
            "region_taught": rows >= 0,
        }

    def prompts(self, facts: dict[str, NDArray]) -> dict[str, NDArray]:
        """Names of all kinds of scene, of all things in all colours, and of all nouns: one wording of each a step.

        ``prompt_sizes`` counts them: scenes, coloured things, plain things, nouns (weak ones, then road, then objects).
        """
        scenes = [self.name(number) for number in self.named]
        colours = [colour_phrase(kind, colour, self.rng) for kind in KINDS for colour in COLOUR_NAMES]
        plain = [colour_phrase(kind, None, self.rng) for kind in KINDS]
        nouns = [*NOUNS, *(pick(words, self.rng) for words in (ROAD_WORDS, TREE_WORDS, CAR_WORDS))]
        nouns += [pick(OBJECT_WORDS, self.rng).format(n=label) for label in self.maker.labels]
        place = {scene: number for number, scene in enumerate(self.named)}
        scene = np.array([place.get(int(number), -1) for number in facts["scene"]])
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
        roofed = [number for number, name in enumerate(self.classes) if name in ROOFED_SCENES]
        return {
            "prompts": self.tokens.batch(scenes + colours + plain + nouns, 16), "scene": scene, "thing": thing,
            "prompt_sizes": np.array([len(scenes), len(colours), len(plain), len(nouns)]),
            "blocked": blocked, "built": np.isin(facts["scene"], roofed),
            "item_kind": np.where(facts["role"] == ITEM, facts["kind"], -1),
        }  # fmt: skip

    def objects_and_wholes(self, chips: list[Chip], facts: dict[str, NDArray], owner: NDArray) -> dict[str, NDArray]:
        """Labels of boxes with and without things, and which nouns the captions of whole scenes hold to be true."""
        objects = ["a tree", "a car", *self.maker.labels]
        about = np.array([objects.index(chip.noun) if chip.noun else -1 for chip in chips])
        whole = np.full((len(chips), len(NOUNS)), -1, np.float32)
        for number, chip in enumerate(chips):
            if chip.regions and chip.regions[0].role == WEAK:
                whole[number] = self.words.holds[chip.item]
        return {
            "object_label": np.where(facts["role"] == OBJECT, facts["item"], -1), "object_noun": about[owner],
            "whole": whole, "weak": facts["role"] == WEAK, "owner": owner,
        }  # fmt: skip

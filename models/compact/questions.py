"""Boxes with words or an instruction, and which regions of a step answer them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .images import BUILT_SCENES, Pictures
from .packing import CHANGE, pack, says_change
from .pairs import Query
from .prompts import (
    COLOUR_NAMES,
    KIND_INSTRUCTIONS,
    KINDS,
    NOUNS,
    SURROUNDINGS_INSTRUCTIONS,
    WITH_WORDS,
    WITHOUT_WORDS,
    edit_phrase,
    pick,
    scene_phrase,
)
from .scenes import AROUND, FREE, ITEM, MEASURED, OBJECT, OWN, SCENE, WEAK, Chip, Region, SceneMaker
from .text_data import Words
from .tokenizer import WordPieces

SCENE_QUESTIONS = 12


class Questions:
    """What is asked of one step. ``rng`` is shared with the makers of chips."""

    def __init__(self, pictures: Pictures, words: Words, maker: SceneMaker, tokens: WordPieces, rng: np.random.Generator) -> None:
        self.words, self.maker, self.tokens, self.rng = words, maker, tokens, rng
        self.classes = pictures.all_classes
        self.built = [number for number, name in enumerate(self.classes) if name in BUILT_SCENES]
        own = [rows[rows < len(words.holds)] for rows in maker.by_class[: len(pictures.classes)]]  # those with captions
        every = np.concatenate(own)
        self.choices = [
            (scene, noun, rows[words.holds[rows, noun] == 1], rows[words.holds[rows, noun] == 0])
            for scene, rows in enumerate(own)
            for noun in range(len(NOUNS))
        ]
        self.choices = [choice for choice in self.choices if len(choice[2]) >= 5 and len(choice[3]) >= 5]
        self.showing = [every[words.holds[every, noun] == 1] for noun in range(len(NOUNS))]

    def told_apart(self, side: int) -> tuple[Chip, list[Query]]:
        """Scenes of one kind, with and without one noun, in a chip, and a box that asks for the other."""
        scene, noun, having, lacking = self.choices[int(self.rng.integers(len(self.choices)))]
        others = self.showing[noun][self.maker.scene_of[self.showing[noun]] != scene]
        chip = self.maker.told_apart(side, having, lacking, others if len(others) else having)
        holds = [int(self.words.holds[region.item, noun]) for region in chip.regions if region.item >= 0]
        asked = [Query(0, 0, "with", kind=scene, colour=noun)] if holds[0] == 0 else []
        if 1 in holds and self.rng.random() < 0.5:
            asked.append(Query(0, holds.index(1), "without", kind=int(chip.regions[holds.index(1)].scene), colour=noun))
        return chip, asked

    def worded(self, text: str) -> str:
        """Words beside a box mostly as a change, which is how they are read in use."""
        return text if says_change(text) or self.rng.random() < 0.15 else CHANGE.format(text=text)

    def ask(
        self, chips: list[Chip], queries: list[tuple[int, Query]], facts: dict[str, NDArray], owner: NDArray
    ) -> dict[str, NDArray]:
        """Boxes with words: which regions answer them (1), which do not (0), which are left out (-1)."""
        first = np.concatenate([[0], np.cumsum([len(chip.regions) for chip in chips])])
        silent = np.isin(facts["role"], (OBJECT, WEAK, FREE))
        asked = []
        for chip, query in queries:
            region = chips[chip].regions[query.region]
            text, instruction, answer = self.one(chip, query, facts, owner)
            answer[silent] = -1
            asked.append((chip, region.box, text, instruction, answer))
        scenes = np.flatnonzero((facts["role"] == SCENE) & (facts["item"] >= 0))
        for number in self.rng.choice(scenes, min(SCENE_QUESTIONS, len(scenes)), replace=False):
            asked.append(
                self.ask_scene(int(number), chips[owner[number]].regions[number - first[owner[number]]], owner, facts, silent)
            )
        words, segments = pack(self.tokens, [row[2] for row in asked], [row[3] for row in asked])
        return {
            "query_chip": np.array([row[0] for row in asked]), "query_box": np.array([row[1] for row in asked], np.float32),
            "query_words": words, "query_segments": segments, "query_target": np.stack([row[4] for row in asked]),
        }  # fmt: skip

    def one(self, chip: int, query: Query, facts: dict[str, NDArray], owner: NDArray) -> tuple[str, str, NDArray[np.float32]]:
        """Words, instruction and answers (regions) of one question about painted things or scenes told apart."""
        answer = np.zeros(len(owner), np.float32)
        if query.rule in ("with", "without"):
            noun, templates = list(NOUNS)[query.colour], WITH_WORDS if query.rule == "with" else WITHOUT_WORDS
            known = (facts["role"] == SCENE) & (facts["scene"] == query.kind)
            own = known & (facts["item"] >= 0) & (facts["item"] < len(self.words.holds))
            holds = np.full(len(owner), -1, np.float32)
            holds[own] = self.words.holds[facts["item"][own], query.colour]
            answer[known & (holds == (query.rule == "with"))] = 1
            answer[known & (holds < 0)] = -1
            answer[~known & (facts["role"] != SCENE)] = -1
            return self.worded(pick(templates, self.rng).format(n=noun)), "", answer
        if query.rule == "edit":
            text = self.worded(edit_phrase(KINDS[query.kind], COLOUR_NAMES[query.colour], self.rng))
            answer[(facts["colour"] == query.colour) & (facts["role"] == MEASURED)] = -1
            answer[(facts["kind"] == query.kind) & (facts["colour"] < 0)] = -1
            answer[(facts["role"] == ITEM) & (facts["kind"] == query.kind) & (facts["colour"] == query.colour)] = 1
            return text, "", answer
        if query.rule == "kind":
            answer[np.isin(facts["role"], (MEASURED, OWN, AROUND))] = -1
            answer[np.isin(facts["scene"], self.built)] = -1
            answer[(facts["role"] == ITEM) & (facts["kind"] == query.kind)] = 1
            return "", pick(KIND_INSTRUCTIONS, self.rng), answer
        answer[(owner == chip) & (facts["role"] == OWN)] = -1
        answer[(facts["view"] == query.view) & (facts["role"] == AROUND)] = 1
        return "", pick(SURROUNDINGS_INSTRUCTIONS, self.rng), answer

    def ask_scene(
        self, number: int, region: Region, owner: NDArray, facts: dict[str, NDArray], silent: NDArray
    ) -> tuple[Any, ...]:
        """A scene with a caption of its kind, with another's name, as a kind, or a small box in it and its surroundings."""
        rule = self.rng.choice(4, p=[0.25, 0.25, 0.25, 0.25])
        scene, box, text, instruction = region.scene, region.box, "", ""
        if rule == 0 and region.item < len(self.words.captions) and self.words.captions[region.item]:
            text = pick(self.words.captions[region.item], self.rng)
        elif rule <= 1:
            scene = int(self.rng.choice(facts["scene"][facts["scene"] >= 0]))
            text = self.worded(scene_phrase(self.classes[scene], self.rng))
        elif rule == 2:
            instruction = pick(KIND_INSTRUCTIONS, self.rng)
        else:
            instruction = pick(SURROUNDINGS_INSTRUCTIONS, self.rng)
            size = self.rng.uniform(0.2, 0.5)
            x, y = self.rng.uniform(0, 1 - size, 2)
            width, height = box[2] - box[0], box[3] - box[1]
            box = (box[0] + x * width, box[1] + y * height, box[0] + (x + size) * width, box[1] + (y + size) * height)
        answer = np.where(facts["scene"] == scene, 1, 0).astype(np.float32)
        answer[np.isin(facts["role"], (OWN, AROUND, MEASURED)) | silent] = -1
        return owner[number], box, text, instruction, answer

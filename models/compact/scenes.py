"""What one training chip is made of: mosaics of scenes, whole scenes, chips with objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .augment import Box, Pixels, photometric, resize, turn, turn_box
from .images import Pictures

SCENE, ITEM, MEASURED, OWN, AROUND, OBJECT, WEAK = range(7)  # what a region is in training


@dataclass
class Region:
    """One box of a chip and what is known about it; -1 is unknown. Boxes in 0..1 of the chip."""

    box: Box
    role: int
    scene: int = -1
    kind: int = -1
    colour: int = -1
    view: int = -1  # regions that show the same thing share it
    item: int = -1  # the image (role SCENE) or the object label 0, 1 (role OBJECT)


@dataclass
class Chip:
    """Pixels (side, side, 3) uint8 and their regions; ``noun`` tells what an OBJECT chip is about."""

    pixels: Pixels
    regions: list[Region]
    item: int = -1
    noun: str = ""


class Maker:
    """The pictures, a random generator and what every kind of chip needs; ``held``: what training never sees instead."""

    def __init__(self, pictures: Pictures, rng: np.random.Generator, held: bool = False) -> None:
        self.pictures, self.rng = pictures, rng
        train = pictures.scene_held == held
        self.by_class = [np.flatnonzero(train & (pictures.scene_class == number)) for number in range(len(pictures.classes))]
        self.scene_rows = np.flatnonzero(train)
        facts = pictures.facts
        self.frame_rows = [number for number, frame in enumerate(facts["frames"]) if frame["held"] == held]
        self.tree_rows = np.flatnonzero(np.array(facts["trees_held"]) == held)
        self.crown_rows = np.flatnonzero(np.array(facts["crowns_held"]) == held)
        self.roofs = [] if held else pictures.roofs
        self.views = 0

    def new_view(self) -> int:
        self.views += 1
        return self.views

    def jitter(self, box: Box, amount: float = 0.06) -> Box:
        width, height = box[2] - box[0], box[3] - box[1]
        moves = self.rng.uniform(-amount, amount, 4) * [width, height, width, height]
        edges = np.clip(np.array(box) + moves, 0, 1)
        return (float(edges[0]), float(edges[1]), float(edges[2]), float(edges[3]))

    def cut(self, pixels: NDArray, part: float) -> Pixels:
        side = int(min(pixels.shape[:2]) * part)
        x, y = self.corner(pixels, side)
        return np.asarray(pixels[y : y + side, x : x + side])

    def corner(self, pixels: NDArray, span: int, boxes: NDArray | None = None) -> tuple[int, int]:
        """Where a square of ``span`` begins: anywhere, or so that the middle of one of the boxes lies in it."""
        height, width = pixels.shape[:2]
        if boxes is None or not len(boxes):
            return int(self.rng.integers(width - span + 1)), int(self.rng.integers(height - span + 1))
        box = boxes[int(self.rng.integers(len(boxes)))]
        x, y = (
            (box[0] + box[2]) / 2 - span * self.rng.uniform(0.2, 0.8),
            (box[1] + box[3]) / 2 - span * self.rng.uniform(0.2, 0.8),
        )
        return int(np.clip(x, 0, width - span)), int(np.clip(y, 0, height - span))


class SceneMaker(Maker):
    """Mosaics, whole scenes and chips with objects, of any side."""

    def mosaic(self, side: int) -> Chip:
        """One to nine scenes side by side, each a region."""
        rng = self.rng
        layout = rng.choice(4, p=[0.24, 0.22, 0.28, 0.26])
        if layout == 0:
            cells = [(0.0, 0.0, 1.0, 1.0)]
        else:
            cuts = 2 if layout == 1 else 3
            lines = [np.concatenate([[0], np.arange(1, cuts) / cuts + rng.uniform(-0.06, 0.06, cuts - 1), [1]]) for _ in range(2)]
            cells = [(lines[0][x], lines[1][y], lines[0][x + 1], lines[1][y + 1]) for y in range(cuts) for x in range(cuts)]
            if layout == 3:
                x, y = rng.integers(0, 2, 2)
                big = (lines[0][x], lines[1][y], lines[0][x + 2], lines[1][y + 2])
                inside = {(y + b) * 3 + x + a for a in range(2) for b in range(2)}
                cells = [big] + [cell for number, cell in enumerate(cells) if number not in inside]
        canvas = np.zeros((side, side, 3), np.uint8)
        regions = []
        for cell in cells:
            x0, y0, x1, y1 = (round(edge * side) for edge in cell)
            scene = int(rng.integers(len(self.by_class)))
            row = int(rng.choice(self.by_class[scene]))
            part = self.cut(self.pictures.scenes[row], rng.uniform(0.55, 1.0))
            canvas[y0:y1, x0:x1] = photometric(
                turn(resize(part, max(y1 - y0, x1 - x0), max(y1 - y0, x1 - x0)), int(rng.integers(8))), rng
            )[: y1 - y0, : x1 - x0]
            regions.append(Region(self.jitter(cell), SCENE, scene=scene, item=row))
        return Chip(canvas, regions)

    def whole(self, side: int) -> Chip:
        """One scene with 2 x 2 or 3 x 3 boxes, for words that hold somewhere in it."""
        rng = self.rng
        row = int(rng.choice(self.scene_rows))
        part = self.cut(self.pictures.scenes[row], rng.uniform(0.85, 1.0))
        pixels = photometric(turn(resize(part, side, side), int(rng.integers(8))), rng)
        cuts = int(rng.integers(2, 4))
        boxes = [self.jitter((x / cuts, y / cuts, (x + 1) / cuts, (y + 1) / cuts)) for y in range(cuts) for x in range(cuts)]
        return Chip(pixels, [Region(box, WEAK) for box in boxes], item=row)

    def objects(self, side: int) -> Chip:
        """Nine cells of a grid, with and without trees or cars."""
        rng = self.rng
        for _ in range(20):
            source = rng.choice(3, p=[0.35, 0.25, 0.4])
            if source == 0:
                row = int(rng.choice(self.tree_rows))
                pixels, noun = self.pictures.trees[row], "a tree"
                points = np.array(self.pictures.facts["trees"][row], float).reshape(-1, 2)
                boxes = np.concatenate([points - 5, points + 5], 1)
                span = int(rng.uniform(110, 256))
            elif source == 1:
                row = int(rng.choice(self.crown_rows))
                pixels, noun = self.pictures.crowns[row], "a tree"
                boxes = np.array(self.pictures.facts["crowns"][row], float).reshape(-1, 4)
                span = int(rng.uniform(200, 512))
            else:
                row = int(rng.choice(self.frame_rows))
                pixels, noun = self.pictures.frames[row], "a car"
                boxes = np.array([box[1:] for box in self.pictures.facts["frames"][row]["boxes"]], float).reshape(-1, 4)
                if not len(boxes):
                    continue
                long = float(np.median((boxes[:, 2:] - boxes[:, :2]).max(1)))
                span = int(np.clip(long * rng.uniform(4, 14), 100, min(pixels.shape[:2])))
            x, y = self.corner(pixels, span, boxes if source == 2 else None)
            chip = self.grid(np.asarray(pixels[y : y + span, x : x + span]), (boxes - [x, y, x, y]) / span, side, noun)
            if chip:
                return chip
        return self.whole(side)

    def grid(self, part: Pixels, boxes: NDArray, side: int, noun: str) -> Chip | None:
        """Balanced cells of a 3 x 3 to 5 x 5 grid: 1 where the middle of a box lies, 0 where no box reaches."""
        rng = self.rng
        cuts = int(rng.integers(3, 6))
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        cells: dict[int, list[Box]] = {0: [], 1: []}
        for y in range(cuts):
            for x in range(cuts):
                low, high = np.array([x, y]) / cuts, np.array([x + 1, y + 1]) / cuts
                inside = ((middles > low + 0.1 / cuts) & (middles < high - 0.1 / cuts)).all(1).any()
                reached = ((boxes[:, :2] < high) & (boxes[:, 2:] > low)).all(1).any()
                if inside or not reached:
                    cells[int(inside)].append((low[0], low[1], high[0], high[1]))
        if not cells[1] or not cells[0]:
            return None
        way = int(rng.integers(8))
        chosen = []
        for label in (1, 0):
            order = rng.permutation(len(cells[label]))[: 5 if label else 4]
            chosen += [Region(self.jitter(turn_box(cells[label][number], way, 1.0)), OBJECT, item=label) for number in order]
        return Chip(photometric(turn(resize(part, side, side), way), rng), chosen, noun=noun)

"""What one training chip is made of: mosaics of scenes, whole scenes, chips with objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .augment import Box, Pixels, photometric, resize, turn, turn_box
from .further import known_as
from .images import Pictures

SCENE, ITEM, MEASURED, OWN, AROUND, OBJECT, WEAK, FREE = range(8)  # what a region is in training; FREE: any place
FURTHER_SHARE = 0.5  # how often a kind of a further set is drawn, compared with one of the scene data
# Kinds that fill their pictures, so that a part of one is that kind too; otherwise words would find whole pictures only.
FILLING = {
    "BareLand", "DenseResidential", "MediumResidential", "Desert", "Farmland", "Forest", "Meadow", "Mountain", "Parking",
    "chaparral", "annual crop land", "pasture", "permanent crop land", "herbaceous vegetation", "residential area", "sea or lake",
    "mobile home park",
}  # fmt: skip
PART_SHARE = 0.6
LAYOUTS = [0.3, 0.3, 0.22, 0.18]  # one scene, 2 x 2, 3 x 3, one large and five small


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
        out = [pictures.classes.index(name) for name in pictures.left_out]
        train = (pictures.scene_held == held) & ~np.isin(pictures.scene_class, out)
        further = pictures.further
        every = np.concatenate([pictures.scene_class, further.scene_class])
        usable = np.concatenate([train, (further.scene_held == held) & ~np.isin(further.scene_class, out)])
        self.by_class = [np.flatnonzero(usable & (every == number)) for number in range(len(pictures.all_classes))]
        own = np.array([len(rows) > 0 for rows in self.by_class], float)
        own[len(pictures.classes) :] *= FURTHER_SHARE
        self.class_chance = own / own.sum()
        self.scene_rows = np.flatnonzero(train)
        self.scene_of = every
        self.further_rows = [number for number, facts in enumerate(further.frame_facts) if facts["held"] == held]
        self.showing = {
            label: [n for n in self.further_rows if any(box[0] == label for box in further.frame_facts[n]["boxes"])]
            for label in further.object_names
        }
        unsaid = {pictures.classes[number] for number in out}
        self.labels = [label for label, rows in self.showing.items() if rows and known_as(label, pictures.classes) not in unsaid]
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

    def free(self, chip: Chip, count: int) -> None:
        """Add boxes of any place and of a thing's size to a chip."""
        for _ in range(count):
            size = float(np.exp(self.rng.uniform(np.log(0.07), np.log(0.3))))
            x, y = self.rng.uniform(0, 1 - size, 2)
            chip.regions.append(Region((x, y, x + size, y + size), FREE))


class SceneMaker(Maker):
    """Mosaics, whole scenes and chips with objects, of any side."""

    def mosaic(self, side: int) -> Chip:
        """One to nine scenes side by side, each a region."""
        rng = self.rng
        layout = rng.choice(4, p=LAYOUTS)
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
        scenes = rng.choice(len(self.by_class), len(cells), p=self.class_chance)
        return self.laid_out(side, cells, [int(rng.choice(self.by_class[scene])) for scene in scenes])

    def told_apart(self, side: int, having: NDArray, lacking: NDArray, others: NDArray) -> Chip:
        """Four scenes: three of one kind, of which only the second has something, and one of another kind that has it too."""
        lines = [0.5 + self.rng.uniform(-0.05, 0.05) for _ in range(2)]
        edges = [(0.0, lines[0], 1.0), (0.0, lines[1], 1.0)]
        cells = [(edges[0][x], edges[1][y], edges[0][x + 1], edges[1][y + 1]) for y in range(2) for x in range(2)]
        order = self.rng.permutation(4)
        first, third = self.rng.choice(lacking, 2, replace=len(lacking) < 2)
        rows = [int(first), int(self.rng.choice(having)), int(third), int(self.rng.choice(others))]
        return self.laid_out(side, [cells[number] for number in order], rows)

    def laid_out(self, side: int, cells: list[Box], rows: list[int]) -> Chip:
        """Scenes by their rows, each in its cell."""
        rng = self.rng
        canvas = np.zeros((side, side, 3), np.uint8)
        regions = []
        for cell, row in zip(cells, rows, strict=True):
            x0, y0, x1, y1 = (round(edge * side) for edge in cell)
            part = self.cut(self.pictures.scenes[row], rng.uniform(0.6, 1.0))
            long = max(y1 - y0, x1 - x0)
            made = photometric(turn(resize(part, long, long), int(rng.integers(8))), rng)
            canvas[y0:y1, x0:x1] = made[: y1 - y0, : x1 - x0]
            regions.append(Region(self.jitter(cell), SCENE, scene=int(self.scene_of[row]), item=row))
        parts = [self.part_of(region) for region in regions if self.pictures.all_classes[region.scene] in FILLING]
        return Chip(canvas, regions + [part for part in parts if rng.random() < PART_SHARE])

    def part_of(self, whole: Region) -> Region:
        """A box in a scene that is of the same kind, but has no caption."""
        size = float(self.rng.uniform(0.25, 0.6))
        x, y = self.rng.uniform(0, 1 - size, 2)
        width, height = whole.box[2] - whole.box[0], whole.box[3] - whole.box[1]
        left, top = whole.box[0] + x * width, whole.box[1] + y * height
        return Region((left, top, left + size * width, top + size * height), SCENE, scene=whole.scene)

    def whole(self, side: int) -> Chip:
        """One scene with 2 x 2 or 3 x 3 boxes, for words that hold somewhere in it."""
        rng = self.rng
        row = int(rng.choice(self.scene_rows))
        part = self.cut(self.pictures.scenes[row], rng.uniform(0.85, 1.0))
        pixels = photometric(turn(resize(part, side, side), int(rng.integers(8))), rng)
        cuts = int(rng.integers(2, 4))
        boxes = [self.jitter((x / cuts, y / cuts, (x + 1) / cuts, (y + 1) / cuts)) for y in range(cuts) for x in range(cuts)]
        return Chip(pixels, [Region(box, WEAK) for box in boxes], item=row)

    def things(self, side: int) -> Chip:
        """Labelled things of a further set: each by its own box, and boxes with and without one of the labels."""
        rng = self.rng
        further = self.pictures.further
        for _ in range(20):
            label = str(rng.choice(self.labels))
            frame = int(rng.choice(self.showing[label]))
            pixels, facts = further.frames[frame], further.frame_facts[frame]
            boxes = np.array([box[1:] for box in facts["boxes"]], float)
            names = np.array([box[0] for box in facts["boxes"]])
            own = boxes[names == label]
            box = own[int(rng.integers(len(own)))]
            span = int(np.clip(max(box[2] - box[0], box[3] - box[1]) / rng.uniform(0.08, 0.55), 48, min(pixels.shape[:2])))
            x, y = self.corner(pixels, span, box[None])
            way = int(rng.integers(8))
            regions, taken = [], 0
            edges = (boxes - [x, y, x, y]) / span
            cut = np.clip(edges, 0, 1)
            inside = (cut[:, 2:] - cut[:, :2]).prod(1) > 0.8 * (edges[:, 2:] - edges[:, :2]).prod(1)
            large = (edges[:, 2:] - edges[:, :2]).max(1) > 0.035
            for number in rng.permutation(np.flatnonzero(inside & large))[:6]:
                name = str(names[number])
                turned = turn_box(tuple(cut[number]), way, 1.0)
                if name in self.pictures.all_classes:
                    regions.append(Region(self.jitter(turned, 0.1), SCENE, scene=self.pictures.all_classes.index(name)))
                if name == label:
                    regions.append(Region(self.widened(turned), OBJECT, item=1))
                    taken += 1
            if not taken:
                continue
            for _ in range(40):
                size = float(rng.uniform(0.06, 0.35))
                corner = rng.uniform(0, 1 - size, 2)
                if taken and not ((edges[:, :2] < corner + size) & (edges[:, 2:] > corner)).all(1).any():
                    away = (corner[0], corner[1], corner[0] + size, corner[1] + size)
                    regions.append(Region(turn_box(away, way, 1.0), OBJECT, item=0))
                    taken -= 1
            part = np.asarray(pixels[y : y + span, x : x + span])
            return Chip(photometric(turn(resize(part, side, side), way), rng), regions, noun=label)
        return self.objects(side)

    def widened(self, box: Box) -> Box:
        """A square around a box, up to twice its size, shifted a little, within the chip."""
        x, y, half = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1]) / 2
        half *= float(self.rng.uniform(1.0, 2.0))
        x, y = x + half * self.rng.uniform(-0.3, 0.3), y + half * self.rng.uniform(-0.3, 0.3)
        return max(0.0, x - half), max(0.0, y - half), min(1.0, x + half), min(1.0, y + half)

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

"""Painted scenes in two views: drawn roofs, repainted roofs and areas, cars, and the questions whose answers follow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .augment import Box, Pixels, Roof, blob, colour_of, crop, near_shade, photometric, repaint, resize, shade, turn, turn_box
from .images import colour_masks
from .prompts import COLOUR_NAMES
from .scenes import AROUND, ITEM, MEASURED, OWN, Chip, Maker, Region

ROOF_COLOURS = {
    "blue": 0.16,
    "red": 0.14,
    "gray": 0.15,
    "white": 0.12,
    "brown": 0.12,
    "orange": 0.08,
    "green": 0.08,
    "black": 0.05,
    "yellow": 0.04,
    "pink": 0.03,
    "purple": 0.03,
}
_COLOUR_CHANCES = np.array([ROOF_COLOURS[name] for name in COLOUR_NAMES])
_COLOUR_CHANCES /= _COLOUR_CHANCES.sum()


@dataclass
class Query:
    """A box with words whose answer is known by rule: chip and region numbers within the pair, and what to find."""

    chip: int
    region: int
    rule: str  # "edit", "kind", "around"
    kind: int = -1
    colour: int = -1
    view: int = -1


@dataclass
class Pair:
    """Two views of one painted scene and the questions about them."""

    chips: list[Chip]
    queries: list[Query] = field(default_factory=list)


@dataclass
class Thing:
    """One painted or real thing of a scene, before it is drawn. ``box`` in world pixels."""

    kind: int
    box: Box
    colours: list[int]
    shades: list[NDArray[np.float32]]
    roof: Roof | None = None
    mask: NDArray[np.bool_] | None = None
    real: bool = False


class PairMaker(Maker):
    """Makes two views of one scene in which some things changed their colour."""

    def pair(self, side: int) -> Pair:
        """Two views of one scene in which some things changed their colour between the views."""
        rng = self.rng
        world = int(side * 1.25)
        base, things = self.world(world)
        canvases = [base.astype(np.float32), base.astype(np.float32)]
        for thing in things:
            for number, canvas in enumerate(canvases):
                self.draw(thing, number, canvas)
        windows = []
        for _ in range(2):
            span = int(world * rng.uniform(0.72, 1.0))
            windows.append((int(rng.integers(world - span + 1)), int(rng.integers(world - span + 1)), span))
        shared = self.own_boxes(things, windows, world)
        around = [self.widen(thing.box, world) for thing in things]
        around_views = [self.new_view() for _ in things]
        same_views = [self.new_view() for _ in things]
        chips, places = [], []
        for number in range(2):
            x, y, span = windows[number]
            way = int(rng.integers(8))
            regions: list[Region] = []
            place: dict[int, int] = {}
            for index, thing in enumerate(things):
                box = self.seen(thing.box, windows[number], way)
                if box is None:
                    continue
                place[index] = len(regions)
                same = thing.colours[0] == thing.colours[1]
                regions.append(
                    Region(
                        self.jitter(box, 0.08),
                        ITEM,
                        kind=thing.kind,
                        colour=thing.colours[number],
                        view=same_views[index] if same else -1,
                        item=index,
                    )
                )
            for view, box in shared:
                seen = self.seen(box, windows[number], way)
                if seen:
                    regions.append(Region(self.jitter(seen, 0.03), OWN, view=view))
            for index in list(place)[:3]:
                seen = self.seen(around[index], windows[number], way, 0.75)
                if seen:
                    regions.append(Region(seen, AROUND, view=around_views[index], item=index))
            part = np.clip(canvases[number][y : y + span, x : x + span], 0, 255).astype(np.uint8)
            pixels = photometric(turn(resize(part, side, side), way), rng, 0.8)
            regions += self.measured(pixels, regions)
            chips.append(Chip(pixels, regions))
            places.append(place)
        return Pair(chips, self.questions(things, chips, places, around_views))

    def questions(
        self, things: list[Thing], chips: list[Chip], places: list[dict[int, int]], around_views: list[int]
    ) -> list[Query]:
        rng = self.rng
        found = []
        for number in range(2):
            order = [int(index) for index in rng.permutation(list(places[number]))] if places[number] else []
            for index in order[:3]:
                thing = things[index]
                other = [
                    other.colours[1 - number] for other in things if other.kind == thing.kind and other.colours[1 - number] >= 0
                ]
                own = thing.colours[1 - number]
                wanted = own if rng.random() < 0.6 and own >= 0 else int(rng.choice(other)) if other else -1
                if wanted >= 0:
                    found.append(Query(number, places[number][index], "edit", thing.kind, wanted))
            if order and rng.random() < 0.5:
                found.append(Query(number, places[number][order[0]], "kind", things[order[0]].kind))
            spread = [region.view for chip in chips for region in chip.regions if region.role == AROUND]
            wide = [index for index in order if around_views[index] in spread]
            if wide and rng.random() < 0.7:
                found.append(Query(number, places[number][wide[0]], "around", view=around_views[wide[0]]))
        return found

    def world(self, world: int) -> tuple[Pixels, list[Thing]]:
        """A square of real imagery with its real coloured roofs and cars, and with drawn things on top."""
        rng = self.rng
        things: list[Thing] = []
        if rng.random() < 0.4 and self.roofs:
            wanted = rng.choice(("blue", "red", "brown", "white"))
            alike = [roof for roof in self.roofs if roof["colour"] == wanted] or self.roofs
            roof = alike[int(rng.integers(len(alike)))]
            pixels = (self.pictures.scenes if roof["source"] == "scenes" else self.pictures.frames)[roof["item"]]
            x0, y0, x1, y1 = roof["box"]
            span = int(np.clip(max(x1 - x0, y1 - y0) / rng.uniform(0.15, 0.5), 48, min(pixels.shape[:2])))
            x, y = self.corner(pixels, span, np.array([roof["box"]], float))
            base = crop(np.asarray(pixels), (x, y, x + span, y + span), world)
            masks = colour_masks(base)
            for other in self.roofs:
                if other["source"] == roof["source"] and other["item"] == roof["item"] and len(things) < 3:
                    edges = (np.array(other["box"], float) - [x, y, x, y]) * world / span
                    if edges.min() >= 0 and edges.max() <= world and (edges[2:] - edges[:2]).max() > world * 0.08:
                        things.append(self.real_roof(_box(edges), other["colour"], masks))
        else:
            source = rng.choice(4, p=[0.42, 0.12, 0.16, 0.3])
            if source == 0:
                row = int(rng.choice(self.frame_rows))
                pixels, low, high = self.pictures.frames[row], 180, 800
            elif source == 1:
                pixels, low, high = self.pictures.crowns[int(rng.choice(self.crown_rows))], 180, 512
            elif source == 2:
                pixels, low, high = self.pictures.trees[int(rng.choice(self.tree_rows))], 100, 256
            else:
                pixels, low, high = self.pictures.scenes[int(rng.choice(self.scene_rows))], 70, 150
            span = int(min(rng.uniform(low, high), *pixels.shape[:2]))
            x, y = self.corner(pixels, span)
            base = crop(np.asarray(pixels), (x, y, x + span, y + span), world)
            if source == 0:
                things += self.cars(row, (x, y), span, world, base)
        self.add_drawn(things, world)
        return base, things

    def real_roof(self, box: Box, colour: str, masks: dict[str, NDArray[np.bool_]]) -> Thing:
        """A roof of the picture itself, in its own colour or repainted, so that dull ones look as real as blue ones."""
        inside = np.zeros_like(masks[colour])
        inside[int(box[1]) : int(box[3]) + 1, int(box[0]) : int(box[2]) + 1] = True
        old = COLOUR_NAMES.index(colour)
        first = old if self.rng.random() < 0.35 else self.any_colour()
        second = first if self.rng.random() < 0.4 else old if self.rng.random() < 0.4 else self.any_colour()
        shades = [shade(COLOUR_NAMES[first], self.rng), shade(COLOUR_NAMES[second], self.rng)]
        if first == second:
            shades[1] = near_shade(shades[0], self.rng)
        return Thing(0, box, [first, second], shades, mask=inside & masks[colour], real=True)

    def any_colour(self) -> int:
        """A colour as often as roofs have it here."""
        return int(self.rng.choice(len(COLOUR_NAMES), p=_COLOUR_CHANCES))

    def cars(self, row: int, corner: tuple[int, int], span: int, world: int, base: Pixels) -> list[Thing]:
        found: list[Thing] = []
        for box in self.pictures.facts["frames"][row]["boxes"]:
            edges = (np.array(box[1:], float) - [*corner, *corner]) * world / span
            size = (edges[2:] - edges[:2]).max()
            if edges.min() < 0 or edges.max() > world or not world * 0.06 < size < world * 0.5 or len(found) >= 3:
                continue
            x0, y0, x1, y1 = (int(edge) for edge in edges)
            middle = base[y0 + (y1 - y0) // 3 : y1 - (y1 - y0) // 3 + 1, x0 + (x1 - x0) // 3 : x1 - (x1 - x0) // 3 + 1]
            name = colour_of(np.median(middle.reshape(-1, 3), 0))
            colour = COLOUR_NAMES.index(name) if name else -1
            found.append(Thing(1, _box(edges), [colour, colour], [], real=True))
        return found

    def add_drawn(self, things: list[Thing], world: int) -> None:
        rng = self.rng
        wanted = int(rng.integers(3, 7))
        for _ in range(30):
            if len(things) >= wanted:
                return
            size = world * float(np.exp(rng.uniform(np.log(0.12), np.log(0.42))))
            x, y = rng.uniform(size * 0.4, world - size * 0.4, 2)
            reach = size * 0.55
            if any(abs(x - (t.box[0] + t.box[2]) / 2) < reach + (t.box[2] - t.box[0]) / 2 and
                   abs(y - (t.box[1] + t.box[3]) / 2) < reach + (t.box[3] - t.box[1]) / 2 for t in things):  # fmt: skip
                continue
            colour = self.any_colour()
            other = colour if rng.random() < 0.5 else self.any_colour()
            first = shade(COLOUR_NAMES[colour], rng)
            shades = [first, near_shade(first, rng) if other == colour else shade(COLOUR_NAMES[other], rng)]
            if rng.random() < 0.8:
                roof = Roof.sample(x, y, size, rng)
                blank = np.zeros((world, world, 3), np.float32)
                box = roof.draw(blank, first, rng)
                if box:
                    things.append(Thing(0, box, [colour, other], shades, roof=roof))
            else:
                half = size / 2
                box = (max(0.0, x - half), max(0.0, y - half), min(float(world), x + half), min(float(world), y + half))
                things.append(Thing(2, box, [colour, other], shades, mask=blob(box, (world, world), rng)))

    def draw(self, thing: Thing, number: int, canvas: NDArray[np.float32]) -> None:
        if thing.roof:
            thing.roof.draw(canvas, thing.shades[number], self.rng)
        elif thing.mask is not None and not (
            thing.real and COLOUR_NAMES[thing.colours[number]] in colour_masks_of(canvas, thing)
        ):
            repaint(canvas, thing.mask, thing.shades[number], 1.0 if thing.real else float(self.rng.uniform(0.3, 1.0)))

    def own_boxes(self, things: list[Thing], windows: list[tuple[int, int, int]], world: int) -> list[tuple[int, Box]]:
        """Boxes of nothing in particular that both views show and in which nothing was repainted."""
        rng = self.rng
        low_x, low_y = max(w[0] for w in windows), max(w[1] for w in windows)
        high_x, high_y = min(w[0] + w[2] for w in windows), min(w[1] + w[2] for w in windows)
        found: list[tuple[int, Box]] = []
        for _ in range(12):
            size = world * rng.uniform(0.15, 0.45)
            width, height = size, size * rng.uniform(0.6, 1.0)
            if high_x - low_x <= width or high_y - low_y <= height or len(found) >= 2:
                continue
            x, y = rng.uniform(low_x, high_x - width), rng.uniform(low_y, high_y - height)
            box = (x, y, x + width, y + height)
            if all(t.colours[0] == t.colours[1] or _shared(t.box, box) < 0.08 * width * height for t in things):
                if all(_shared(other, box) < 0.3 * width * height for _, other in found):
                    found.append((self.new_view(), box))
        return found

    def measured(self, pixels: Pixels, others: list[Region]) -> list[Region]:
        """Boxes of one plain colour, named after what they measure."""
        rng = self.rng
        side = pixels.shape[0]
        for _ in range(6):
            size = rng.uniform(0.1, 0.35)
            x, y = rng.uniform(0, 1 - size, 2)
            part = pixels[int(y * side) : int((y + size) * side), int(x * side) : int((x + size) * side)].reshape(-1, 3)
            name = colour_of(part.mean(0))
            box = (x, y, x + size, y + size)
            if name and part.std(0).mean() < 24 and not any(_shared(o.box, box) > 0 for o in others if o.role == ITEM):
                return [Region(box, MEASURED, kind=2, colour=COLOUR_NAMES.index(name))]
        return []

    def seen(self, box: Box, window: tuple[int, int, int], way: int, least: float = 0.85) -> Box | None:
        """A world box in the coordinates of a view, or None when too little of it is inside or it is too small."""
        x, y, span = window
        cut = [min(max(edge - start, 0.0), span) for edge, start in zip(box, (x, y, x, y), strict=False)]
        area = (cut[2] - cut[0]) * (cut[3] - cut[1])
        if area < least * (box[2] - box[0]) * (box[3] - box[1]) or min(cut[2] - cut[0], cut[3] - cut[1]) < 0.04 * span:
            return None
        return turn_box((cut[0] / span, cut[1] / span, cut[2] / span, cut[3] / span), way, 1.0)

    def widen(self, box: Box, world: int) -> Box:
        """The same middle, 2 to 2.6 times the size, within the world."""
        grow = self.rng.uniform(2.0, 2.6) / 2
        x, y, half = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1])
        return (
            max(0.0, x - half * grow),
            max(0.0, y - half * grow),
            min(float(world), x + half * grow),
            min(float(world), y + half * grow),
        )


def colour_masks_of(canvas: NDArray[np.float32], thing: Thing) -> list[str]:
    """The colour that a real thing shows already, so that it is left as it is."""
    if thing.mask is None or not thing.mask.any():
        return []
    name = colour_of(np.median(canvas[thing.mask], 0))
    return [name] if name else []


def _box(edges: NDArray) -> Box:
    return float(edges[0]), float(edges[1]), float(edges[2]), float(edges[3])


def _shared(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))

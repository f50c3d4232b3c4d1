"""Grounding and regions: box to sentence, sentence to box, and the same with labels; on one image and across images.

Every task has a "box ignored" row: the same encoder, given the whole image wherever a box was. Where boxes are the candidates,
all boxes of an image are equal to it then, and equal scores count against the truth: it scores less than chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..forms import REGIONS, Candidate, Edges, Input, Plan, Query, Task, Way
from ..records import Material, Region
from .words import said, words_of

IGNORED = "box ignored"
SAME, ACROSS = "on the same image", "across images"
# Cells that a search of the whole picture would look at: quarters and halves that overlap by half, and the whole.
GRID: tuple[Edges, ...] = tuple(
    (x, y, x + side, y + side)
    for side in (0.25, 0.5, 1.0)
    for y in np.arange(0, 1 - side + 1e-9, side / 2).tolist()
    for x in np.arange(0, 1 - side + 1e-9, side / 2).tolist()
)


def build(material: Material, plan: Plan) -> list[Task]:
    """All tasks that the regions allow."""
    tasks: list[Task] = []
    spoken = [region for region in material.regions if region.expression]
    if spoken:
        tasks += [to_sentence(spoken, plan, same) for same in (True, False)]
        tasks += [to_box(spoken, material.regions, plan, same) for same in (True, False)]
        tasks.append(on_a_grid(spoken))
    named = [region for region in material.regions if region.label]
    if len({region.label for region in named}) > 1 or len(named) < len(material.regions):
        tasks += label_tasks(material.regions, plan, SAME)
        if not material.views:
            tasks += label_tasks(material.regions, plan, ACROSS)
    if material.views:
        tasks += label_tasks(material.views, plan, ACROSS, views=True)
    return tasks


def boxed(region: Region, instruction: str | None = None) -> Input:
    return Input(picture=region.picture, box=region.box, instruction=instruction)


def whole(region: Region, instruction: str | None = None) -> Input:
    return Input(picture=region.picture, instruction=instruction)


def candidates_of(regions: Sequence[Region], keys: str) -> list[Candidate]:
    """One candidate for each box, with the keys of all regions that have this box on this picture."""
    found: dict[tuple, list[Region]] = {}
    for region in regions:
        found.setdefault((region.picture, region.image, region.box), []).append(region)
    return [
        Candidate(
            members[0].name,
            boxed(members[0]),
            frozenset(key for region in members for key in keys_of(region, keys)),
            pool=members[0].image,
            box=(members[0].image, members[0].box),
        )
        for members in found.values()
    ]


def keys_of(region: Region, keys: str) -> set[str]:
    own = {f"region {region.name}"}
    if keys == "label":
        return own | ({f"label {region.label}"} if region.label else set())
    return own | {f"box {region.image} {region.box}"}


def to_sentence(spoken: Sequence[Region], plan: Plan, same: bool) -> Task:
    """Image and box, among the sentences of the image or of all images."""
    where = SAME if same else ACROSS
    texts: dict[tuple[str, str], set[str]] = {}
    for region in spoken:
        texts.setdefault((region.image if same else "", region.expression), set()).add(f"box {region.image} {region.box}")
    candidates = [Candidate(text, Input(texts=(text,)), frozenset(keys), pool=image) for (image, text), keys in texts.items()]
    once = list({(region.image, region.box): region for region in spoken}.values())
    queries = [
        Query(
            region.name,
            frozenset([f"box {region.image} {region.box}"]),
            pool=region.image if same else None,
            group=region.group,
            unit=region.image,
        )
        for region in once
    ]
    ways = [
        Way("encoder", ([boxed(region, plan.instruction) for region in once],)),
        Way(IGNORED, ([whole(region, plan.instruction) for region in once],)),
    ]
    return Task(f"box to its sentence, {where}", REGIONS, queries, candidates, ways)


def sentence(region: Region, right: frozenset[str], same: bool) -> Query:
    """A region's sentence as a question about where it is, in its own image or in all."""
    return Query(
        f"{region.name}: {region.expression}",
        right,
        pool=region.image if same else None,
        group=region.group,
        unit=region.image,
        target=(region.image, region.box),
    )


def to_box(spoken: Sequence[Region], regions: Sequence[Region], plan: Plan, same: bool) -> Task:
    """A sentence, among the annotated boxes of its image or of all images."""
    where = SAME if same else ACROSS
    candidates = candidates_of(regions, "box")
    queries = [sentence(region, frozenset([f"box {region.image} {region.box}"]), same) for region in spoken]
    texts = [Input(texts=(region.expression,)) for region in spoken]
    blind = [Input(picture=candidate.input.picture) for candidate in candidates]
    ways = [Way("encoder", (texts,)), Way(IGNORED, (texts,), candidates=blind)]
    if same:
        seen = [Input(picture=region.picture, texts=(region.expression,)) for region in spoken]
        ways.insert(1, Way("sentence with its image", (seen,)))
    return Task(f"sentence to its box, {where}", REGIONS, queries, candidates, ways)


def on_a_grid(spoken: Sequence[Region]) -> Task:
    """A sentence on a grid over its image: does the middle of the best cell lie in the box (the pointing game)?"""
    pictures = {region.image: region.picture for region in spoken}
    candidates = [
        Candidate(f"{image} {cell}", Input(picture=picture, box=cell), frozenset([f"{image} {number}"]), image, (image, cell))
        for image, picture in pictures.items()
        for number, cell in enumerate(GRID)
    ]
    queries = [
        sentence(
            region,
            frozenset(f"{region.image} {number}" for number, cell in enumerate(GRID) if middle_in(cell, region.box)),
            same=True,
        )
        for region in spoken
    ]
    texts = [Input(texts=(region.expression,)) for region in spoken]
    blind = [Input(picture=candidate.input.picture) for candidate in candidates]
    notes = [
        f"P@1 is the pointing game over {len(GRID)} cells; a box without the middle of any cell is a miss",
    ]
    return Task(
        "sentence to a place on a grid, " + SAME,
        REGIONS,
        queries,
        candidates,
        [Way("encoder", (texts,)), Way(IGNORED, (texts,), candidates=blind)],
        keep_unanswerable=True,
        notes=notes,
    )


def middle_in(cell: Edges, box: Edges) -> bool:
    x, y = (cell[0] + cell[2]) / 2, (cell[1] + cell[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def label_tasks(regions: Sequence[Region], plan: Plan, where: str, views: bool = False) -> list[Task]:
    """Box to label, label to boxes, box to boxes of the same label. ``views``: every region is on a picture of its own."""
    same = where == SAME
    named = [region for region in regions if region.label]
    labels = sorted({region.label for region in named})
    candidates = candidates_of(regions, "label")
    blind = [Input(picture=candidate.input.picture) for candidate in candidates]
    text_of = {label: Input(texts=said(words_of(label), plan.templates)) for label in labels}
    tasks = []
    if len(labels) > 1:
        pairs = sorted({(region.image if same else "", region.label) for region in named})
        asked = [
            Query(
                region.name,
                frozenset([f"label {region.label}"]),
                pool=region.image if same else None,
                group=region.label,
                unit=region.name if views else region.image,
            )
            for region in named
        ]
        texts = [Candidate(label, text_of[label], frozenset([f"label {label}"]), pool=image) for image, label in pairs]
        ways = [
            Way("encoder", ([boxed(region, plan.instruction) for region in named],)),
            Way(IGNORED, ([whole(region, plan.instruction) for region in named],)),
        ]
        tasks.append(Task(f"box to its label, {where}", REGIONS, asked, texts, ways, constant_answer=True))
    pairs = sorted({(region.image if same else "", region.label) for region in named})
    asked = [
        Query(
            f"{label} {image}".strip(), frozenset([f"label {label}"]), image if same else None, group=label, unit=image or label
        )
        for image, label in pairs
    ]
    words = [text_of[label] for _, label in pairs]
    ways = [Way("encoder", (words,)), Way(IGNORED, (words,), candidates=blind)]
    tasks.append(Task(f"label to its boxes, {where}", REGIONS, asked, candidates, ways))
    tasks.append(box_to_boxes(named, candidates, blind, plan, where, views))
    if views and len({region.image for region in named}) > 1:
        tasks.append(box_to_boxes(named, candidates, blind, plan, "on the other rasters only", views))
    return tasks


def box_to_boxes(
    named: Sequence[Region],
    candidates: Sequence[Candidate],
    blind: Sequence[Input],
    plan: Plan,
    where: str,
    views: bool,
) -> Task:
    """A box finds others of its label; those that meet it do not count. On pictures of a data set, only other images count."""
    same = where == SAME
    meets = {region.name: region.meets for region in named} if views else meeting(named)
    queries = [
        Query(
            region.name,
            frozenset([f"label {region.label}"]),
            pool=region.image if same else None,
            avoid=None if same or (views and where == ACROSS) else region.image,
            excluded=frozenset(f"region {name}" for name in meets[region.name] | {region.name}),
            group=region.label,
            unit=region.name if views else region.image,
        )
        for region in named
    ]
    ways = [
        Way("encoder", ([boxed(region, plan.instruction) for region in named],)),
        Way(IGNORED, ([whole(region, plan.instruction) for region in named],), candidates=None if same else blind),
    ]
    notes = (
        ["a box that meets the query's is no candidate"] if same or views else ["boxes of the query's image are no candidates"]
    )
    return Task(f"box to boxes of its label, {where}", REGIONS, queries, candidates, ways, notes=notes)


def meeting(regions: Sequence[Region]) -> dict[str, frozenset[str]]:
    """For each region, the others of its image that it overlaps."""
    by_image: dict[str, list[Region]] = defaultdict(list)
    for region in regions:
        by_image[region.image].append(region)
    found = {}
    for members in by_image.values():
        edges = np.array([region.box for region in members])
        shared = np.minimum(edges[:, None, 2:], edges[None, :, 2:]) - np.maximum(edges[:, None, :2], edges[None, :, :2])
        for region, row in zip(members, (shared > 0).all(-1), strict=True):
            found[region.name] = frozenset(members[other].name for other in np.flatnonzero(row)) - {region.name}
    return found

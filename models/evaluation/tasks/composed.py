"""Compositional retrieval: a thing and a word for what should differ, among everything; with the baselines of the papers."""

from __future__ import annotations

from collections import Counter, defaultdict

from ..forms import COMPOSED, Candidate, Input, Plan, Query, Task, Way
from ..records import Composable, Material
from .words import said

WEIGHTS = (0.3, 0.5, 0.7)  # of the text, in WeiCom; all are reported, none is chosen by the outcome


def build(material: Material, plan: Plan) -> list[Task]:
    """One task for each attribute: every thing with every other value that its kind has."""
    families = sorted({thing.attribute for thing in material.composables if thing.attribute})
    tasks = [one_task(material, family, plan) for family in families]
    return [task for task in tasks if task is not None]


def one_task(material: Material, family: str, plan: Plan) -> Task | None:
    """Right are things of the same kind with the value asked for; all other things of the data set are candidates too."""
    things = [thing for thing in material.composables if thing.attribute == family]
    values: dict[str, list[str]] = defaultdict(list)
    for thing in things:
        if thing.value not in values[thing.kind]:
            values[thing.kind].append(thing.value)
    keys: dict[str, set[str]] = defaultdict(set)
    inputs: dict[str, Input] = {}
    for thing in material.composables:
        inputs.setdefault(thing.name, seen(thing))
        keys[thing.name].add(f"thing {thing.name}")
        if thing.attribute == family:
            keys[thing.name].add(f"{thing.kind} {thing.value}")
    candidates = [Candidate(name, made, frozenset(keys[name])) for name, made in inputs.items()]
    queries, whole, boxed, plain, words = [], [], [], [], []
    left_out: Counter[str] = Counter()
    for thing in things:
        others = [value for value in sorted(values[thing.kind]) if f"{thing.kind} {value}" not in keys[thing.name]]
        if not others:
            left_out["things whose kind has no other value"] += 1
        for value in others:
            text = said(value, plan.templates)
            own = seen(thing)
            excluded = frozenset(f"thing {name}" for name in thing.meets | {thing.name}) if thing.box else frozenset()
            queries.append(
                Query(
                    f"{thing.name} + {value}",
                    frozenset([f"{thing.kind} {value}"]),
                    excluded=excluded,
                    group=f"{thing.kind}: {value}".strip(": "),
                    unit=thing.name,
                )
            )
            whole.append(Input(picture=own.picture, box=own.box, texts=text, instruction=plan.instruction))
            boxed.append(Input(picture=own.picture, texts=text, instruction=plan.instruction))
            plain.append(own)
            words.append(Input(texts=text))
    if not queries:
        return None
    ways = [
        Way("encoder", (whole,)),
        Way("average of the two vectors", (plain, words)),
        *(Way(f"WeiCom, {weight:g} text", (plain, words), weight=weight) for weight in WEIGHTS),
        Way("text alone", (words,)),
        Way("box alone" if things[0].box else "image alone", (plain,)),
    ]
    if things[0].box:
        ways.append(Way("box ignored", (boxed,)))
    notes = [
        "right: the same kind with the value asked for",
        "the query's own region is no candidate" if things[0].box else "the query's own image stays a candidate and is wrong",
    ]
    return Task(f"{family}: thing and word", COMPOSED, queries, candidates, ways, notes=notes, left_out=left_out)


def seen(thing: Composable) -> Input:
    return Input(picture=thing.picture, box=thing.box)

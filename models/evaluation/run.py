"""A run: read the user's data, ask the questions, and put everything that was found into one report."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...plugin.errors import GeoLoupeError
from ..encoder import Encoder
from .embedding import Embedder, Progress, Stop, Stopped
from .formats import choose, layers
from .forms import KINDS, Plan, Task
from .pictures import Reader
from .records import Material
from .scoring import measure
from .tasks import composed, places, questions, regions, scenes, search

Build = Callable[[Material, Plan], list[Task]]
BUILDERS: tuple[Build, ...] = (scenes.build, search.build, composed.build, questions.build, regions.build, places.build)
ABOUT = (
    "RSMEB-style: six kinds of task like those of RSMEB, made from the user's own copies of public data. The candidates are not"
    " RSMEB's, so the figures are not comparable with it. Equal scores are counted against the right answer."
)
Item = TypeVar("Item")


def read(
    data: Sequence[Path],
    plan: Plan,
    side: int,
    form: str | None = None,
    labels: Sequence[Path] = (),
    field: str | None = None,
    attribute: str | None = None,
) -> Material:
    """What the user's copy holds, cut to ``plan.limit``. ``side`` is the encoder's chip in pixels.

    Raises GeoLoupeError("usage") with one sentence when the data have another form.
    """
    if labels:
        if not field:
            raise GeoLoupeError("usage", "Labels need --field NAME: the field of the layer that has their names.")
        material = layers.load(data, labels, field, attribute, side, plan)
    elif len(data) != 1:
        raise GeoLoupeError("usage", "Give one folder of a data set; several rasters need --labels and --field.")
    else:
        chosen = choose(data[0], form)
        material = chosen.load(data[0], plan)
        material.format = f"{chosen.title} ({chosen.name})"
        if not any(sizes(material).values()):
            why = "; ".join(f"{reason}: {count}" for reason, count in material.left_out.items() if count)
            raise GeoLoupeError(
                "usage", f"{data[0]} gave nothing to ask: expected {chosen.expected}{f' ({why})' if why else ''}."
            )
    return limited(material, plan)


def sizes(material: Material) -> dict[str, int]:
    """How many records of each sort there are."""
    names = ("scenes", "captioned", "composables", "questions", "regions", "views", "located")
    return {name: len(getattr(material, name)) for name in names}


def limited(material: Material, plan: Plan) -> Material:
    """At most ``limit`` records of each sort, drawn with the seed; regions by whole images, so that neighbours stay together."""
    if plan.limit is None:
        return material
    before = sizes(material)
    for name in ("scenes", "captioned", "questions", "views", "located"):
        setattr(material, name, drawn(getattr(material, name), plan))
    told = drawn([one for one in material.composables if one.attribute], plan)
    names = {one.name for one in told}
    others = [one for one in material.composables if not one.attribute and one.name not in names]
    material.composables = told + drawn(others, plan)
    kept: list[Any] = []
    images: dict[str, list[Any]] = {}
    for region in material.regions:
        images.setdefault(region.image, []).append(region)
    for image in shuffled(list(images), plan):
        if len(kept) < plan.limit:
            kept += images[image]
    material.regions = kept
    after = sizes(material)
    material.left_out.update({f"{name} over the limit of {plan.limit}": before[name] - after[name] for name in before})
    return material


def shuffled(items: Sequence[Item], plan: Plan) -> list[Item]:
    return [items[number] for number in np.random.default_rng(plan.seed).permutation(len(items))]


def drawn(items: Sequence[Item], plan: Plan) -> list[Item]:
    """At most ``limit``, in their order."""
    if plan.limit is None or len(items) <= plan.limit:
        return list(items)
    chosen = np.random.default_rng(plan.seed).choice(len(items), plan.limit, replace=False)
    return [items[number] for number in sorted(chosen.tolist())]


def questions_of(material: Material, plan: Plan, wanted: str) -> list[Task]:
    """The tasks of the material; ``wanted`` is auto or a word of ``KINDS``."""
    tasks = [task for build in BUILDERS for task in build(material, plan)]
    chosen = [task for task in tasks if wanted == "auto" or task.kind == KINDS[wanted]]
    if not chosen:
        has = sorted({next(word for word, kind in KINDS.items() if kind == task.kind) for task in tasks})
        raise GeoLoupeError(
            "usage",
            f"These data ({material.format}) have no questions of the kind {KINDS.get(wanted, wanted)!r}: "
            + (f"choose {' or '.join(has)}, or auto." if has else "they have too few records to ask anything."),
        )
    return chosen


def evaluate(
    encoder: Encoder,
    material: Material,
    wanted: str,
    plan: Plan,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    stopped: Stopped | None = None,
) -> dict[str, Any]:
    """The whole report as JSON-able facts. When ``stopped`` says so, it has the tasks that were done, and says that."""
    began = time.perf_counter()
    tasks = questions_of(material, plan, wanted)
    reader = Reader()
    embedder = Embedder(encoder, reader, progress, stopped)
    results: list[dict[str, Any]] = []
    halted = False
    try:
        for task in tasks:
            own = replace(plan, seed=seed_for(plan.seed, task.title))
            results.append({"seed": own.seed, **measure(task, embedder, own)})
    except Stop:
        halted = True
    finally:
        reader.close()
    card = encoder.card
    return {
        "report": "RSMEB-style",
        "about": ABOUT,
        "encoder": {
            "id": card.id,
            "revision": card.revision,
            "sha256": card.sha256,
            "name": card.name,
            "region_method": card.region_method,
            "device": encoder.device,
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "format": material.format,
        "notes": [note for note in material.notes if note],
        "records": sizes(material),
        "left_out": {reason: count for reason, count in material.left_out.items() if count},
        "pictures_that_cannot_be_read": [picture.path for picture in embedder.failed][:100],
        "seed": plan.seed,
        "limit": plan.limit,
        "candidates": plan.candidates,
        "split": plan.split,
        "instruction": plan.instruction,
        "templates": list(plan.templates),
        "stopped": halted,
        "summary": search.mean_recall(results),
        "tasks": results,
        "seconds": round(time.perf_counter() - began, 1),
    }


def seed_for(seed: int, title: str) -> int:
    """A seed of each task's own, the same whichever other tasks are asked."""
    return int.from_bytes(hashlib.sha256(f"{seed} {title}".encode()).digest()[:4], "big")


def count_left_out(report: dict[str, Any]) -> Counter[str]:
    """What was left out of the data and of every task, by reason."""
    total: Counter[str] = Counter(report["left_out"])
    for task in report["tasks"]:
        total.update(task["left_out"])
    return total

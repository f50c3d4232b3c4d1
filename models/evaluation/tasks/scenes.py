"""Scene classification: an image among the names of all kinds; and the way back, a name to all its images."""

from __future__ import annotations

from collections import Counter

from ..forms import SCENES, SEARCH, Candidate, Input, Plan, Query, Task, Way
from ..records import Material
from .words import SCENE_TEMPLATES, said, words_of


def build(material: Material, plan: Plan) -> list[Task]:
    """Two tasks; none when there are fewer than two kinds."""
    kinds = sorted({scene.label for scene in material.scenes})
    if len(kinds) < 2:
        return []
    names = {kind: said(words_of(kind), plan.templates, SCENE_TEMPLATES) for kind in kinds}
    images = [
        Candidate(scene.name, Input(picture=scene.picture), frozenset([f"image {scene.name}", f"kind {scene.label}"]))
        for scene in material.scenes
    ]
    texts = [Candidate(words_of(kind), Input(texts=names[kind]), frozenset([f"kind {kind}"])) for kind in kinds]
    asked = [
        Query(scene.name, frozenset([f"kind {scene.label}"]), group=words_of(scene.label), unit=scene.name)
        for scene in material.scenes
    ]
    notes = [f"names are said as {' / '.join(said('NAME', plan.templates, SCENE_TEMPLATES))}, averaged"]
    return [
        Task(
            "image to the name of its kind",
            SCENES,
            asked,
            texts,
            [Way("encoder", ([image.input for image in images],))],
            constant_answer=True,
            notes=notes,
        ),
        Task(
            "name of a kind to its images",
            SEARCH,
            [Query(words_of(kind), frozenset([f"kind {kind}"]), unit=kind) for kind in kinds],
            images,
            [Way("encoder", ([text.input for text in texts],))],
            notes=notes,
            left_out=Counter(),
        ),
    ]

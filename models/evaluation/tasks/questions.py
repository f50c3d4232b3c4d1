"""Visual question answering as retrieval: image and question, among all answers that the data set has for such questions."""

from __future__ import annotations

from ..forms import QUESTIONS, Candidate, Input, Plan, Query, Task, Way
from ..records import Material

ALL_TYPES = "image and question to answer"


def build(material: Material, plan: Plan) -> list[Task]:
    """One task; its groups are the types of question."""
    asked = material.questions
    if not asked:
        return []
    answers = dict.fromkeys((question.type, question.answer) for question in asked)
    candidates = [
        Candidate(answer, Input(texts=(answer,)), frozenset([f"{kind}: {answer}"]), pool=kind) for kind, answer in answers
    ]
    queries = [
        Query(
            f"{question.name}: {question.text}",
            frozenset([f"{question.type}: {question.answer}"]),
            pool=question.type,
            group=question.type,
            unit=question.image,
        )
        for question in asked
    ]
    both = [Input(picture=one.picture, texts=(one.text,), instruction=plan.instruction) for one in asked]
    ways = [
        Way("encoder", (both,)),
        Way("question alone", ([Input(texts=(one.text,)) for one in asked],)),
        Way("image alone", ([Input(picture=one.picture) for one in asked],)),
        Way(
            "average of the two vectors",
            ([Input(picture=one.picture) for one in asked], [Input(texts=(one.text,)) for one in asked]),
        ),
    ]
    notes = ["candidates are the answers that occur to questions of the same type; scores by a language model are not comparable"]
    return [Task(ALL_TYPES, QUESTIONS, queries, candidates, ways, constant_answer=True, notes=notes)]

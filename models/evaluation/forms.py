"""What a task is made of: inputs that do not hold pixels yet, questions, candidates, and the ways to ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SCENES = "scene classification"
SEARCH = "cross-modal search"
COMPOSED = "compositional retrieval"
QUESTIONS = "visual question answering"
REGIONS = "grounding and region-level reasoning"
PLACES = "semantic geospatial retrieval"
# The words of the command line, in the order of the report.
KINDS: dict[str, str] = {
    "scenes": SCENES,
    "search": SEARCH,
    "composed": COMPOSED,
    "questions": QUESTIONS,
    "regions": REGIONS,
    "places": PLACES,
}

Edges = tuple[float, float, float, float]  # x0, y0, x1, y1 in 0..1 of the picture, origin at the top left


@dataclass(frozen=True)
class Picture:
    """Pixels to be read later: a file, or a square ``window`` (x0, y0, x1, y1 in its pixels) of it, ``side`` pixels wide."""

    path: str
    window: tuple[float, float, float, float] | None = None
    side: int | None = None
    gsd: float | None = None


@dataclass(frozen=True)
class Input:
    """One input of an encoder. Several ``texts`` are several ways to say the same: their unit vectors are averaged."""

    picture: Picture | None = None
    box: Edges | None = None
    texts: tuple[str, ...] = ()
    place: tuple[float, float] | None = None  # latitude, longitude
    instruction: str | None = None


@dataclass(frozen=True)
class Candidate:
    """An answer. ``keys`` say what it answers; ``pool`` is its image, or the type of question that it answers."""

    name: str
    input: Input
    keys: frozenset[str]
    pool: str = ""
    box: tuple[str, Edges] | None = None  # image and box, for overlap with the truth
    place: tuple[float, float] | None = None


@dataclass(frozen=True)
class Query:
    """A question. Right candidates share a key with ``keys``.

    ``pool`` None asks among all candidates; ``avoid`` leaves a pool out; candidates with a key in ``excluded`` do not count.
    ``unit`` names what is drawn together for the interval (an image: its questions are not independent).
    """

    name: str
    keys: frozenset[str]
    pool: str | None = None
    avoid: str | None = None
    excluded: frozenset[str] = frozenset()
    group: str = ""
    unit: str = ""
    target: tuple[str, Edges] | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True)
class Way:
    """One way to ask the same questions. One list of inputs, or two that are put together.

    ``weight`` None: the mean of the parts' vectors. A number: (1 - weight) * Phi(first) + weight * Phi(second), where Phi is
    the normal distribution's function of the similarities of one query to its candidates (WeiCom).
    """

    name: str
    parts: tuple[Sequence[Input], ...]
    candidates: Sequence[Input] | None = None  # None: the candidates' own
    weight: float | None = None


Grades = Callable[[int, NDArray[np.int64]], NDArray[np.float64]]


@dataclass
class Task:
    """Questions, candidates, and ways to ask; the first way is the encoder's own, the others are baselines.

    ``grades(query, candidates)`` gives the relevance in 0..1 for nDCG. ``keep_unanswerable`` counts a query without a right
    candidate as a miss instead of leaving it out.
    """

    title: str
    kind: str
    queries: Sequence[Query]
    candidates: Sequence[Candidate]
    ways: Sequence[Way]
    grades: Grades | None = None
    keep_unanswerable: bool = False
    constant_answer: bool = False  # whether one answer to everything is a baseline worth a row
    notes: Sequence[str] = ()
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Plan:
    """What the user asked of a run. ``limit`` and ``candidates`` None: all there are."""

    split: str = "test"
    limit: int | None = None
    candidates: int | None = None
    seed: int = 0
    instruction: str | None = None  # put beside every image with a box, or every composed query
    templates: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

"""What a data set says, in one form for all formats. Loaders make these; ``tasks`` turns them into questions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .forms import Edges, Picture


@dataclass(frozen=True)
class Scene:
    """A picture of one kind; ``label`` is as the data set writes it."""

    name: str
    picture: Picture
    label: str


@dataclass(frozen=True)
class Captioned:
    """A picture with its captions; ``kind`` is its scene where the data set tells, else empty."""

    name: str
    picture: Picture
    texts: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Composable:
    """A thing (a picture, or a box on one) of a ``kind`` whose ``attribute`` (colour, shape, ...) has a ``value``.

    A thing without an attribute is a candidate that is never right. ``meets`` names things that overlap its box.
    """

    name: str
    picture: Picture
    kind: str
    attribute: str
    value: str
    box: Edges | None = None
    meets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Question:
    """A question about a picture, its answer in words, and its type: it is asked among the answers of its type."""

    name: str
    image: str
    picture: Picture
    text: str
    answer: str
    type: str


@dataclass(frozen=True)
class Region:
    """A box on a picture with what it is called (``label``), a sentence that means it alone (``expression``), or both.

    A region with neither is background: a candidate that is never right. ``meets`` names regions that overlap it.
    """

    name: str
    image: str
    picture: Picture
    box: Edges
    label: str = ""
    expression: str = ""
    group: str = ""
    meets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Located:
    """A picture with its place, and its caption where there is one."""

    name: str
    picture: Picture
    lat: float
    lon: float
    caption: str = ""


@dataclass
class Material:
    """Everything that was read from the user's copy, and what was left out and why."""

    format: str = ""
    scenes: list[Scene] = field(default_factory=list)
    captioned: list[Captioned] = field(default_factory=list)
    composables: list[Composable] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)  # several boxes on one picture
    views: list[Region] = field(default_factory=list)  # the same things, each on a picture of its own
    located: list[Located] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

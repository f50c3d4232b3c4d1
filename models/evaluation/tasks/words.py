"""Names as words, and the ways to say them."""

from __future__ import annotations

import re
from collections.abc import Sequence

SCENE_TEMPLATES = (
    "a satellite photo of {}.",
    "an aerial photo of {}.",
    "a satellite image of {}.",
    "{} seen from above.",
)
PLAIN = ("{}",)
BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|[_\-\s]+")


def words_of(name: str) -> str:
    """A class name as words: "SeaLake", "sea_lake" and "sea-lake" are all "sea lake"."""
    return " ".join(part for part in BETWEEN_WORDS.split(name) if part).lower()


def said(name: str, templates: Sequence[str], default: Sequence[str] = PLAIN) -> tuple[str, ...]:
    """The ways to say a name, by the user's templates or, without any, the default ones."""
    return tuple(template.replace("{}", name) for template in (templates or default))

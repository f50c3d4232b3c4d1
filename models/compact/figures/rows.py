"""Rows of the table of figures, and the table as JSON and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Row:
    """One figure; ``goal`` and ``prototype`` are what it stands beside, ``part`` is the part of the command that makes it."""

    part: str
    what: str
    figure: float | None
    n: int
    chance: float | None = None
    goal: float | None = None
    prototype: str = ""
    note: str = ""

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Row:
        """A row measured elsewhere: ``part`` is then its whole command."""
        names = ("what", "figure", "n", "chance", "goal", "prototype", "note")
        return cls(facts.get("command", ""), **{name: facts[name] for name in names if name in facts})


@dataclass
class Asked:
    """Scores of texts of one kind for regions whose truth is known, for saying what a score means."""

    kind: str
    scores: NDArray
    right: NDArray


@dataclass
class Found:
    """What one part measured."""

    rows: list[Row] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)


def tidy(value: Any) -> Any:
    """JSON's own types, numbers with three places (four below a tenth), nan as null."""
    if isinstance(value, dict):
        return {str(key): tidy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tidy(item) for item in value]
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return None if math.isnan(number) else round(number, 4 if abs(number) < 0.1 else 3)
    return value.item() if isinstance(value, np.generic) else value


def to_json(row: Row, command: str) -> dict[str, Any]:
    """A row with its command, and whether it meets its goal."""
    facts = tidy({
        "what": row.what, "prototype": row.prototype, "goal": row.goal, "figure": row.figure, "n": row.n, "chance": row.chance,
    })  # fmt: skip
    met = None if facts["figure"] is None or row.goal is None else bool(row.figure is not None and row.figure >= row.goal)
    return {**facts, "met": met, "command": command, "note": row.note}


def to_markdown(rows: Sequence[dict[str, Any]], meaning: Sequence[dict[str, Any]]) -> str:
    """The table, its notes, and what a score means."""
    lines = ["| what | prototype | goal | figure | n | chance | command |", "|---|---|---|---|---|---|---|"]
    notes = []
    for row in rows:
        what = row["what"]
        if row["note"]:
            if row["note"] not in notes:
                notes.append(row["note"])
            what += f" ({notes.index(row['note']) + 1})"
        cells = [row["prototype"], *("" if row[name] is None else str(row[name]) for name in ("goal", "figure", "n", "chance"))]
        lines.append("| " + " | ".join([what, *cells, f"`{row['command']}`"]) + " |")
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    if meaning:
        lines += ["", "What a score of a text means: the share of right regions among those with such a score.", ""]
        lines += ["| words | score | right | n | right at any score |", "|---|---|---|---|---|"]
        for row in meaning:
            lines.append(f"| {row['words']} | {row['from']} to {row['to']} | {row['right']} | {row['n']} | {row['chance']} |")
    return "\n".join(lines) + "\n"


def what_scores_mean(asked: Sequence[Asked], width: float = 0.1) -> list[dict[str, Any]]:
    """For each kind of words and each bin of scores: the share of right regions, and how many had such a score."""
    found = []
    for kind in dict.fromkeys(part.kind for part in asked):
        scores = np.concatenate([part.scores.ravel() for part in asked if part.kind == kind])
        right = np.concatenate([part.right.ravel() for part in asked if part.kind == kind]).astype(bool)
        bins = np.floor(np.maximum(scores, -width) / width + 1e-6).astype(int)  # what is below 0 is one bin
        for number in np.unique(bins):
            inside = bins == number
            found.append(tidy({
                "words": kind, "from": round(number * width, 3) if number >= 0 else -1.0, "to": round((number + 1) * width, 3),
                "right": float(right[inside].mean()), "n": int(inside.sum()), "chance": float(right.mean()),
            }))  # fmt: skip
    return found

"""Figures of an encoder on what its training never saw: one table, as JSON and as Markdown.

    python models validate --run DIR [--data ../shared/training] [--imagery ../shared/imagery] [--encoder compact]
        [--extra FOLDER ...] [--left-out Kind,Kind] [--speed FILE] [--only PART ...] [--markdown FILE] [--output FILE]

Prints JSON: "rows" (every figure with its number of cases, its chance, its goal and the command that makes it), "details", and
"scores" (what a score of a text means). ``--speed`` names a JSON list of rows that were measured elsewhere.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from ...plugin.errors import GeoLoupeError
from .. import load_encoder
from .figures.given import SIDE, Given, texts
from .figures.rows import Asked, Found, Row, tidy, to_json, to_markdown, what_scores_mean
from .images import Pictures

__all__ = ["SIDE", "figures", "main", "texts"]

# part: file of figures and the function in it; loaded when asked for, since some need torch and the imagery
PARTS = {
    "scenes": ("scenes", "measure"),
    "unseen": ("scenes", "unseen_kinds"),
    "extra": ("extra", "measure"),
    "captions": ("captions", "measure"),
    "mosaics": ("mosaics", "measure"),
    "objects": ("objects", "measure"),
    "painted": ("painted", "measure"),
    "imagery": ("imagery", "measure"),
    "composition": ("composition", "measure"),
    "instruction": ("instruction", "measure"),
    "places": ("places", "measure"),
}


def figures(given: Given, parts: list[str], others: list[Row], command: str) -> dict[str, Any]:
    """The rows of the parts and those measured elsewhere, what is behind them, and what a score means."""
    rows: list[dict[str, Any]] = []
    details: dict[str, Any] = {}
    asked: list[Asked] = []
    for part in parts:
        file, name = PARTS[part]
        found: Found = getattr(importlib.import_module(f"{__package__}.figures.{file}"), name)(given)
        rows += [to_json(row, f"{command} --only {row.part}") for row in found.rows]
        details |= {part: tidy(found.details)} if found.details else {}
        asked += found.asked
    rows += [to_json(row, row.part) for row in others]
    return {"encoder": given.encoder.card.fingerprint(), "rows": rows, "details": details, "scores": what_scores_mean(asked)}


def read_rows(path: Path) -> list[Row]:
    """Rows measured elsewhere. Raises GeoLoupeError("usage") when the file is no list of rows."""
    try:
        return [Row.read(facts) for facts in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise GeoLoupeError(
            "usage", f"{path} must be a JSON list of rows with “what”, “figure” and “n”.", str(problem)
        ) from problem


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="the folder of a training run, for its cache")
    parser.add_argument("--data", type=Path, default=Path("../shared/training"), help="the training data, for its captions")
    parser.add_argument("--imagery", type=Path, default=Path("../shared/imagery"), help="imagery to test on")
    parser.add_argument("--encoder", default="compact", help="an encoder of the catalogue, or a folder")
    parser.add_argument("--extra", type=Path, nargs="*", default=[], help="folders with facts.json of data sets never seen")
    parser.add_argument("--left-out", default="", help="kinds that training left out")
    parser.add_argument("--countries", type=Path, help="a layer of countries with the field NAME")
    parser.add_argument("--speed", type=Path, help="a JSON list of rows that were measured elsewhere")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS), help="parts to measure")
    parser.add_argument("--markdown", type=Path, help="write the table here too")
    parser.add_argument("--output", type=Path, help="write the JSON here instead of printing it")
    asked = parser.parse_args()
    pictures = Pictures(asked.run / "cache")
    left_out = [name for name in asked.left_out.split(",") if name]
    unknown = [name for name in left_out if name not in pictures.classes]
    if unknown:
        raise GeoLoupeError(
            "usage", f"No kind of scene is called {', '.join(unknown)}: choose from {', '.join(pictures.classes)}."
        )
    given = Given(
        load_encoder(asked.encoder, "cpu"), pictures, asked.data, asked.imagery if asked.imagery.is_dir() else None,
        asked.extra, left_out, asked.countries,
    )  # fmt: skip
    found = figures(
        given, asked.only, read_rows(asked.speed) if asked.speed else [], f"python models validate --run {asked.run.name}"
    )
    text = json.dumps(found, indent=1) + "\n"
    if asked.output:
        asked.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    if asked.markdown:
        asked.markdown.write_text(to_markdown(found["rows"], found["scores"]), encoding="utf-8")
    return 0

"""From the material to what ships, in one command: train, export, calibrate, validate.

    python models make --data ../shared/training --out RUN --to FOLDER [--further SETS/train] [--minutes 84] [--resume]

RUN receives what ``train`` writes, and figures.json and figures.md; FOLDER the encoder with its calibration, curves.csv and
plan.json (seed, mix, steps, time). It can be stopped and begun again with ``--resume``. ``--quick`` measures kinds by
name and captions only.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import shutil
from pathlib import Path
from typing import Any

import torch

from .. import load_encoder
from ..catalogue import BUNDLED
from . import calibrate, export, train, validate
from .figures.given import Given
from .figures.rows import to_markdown
from .images import Pictures

QUICK = ("scenes", "captions")
BACKGROUND = "background_phrases.txt"


def plan_of(checkpoint: Path, curves: Path) -> dict[str, Any]:
    """What a run was: its plan, how far it went, and how long it took."""
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    with curves.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    return {
        "plan": kept["plan"], "steps": kept["step"], "chips": kept["chips"], "minutes": round(kept["spent"] / 60, 1),
        "parameters": sum(value.numel() for value in kept["network"].values()), "torch": torch.__version__,
        "machine": platform.machine(), "last_losses": lines[-1] if lines else {},
    }  # fmt: skip


def finish(
    run: Path, to: Path, training: Path, facts: dict[str, Any], imagery: Path | None, extra: list[Path], quick: bool
) -> None:
    """Export a run's checkpoint, calibrate it and write its figures."""
    trained = plan_of(run / "checkpoint.pt", run / "curves.csv")
    brief = {name: trained[name] for name in ("steps", "chips", "minutes", "parameters")}
    export.export(run / "checkpoint.pt", run / "cache" / "pieces.txt", to, {"trained": brief, **facts})
    shutil.copyfile(run / "curves.csv", to / "curves.csv")
    (to / "plan.json").write_text(json.dumps(trained, indent=1) + "\n", encoding="utf-8")
    if not (to / BACKGROUND).exists():
        shutil.copyfile(BUNDLED / "compact" / BACKGROUND, to / BACKGROUND)
    pictures = Pictures(run / "cache", trained["plan"]["left_out"])
    encoder = load_encoder(to, "cpu")
    presence = calibrate.presence(encoder, pictures, training, to)
    (to / "presence.json").write_text(json.dumps(presence, indent=1) + "\n", encoding="utf-8")
    given = Given(encoder, pictures, training, imagery, extra, pictures.left_out)
    found = validate.figures(given, list(QUICK if quick else validate.PARTS), [], f"python models validate --run {run.name}")
    (run / "figures.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (run / "figures.md").write_text(to_markdown(found["rows"], found["scores"]), encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = train.arguments("Make the compact encoder, from the training data to the files that ship.")
    parser.add_argument("--to", type=Path, required=True, help="where the encoder goes")
    parser.add_argument("--imagery", type=Path, help="imagery to measure on")
    parser.add_argument("--extra", type=Path, nargs="*", default=[], help="sets to measure on that are not trained on")
    parser.add_argument("--facts", type=Path, help="a JSON file with facts for the card, such as its revision")
    parser.add_argument("--quick", action="store_true", help="measure kinds by name and captions only")
    given: argparse.Namespace = parser.parse_args()
    train.begin(given)
    facts = json.loads(given.facts.read_text(encoding="utf-8")) if given.facts else {}
    finish(given.out, given.to, given.data, facts, given.imagery, given.extra, given.quick)

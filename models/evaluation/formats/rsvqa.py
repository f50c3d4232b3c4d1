"""RSVQA, low and high resolution: three JSON files for each split, whose records point at each other by id."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..forms import Plan
from ..records import Material, Question
from .base import Format, cleaned, files_like, read_json, roots, wrong

EXPECTED = (
    "LR_split_test_questions.json and LR_split_test_answers.json (high resolution: USGS_split_test_...) and the images ID.tif in"
    " Images_LR or Data"
)
NAME = re.compile(r"(?P<prefix>.+)_split_(?P<split>.+)_questions\.json", re.IGNORECASE)
COUNTS = ((0, "0"), (10, "between 1 and 10"), (100, "between 11 and 100"), (1000, "between 101 and 1000"))


def question_files(path: Path) -> list[Path]:
    return files_like(path, NAME.pattern)


def load(path: Path, plan: Plan) -> Material:
    """Active questions of active images with their first answer. Counts of the low resolution are put into its five classes."""
    wanted = [file for file in question_files(path) if split_of(file) == plan.split]
    if not wanted:
        splits = ", ".join(sorted({split_of(file) for file in question_files(path)}))
        raise wrong(path, f"the split “{plan.split}”; the folder has {splits}" if splits else EXPECTED)
    material = Material()
    for file in wanted:
        read_split(file, material, plan)
    return material


def split_of(file: Path) -> str:
    found = NAME.fullmatch(file.name)
    return found["split"] if found else ""


def read_split(file: Path, material: Material, plan: Plan) -> None:
    answers_file = file.with_name(file.name.replace("questions", "answers"))
    images_file = file.with_name(file.name.replace("questions", "images"))
    if not answers_file.is_file():
        raise wrong(file.parent, f"{answers_file.name} beside {file.name}")
    answers = by_id(read_json(answers_file), "answers")
    images = by_id(read_json(images_file), "images") if images_file.is_file() else {}
    finder = roots(file, plan, "Images_LR", "Data", "Images")
    low = file.name.upper().startswith("LR")
    for row in by_id(read_json(file), "questions").values():
        image = str(row.get("img_id", ""))
        if not row.get("active") or (images and not images.get(row.get("img_id"), {}).get("active")):
            material.left_out["questions that are not active"] += 1
            continue
        given = answers.get((row.get("answers_ids") or [None])[0], {})
        text, answer = cleaned(row.get("question", "")), cleaned(given.get("answer", "")).lower()
        if not text or not answer or given.get("active") is False:
            material.left_out["questions without a question or an answer"] += 1
            continue
        picture = finder.picture(f"{image}.tif", material.left_out)
        if picture:
            kind = str(row.get("type", "")) or "all"
            answer = bucket(answer) if low and kind == "count" else answer
            material.questions.append(Question(f"{file.stem} {row['id']}", image, picture, text, answer, kind))
    material.notes.append(f"{file.name}{', counts in five classes' if low else ''}")


def by_id(raw: Any, name: str) -> dict[Any, dict[str, Any]]:
    """Records by their own id: in the published files it is also their index, in a cut copy it is not."""
    rows = raw.get(name, []) if isinstance(raw, dict) else []
    return {row["id"]: row for row in rows if isinstance(row, dict) and "id" in row}


def bucket(answer: str) -> str:
    """0, 1 to 10, 11 to 100, 101 to 1000, more: the classes that loaders of the low resolution use."""
    if not answer.isdigit():
        return answer
    return next((name for most, name in COUNTS if int(answer) <= most), "more than 1000")


FORMAT = Format("rsvqa", "RSVQA (LR, HR)", EXPECTED, ("questions",), lambda path: bool(question_files(path)), load)

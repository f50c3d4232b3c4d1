"""VRSBench: evaluation files for questions, sentences and captions, or one JSON for each image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..forms import Edges, Plan
from ..records import Captioned, Material, Question, Region
from .base import Finder, Format, cleaned, corners, files_like, numbers_in, read_lines, roots, wrong

EXPECTED = (
    "VRSBench_EVAL_vqa.json, VRSBench_EVAL_referring.json or VRSBench_EVAL_Cap.json (any of them), or a folder Annotations_val"
    " of one JSON for each image, and the images in Images_val"
)
EVALUATION = r"(VRSBench|RSBench)_EVAL_.*\.json"
PERCENT = 100.0


def annotation_folder(path: Path, split: str) -> Path | None:
    """The folder of single annotations: the published validation part is what is evaluated, so "test" means it too."""
    for name in (f"Annotations_{split}", *(("Annotations_val",) if split == "test" else ()), "Annotations", "."):
        folder = path / name
        if folder.is_dir() and any(is_annotation(file) for file in sorted(folder.glob("*.json"))[:3]):
            return folder
    return None


def is_annotation(file: Path) -> bool:
    try:
        raw = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False
    return isinstance(raw, dict) and "objects" in raw and ("caption" in raw or "qa_pairs" in raw)


def recognises(path: Path) -> bool:
    return bool(files_like(path, EVALUATION)) or (path.is_dir() and annotation_folder(path, "test") is not None)


def load(path: Path, plan: Plan) -> Material:
    """The evaluation files where there are any, else the annotations of the images."""
    material = Material()
    finder = roots(path, plan, "Images_val", "Images_test", "Images", "images")
    files = files_like(path, EVALUATION)
    folder = annotation_folder(path, plan.split) if path.is_dir() and not files else None
    for file in files:
        for row in read_lines(file, material.left_out):
            kind = "vqa" if "_vqa" in file.name.lower() else "ref" if "_ref" in file.name.lower() else "caption"
            add_row(row, kind, finder, material)
        material.notes.append(file.name)
    if folder is not None:
        for name, row in single_annotations(folder, material):
            add_image(name, row, finder, material)
        material.notes.append(f"{folder.name}, one JSON for each image")
    if not files and folder is None:
        raise wrong(path, EXPECTED)
    return material


def add_row(row: dict[str, Any], kind: str, finder: Finder, material: Material) -> None:
    """One row of an evaluation file: {question_id, image_id, question, ground_truth, type, ...}."""
    image = cleaned(row.get("image_id", ""))
    question, truth = cleaned(row.get("question", "")), row.get("ground_truth")
    number = f"{image} {row.get('question_id', '')}"
    box = box_of(row) if kind == "ref" else None
    if kind == "ref" and (box is None or not question):
        material.left_out["sentences without a box or words"] += 1
        return
    if kind != "ref" and (not cleaned(truth) or (kind == "vqa" and not question)):
        material.left_out["rows without an answer"] += 1
        return
    picture = finder.picture(image, material.left_out)
    if picture is None:
        return
    if kind == "vqa":
        group = cleaned(row.get("type", "")).lower() or "all"
        material.questions.append(Question(number, image, picture, question, cleaned(truth).lower(), group))
    elif kind == "caption":
        material.captioned.append(Captioned(image, picture, (cleaned(truth),)))
    elif box is not None:
        group = "" if row.get("unique") is None else "unique" if row["unique"] else "not unique"
        material.regions.append(Region(number, image, picture, box, cleaned(row.get("obj_cls", "")), question, group))


def box_of(row: dict[str, Any]) -> Edges | None:
    """The eight fractions where they are kept, else the text {<x0><y0><x1><y1>} in whole hundredths, 0 to 100.

    The text was made by cutting decimals off, so a thin box may have no width left: it gets one hundredth.
    """
    exact = corners(numbers_in(row.get("obj_corner")), 1.0)
    if exact:
        return exact
    numbers = numbers_in(str(row.get("ground_truth", "")).split("|")[0])
    if len(numbers) != 4:
        return None
    x0, y0, x1, y1 = numbers
    return corners([x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)], PERCENT)


def single_annotations(folder: Path, material: Material) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.glob("*.json")):
        try:
            row = json.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            row = None
        if isinstance(row, dict):
            yield file.stem, row
        else:
            material.left_out["annotations that cannot be read"] += 1


def add_image(name: str, row: dict[str, Any], finder: Finder, material: Material) -> None:
    """One annotation: {caption, objects: [...], qa_pairs: [...]}. Objects without a sentence are candidates too."""
    image = cleaned(row.get("image", "")) or name
    picture = finder.picture(image, material.left_out)
    if picture is None:
        return
    if cleaned(row.get("caption", "")):
        material.captioned.append(Captioned(image, picture, (cleaned(row["caption"]),)))
    for number, thing in enumerate(row.get("objects") or []):
        box = corners(numbers_in(thing.get("obj_corner")), 1.0) if isinstance(thing, dict) else None
        if box is None:
            material.left_out["objects without a box"] += 1
            continue
        group = "" if thing.get("is_unique") is None else "unique" if thing["is_unique"] else "not unique"
        label, words = cleaned(thing.get("obj_cls", "")), cleaned(thing.get("referring_sentence", ""))
        material.regions.append(Region(f"{image} {number}", image, picture, box, label, words, group))
    for number, pair in enumerate(row.get("qa_pairs") or []):
        texts = [cleaned(pair.get(key, "")) for key in ("question", "answer", "type")] if isinstance(pair, dict) else []
        if len(texts) == 3 and texts[0] and texts[1]:
            question = Question(f"{image} q{number}", image, picture, texts[0], texts[1].lower(), texts[2].lower() or "all")
            material.questions.append(question)
        else:
            material.left_out["rows without an answer"] += 1


FORMAT = Format("vrsbench", "VRSBench", EXPECTED, ("search", "questions", "regions"), recognises, load)

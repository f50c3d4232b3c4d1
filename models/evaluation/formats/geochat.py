"""GeoChat-Bench: JSON lines of questions, scene questions, sentences and boxes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..forms import Edges, Plan
from ..pictures import Reader
from ..records import Material, Question, Region
from .base import Finder, Format, cleaned, corners, edges, files_like, numbers_in, read_json, read_lines, roots, size_of, wrong
from .rsvqa import by_id

EXPECTED = (
    "GeoChat-Bench's JSON lines (hrben, lrben, aid, UCmerced, referring, grounding_description, region_captioning; any of them,"
    " rows with question_id and image or image_id) and the images below the same folder or in --images"
)
SUFFIX = re.compile(r"\s*(Answer the question using a single word or phrase\.?|Answer in one word or a short phrase\.?)\s*", re.I)
CHOICE = re.compile(r"classify the (given )?image", re.I)
TAG = re.compile(r"<p>|</p>|\[(refer|grounding|identify)\]", re.I)
BRACED = re.compile(r"\{[^}]*\}")
TYPES = "type", "category", "question_type"


def files(path: Path) -> list[Path]:
    return [file for file in files_like(path, r".*\.jsonl") if is_geochat(file)]


def is_geochat(file: Path) -> bool:
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        first = stream.readline()
    return '"question_id"' in first and ('"image"' in first or '"image_id"' in first)


def load(path: Path, plan: Plan) -> Material:
    """Each row by what it holds: a question with words for an answer, or a box with words."""
    found = files(path)
    if not found:
        raise wrong(path, EXPECTED)
    material, reader = Material(), Reader()
    finder = roots(path, plan, "images", "Images")
    known = published_answers(path)
    try:
        for file in found:
            rows = list(read_lines(file, material.left_out))
            pixels = in_pixels(rows)
            for row in rows:
                if "image_id" in row and "ground_truth" in row and "text" not in row:
                    add_region(row, file.stem, pixels, finder, reader, material)
                else:
                    add_question(row, file.stem, known, finder, material)
            material.notes.append(file.name)
    finally:
        reader.close()
    return material


def published_answers(path: Path) -> dict[tuple[Any, str], str]:
    """hrben and lrben come without answers: those of RSVQA, where its files lie in the same folder, by id and question."""
    found = {}
    for file in files_like(path, r".*_split_.*_questions\.json"):
        answers_file = file.with_name(file.name.replace("questions", "answers"))
        if answers_file.is_file():
            answers = by_id(read_json(answers_file), "answers")
            for number, row in by_id(read_json(file), "questions").items():
                answer = cleaned(answers.get((row.get("answers_ids") or [None])[0], {}).get("answer", ""))
                if answer:
                    found[number, cleaned(row.get("question", "")).lower()] = answer.lower()
    return found


def add_question(row: dict[str, Any], source: str, known: dict[tuple[Any, str], str], finder: Finder, material: Material) -> None:
    """A question; a scene question asks among the kinds, and its answer may be in the image's name alone."""
    text = SUFFIX.sub(" ", cleaned(row.get("text", ""))).strip()
    image = cleaned(row.get("image", "")) or cleaned(row.get("image_id", ""))
    kind = next((cleaned(row[name]).lower() for name in TYPES if cleaned(row.get(name, ""))), "")
    scene = bool(CHOICE.search(text))
    answer = cleaned(row.get("ground_truth", row.get("answer", ""))).lower()
    answer = answer or known.get((row.get("question_id"), text.lower()), "")
    if not answer and scene:
        answer = re.split(r"[\d_]+$|[_ -]?\d+$", Path(image.replace("\\", "/")).stem)[0].lower()
    if not text or not answer:
        material.left_out["questions without an answer (put RSVQA's answer files beside them)"] += 1
        return
    picture = finder.picture(image, material.left_out)
    if picture:
        group = f"{source}: {kind or ('scene' if scene else 'all')}"
        words = "What kind of scene is this?" if scene else text
        material.questions.append(Question(f"{source} {row.get('question_id')}", image, picture, words, answer, group))


def add_region(row: dict[str, Any], source: str, pixels: bool, finder: Finder, reader: Reader, material: Material) -> None:
    """A box with its words: the box is in the question (region captioning) or is the answer (referring). Several: left out."""
    image, question, truth = cleaned(row.get("image_id", "")), cleaned(row.get("question", "")), row.get("ground_truth")
    picture = finder.picture(f"{image}.png" if "." not in Path(image).name else image, material.left_out)
    if picture is None:
        return
    asked = BRACED.findall(question)
    words = cleaned(truth) if asked else TAG.sub(" ", question)
    given: Any = asked[0] if asked else truth
    if isinstance(given, list) and len(given) > 1 and len(numbers_in(given[0])) > 2:  # two numbers are a point of one outline
        material.left_out["sentences with several boxes"] += 1
        return
    box: Edges | None = None
    if isinstance(given, str):
        box = turned(numbers_in(given))
    else:
        size = size_of(reader, picture, material.left_out) if pixels else (100, 100)
        numbers = numbers_in(given)
        if size and len(numbers) in (4, 8):
            xs, ys = numbers[0::2], numbers[1::2]
            box = edges(min(xs), min(ys), max(xs), max(ys), *size)
    words = " ".join(words.split())
    if box is None or not words:
        material.left_out["sentences without a box or words"] += 1
        return
    group = cleaned(row.get("size_group", "")) or cleaned(row.get("type", ""))
    material.regions.append(Region(f"{source} {image} {row.get('question_id')}", image, picture, box, "", words, group))


def in_pixels(rows: Sequence[dict[str, Any]]) -> bool:
    """Lists of corners are in pixels when any number of the file is above 100; one row alone cannot tell."""
    return any(
        max(numbers_in(row.get("ground_truth")), default=0) > 100 for row in rows if isinstance(row.get("ground_truth"), list)
    )


def turned(numbers: Sequence[float]) -> Edges | None:
    """{<x0><y0><x1><y1>|<angle>} in 0 to 100, turned about its middle: the upright box around it."""
    if len(numbers) not in (4, 5):
        return None
    x0, y0, x1, y1 = numbers[:4]
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    angle = math.radians(numbers[4]) if len(numbers) == 5 else 0.0
    across, down = (x1 - x0) / 2, (y1 - y0) / 2
    wide = abs(across * math.cos(angle)) + abs(down * math.sin(angle))
    high = abs(across * math.sin(angle)) + abs(down * math.cos(angle))
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return corners([x - wide, y - high, x + wide, y + high], 100.0)


FORMAT = Format("geochat", "GeoChat-Bench", EXPECTED, ("questions", "regions"), lambda path: bool(files(path)), load)

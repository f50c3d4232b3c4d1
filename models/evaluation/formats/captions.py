"""Captions: the JSON of Karpathy's form (RSICD, RSITMD, UCM captions), and CSV with a file and a caption in each row."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from ....plugin.errors import GeoLoupeError
from ..forms import Plan
from ..records import Captioned, Material
from .base import Finder, Format, cleaned, column, files_like, read_json, read_table, roots, wrong

EXPECTED_JSON = 'a JSON file {"images": [{"filename", "split", "sentences": [{"raw"}]}]} and the pictures below the same folder'
EXPECTED_CSV = "a CSV file with a column for the file (filepath, filename) and one for the caption (title, caption)"
KIND = re.compile(r"([A-Za-z][A-Za-z_ -]*?)[_ -]?\d+$")
LEAST_NAMED = 0.5  # of the file names must have the form kind_number before it is believed


def json_file(path: Path) -> Path | None:
    """The annotation file: the one given, or the one in the folder that has this form."""
    for file in files_like(path, r".*\.json"):
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            start = stream.read(4096)
        if re.search(r'"(images|sentences|filename)"', start) and is_karpathy(file):
            return file
    return None


def is_karpathy(file: Path) -> bool:
    try:
        raw = read_json(file)
    except GeoLoupeError:  # a file of another kind is no error while looking
        return False
    images = raw.get("images") if isinstance(raw, dict) else None
    return isinstance(images, list) and any(isinstance(row, dict) and "sentences" in row for row in images[:20])


def load_json(path: Path, plan: Plan) -> Material:
    """Images of the split with their ``raw`` sentences; without any split in the file, all images."""
    file = json_file(path)
    if file is None:
        raise wrong(path, EXPECTED_JSON)
    rows = [row for row in read_json(file)["images"] if isinstance(row, dict)]
    splits = Counter(str(row.get("split", "")) for row in rows)
    material = Material()
    if any(splits) and plan.split not in splits:
        raise wrong(path, f"images with the split “{plan.split}”; the file has {', '.join(sorted(filter(None, splits)))}")
    finder = roots(file, plan, "images", "imgs", "RSICD_images")
    for row in rows:
        if any(splits) and row.get("split") != plan.split:
            continue
        sentences = [cleaned(one.get("raw", "")) for one in row.get("sentences", []) if isinstance(one, dict)]
        add(material, finder, str(row.get("filename", "")), sentences)
    material.notes.append(f"{file.name}, split {plan.split}" if any(splits) else f"{file.name}, which has no splits: all images")
    return with_kinds(material)


def add(material: Material, finder: Finder, name: str, sentences: list[str]) -> None:
    """One image; empty sentences are counted, and so is an image without any."""
    material.left_out["empty captions"] += sum(not text for text in sentences)
    texts = tuple(text for text in sentences if text)
    if not texts:
        material.left_out["images without a caption"] += 1
        return
    picture = finder.picture(name, material.left_out)
    if picture:
        material.captioned.append(Captioned(name, picture, texts))


def with_kinds(material: Material) -> Material:
    """The scene from the file name, as RSICD and RSITMD write it (airport_12.jpg), where most names have this form."""
    kinds = [kind_of(image.name) for image in material.captioned]
    known = sum(bool(kind) for kind in kinds)
    if known >= LEAST_NAMED * max(1, len(kinds)) and len(set(kinds)) > 1:
        material.captioned = [
            Captioned(image.name, image.picture, image.texts, kind) for image, kind in zip(material.captioned, kinds, strict=True)
        ]
        material.notes.append("kinds are taken from the file names")
    return material


def kind_of(name: str) -> str:
    found = KIND.match(name.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return found.group(1).rstrip("_ -").lower() if found else ""


def csv_file(path: Path) -> Path | None:
    """The CSV of the folder, the one that names a test split first."""
    found = [file for file in files_like(path, r".*\.(csv|tsv)") if has_columns(file)]
    return next((file for file in found if "test" in file.stem.lower()), found[0] if found else None)


def has_columns(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            head = stream.readline()
    except OSError:
        return False
    names = [name.strip().lower() for name in head.strip().split(max(",;\t|", key=head.count))]
    return bool(column(names, "file") and column(names, "text")) and not (column(names, "lat") and column(names, "lon"))


def load_csv(path: Path, plan: Plan) -> Material:
    """Rows of one file are the captions of one image."""
    file = csv_file(path)
    if file is None:
        raise wrong(path, EXPECTED_CSV)
    rows: list[dict[str, Any]] = list(read_table(file))
    material = Material(notes=[file.name])
    names = rows[0] if rows else {}
    name_column, text_column, split = column(names, "file"), column(names, "text"), column(names, "split")
    if not (name_column and text_column):
        raise wrong(path, EXPECTED_CSV)
    texts: dict[str, list[str]] = {}
    for row in rows:
        if not split or (row.get(split) or "").strip() == plan.split:
            texts.setdefault((row.get(name_column) or "").strip(), []).append(cleaned(row.get(text_column) or ""))
    finder = roots(file, plan, "images", "imgs")
    for name, sentences in texts.items():
        add(material, finder, name, sentences)
    return with_kinds(material)


KARPATHY = Format(
    "karpathy",
    "captions as JSON (RSICD, RSITMD, UCM captions)",
    EXPECTED_JSON,
    ("search",),
    lambda path: json_file(path) is not None,
    load_json,
)
CSV = Format("captions-csv", "captions as CSV", EXPECTED_CSV, ("search",), lambda path: csv_file(path) is not None, load_csv)

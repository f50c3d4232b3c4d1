"""PatternCom over PatternNet: for each attribute a CSV of filename, attribute, value."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from ..forms import Picture, Plan
from ..pictures import is_picture
from ..records import Composable, Material
from .base import Finder, Format, cleaned, files_like, walk, wrong

ATTRIBUTES = ("color", "context", "density", "existence", "quantity", "shape")
EXPECTED = (
    "the CSV files color, context, density, existence, quantity and shape (rows of filename, attribute, value; any of them) in"
    " the folder or its folder PatternCom, and the images of PatternNet below it"
)
LETTERS = re.compile(r"[^\d]+")


def tables(path: Path) -> list[Path]:
    """Only where pictures lie below as well: color.csv alone is nobody's."""
    return files_like(path, rf"({'|'.join(ATTRIBUTES)})\.csv", depth=1) if path.is_dir() else []


def load(path: Path, plan: Plan) -> Material:
    """Images with values, and all other images of PatternNet as candidates that are never right."""
    found = tables(path)
    if not found:
        raise wrong(path, EXPECTED)
    given = plan.extra.get("images")
    base = Path(str(given)) if given else path
    finder = Finder(base / "images", base)
    material = Material()
    used: set[Path] = set()
    for table in found:
        for row in rows_of(table):
            if row is None:
                material.left_out["rows without filename, attribute and value"] += 1
                continue
            name, value = row
            picture = finder.picture(name, material.left_out)
            if picture:
                used.add(Path(picture.path))
                material.composables.append(Composable(name, picture, kind_of(name), table.stem.lower(), value))
    others = [file for file in walk(base, is_picture) if file not in used]
    material.composables += [Composable(file.name, Picture(str(file)), kind_of(file.name), "", "") for file in others]
    material.notes.append(f"{', '.join(table.stem for table in found)}; {len(others)} images without values are candidates too")
    return material


def rows_of(table: Path) -> list[tuple[str, str] | None]:
    """File name and value of each row, None for a bad one; a header, where there is one, is left out."""
    with table.open(encoding="utf-8-sig", newline="") as stream:
        raw = [[cell.strip() for cell in row] for row in csv.reader(stream)]
    if raw and raw[0] and raw[0][0].lower() in ("filename", "file", "image"):
        raw = raw[1:]
    return [(Path(row[0]).name, cleaned(row[2])) if len(row) >= 3 and row[0] and row[2] else None for row in raw if any(row)]


def kind_of(name: str) -> str:
    """The class is the file name up to its first digit: airplane001.jpg is an airplane."""
    found = LETTERS.match(Path(name).stem)
    return found.group(0).strip("_- ").lower() if found else ""


FORMAT = Format("patterncom", "PatternCom over PatternNet", EXPECTED, ("composed",), lambda path: bool(tables(path)), load)

"""What a loader promises, and what all of them need: finding pictures, reading tables, edges of boxes."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....plugin.errors import GeoLoupeError
from ..forms import Edges, Picture, Plan
from ..pictures import UNREADABLE, Reader, is_picture
from ..records import Material

ALIASES = {
    "file": ("file", "filename", "file_name", "filepath", "image", "image_path", "path", "name", "img", "image_id"),
    "text": ("caption", "title", "text", "sentence", "raw", "description", "captions"),
    "lat": ("lat", "latitude", "y"),
    "lon": ("lon", "lng", "long", "longitude", "x"),
    "split": ("split", "subset"),
    "label": ("label", "class", "kind", "category", "scene"),
}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Format:
    """One published form of a data set. ``expected`` is what the folder must hold, in words for the user."""

    name: str
    title: str
    expected: str
    kinds: tuple[str, ...]
    recognises: Callable[[Path], bool]
    load: Callable[[Path, Plan], Material]


def wrong(path: Path, expected: str) -> GeoLoupeError:
    """The one sentence for a folder of another form."""
    return GeoLoupeError("usage", f"{path} does not look like this form of data: expected {expected}.")


class Finder:
    """Finds pictures by the names that annotations use: by their path, else by file name, else without the ending."""

    def __init__(self, *roots: Path) -> None:
        self.roots = [root for root in roots if root.is_dir()]
        self._by_name: dict[str, list[Path]] | None = None
        self._by_stem: dict[str, list[Path]] = {}

    def find(self, name: str) -> Path | None:
        """None when there is none, or when the name alone could mean several pictures in different folders."""
        relative = name.strip().replace("\\", "/").lstrip("/")
        if not relative or ".." in relative.split("/"):
            return None
        for root in self.roots:
            direct = root / relative
            if direct.is_file():
                return direct
        if self._by_name is None:
            self._look()
        base = relative.rsplit("/", 1)[-1]
        for table, key in ((self._by_name or {}, base), (self._by_stem, base), (self._by_stem, base.rsplit(".", 1)[0])):
            found = table.get(key, [])
            if len(found) > 1:
                ending = [path for path in found if path.as_posix().endswith("/" + relative)]
                found = ending or found
            if len(found) == 1:
                return found[0]
        return None

    def picture(self, name: str, left_out: Counter[str]) -> Picture | None:
        """The same as a Picture; one that is not there is counted."""
        found = self.find(name)
        if found is None:
            left_out["rows whose picture is not there"] += 1
            return None
        return Picture(str(found))

    def _look(self) -> None:
        self._by_name = {}
        seen = set()
        for root in self.roots:
            for path in walk(root):
                if path in seen:
                    continue
                seen.add(path)
                self._by_name.setdefault(path.name, []).append(path)
                self._by_stem.setdefault(path.stem, []).append(path)


def walk(root: Path, wanted: Callable[[Path], bool] = is_picture) -> Iterator[Path]:
    """Files below a folder, in a fixed order, hidden folders left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if wanted(path):
                yield path


def files_like(root: Path, pattern: str, depth: int = 2) -> list[Path]:
    """Files whose name fits, in the folder itself and ``depth`` folders down, sorted; a file given itself fits too."""
    if root.is_file():
        return [root] if re.fullmatch(pattern, root.name, re.IGNORECASE) else []
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        below = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(name for name in folders if below < depth and not name.startswith("."))
        found += [Path(folder) / name for name in sorted(files) if re.fullmatch(pattern, name, re.IGNORECASE)]
    return found


def root_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def roots(path: Path, plan: Plan, *names: str) -> Finder:
    """Pictures below ``--images`` where it is given, else in the named folders, else anywhere below."""
    base = root_of(path)
    given = plan.extra.get("images")
    return Finder(Path(str(given))) if given else Finder(*(base / name for name in names), base)


def read_json(path: Path) -> Any:
    """Raises GeoLoupeError when it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise GeoLoupeError("usage", f"{path} is not readable JSON: copy it again.", str(problem)) from problem


def read_lines(path: Path, left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    """Rows of a JSON lines file, or of a JSON list; a line that is no JSON object is counted."""
    text = path.read_text(encoding="utf-8-sig")
    if text.lstrip().startswith("["):
        rows = read_json(path)
    else:
        rows = []
        for line in text.splitlines():
            if line.strip():
                try:
                    rows.append(json.loads(line))
                except ValueError:
                    rows.append(None)
    for row in rows:
        if isinstance(row, dict):
            yield row
        else:
            left_out["lines that cannot be read"] += 1


def read_table(path: Path) -> list[dict[str, str]]:
    """A CSV file by its header, whatever separates its columns (comma, semicolon, tab); names in lower case."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        head = stream.readline()
        separator = max(",;\t|", key=head.count)
        stream.seek(0)
        rows = list(csv.reader(stream, delimiter=separator))
    if not rows:
        return []
    names = [name.strip().lower() for name in rows[0]]
    return [dict(zip(names, row, strict=False)) for row in rows[1:] if any(cell.strip() for cell in row)]


def column(names: Mapping[str, Any] | Sequence[str], meaning: str) -> str | None:
    """The column of a table that has this meaning, by its usual names."""
    return next((name for name in ALIASES[meaning] if name in names), None)


def edges(x0: float, y0: float, x1: float, y1: float, width: float = 1.0, height: float = 1.0) -> Edges | None:
    """A box in fractions of its picture, cut at its edges; None when nothing is left."""
    numbers = [x0 / width, y0 / height, x1 / width, y1 / height] if width > 0 and height > 0 else []
    if len(numbers) != 4 or not all(math.isfinite(number) for number in numbers):
        return None
    left, right = sorted((min(max(numbers[0], 0.0), 1.0), min(max(numbers[2], 0.0), 1.0)))
    top, bottom = sorted((min(max(numbers[1], 0.0), 1.0), min(max(numbers[3], 0.0), 1.0)))
    return (left, top, right, bottom) if right - left > 1e-6 and bottom - top > 1e-6 else None


def corners(numbers: Sequence[float], scale: float) -> Edges | None:
    """A box from two corners, or around four: numbers of x and y in turn, ``scale`` is what 1 is written as."""
    if len(numbers) not in (4, 8):
        return None
    xs, ys = [number / scale for number in numbers[0::2]], [number / scale for number in numbers[1::2]]
    return edges(min(xs), min(ys), max(xs), max(ys))


def numbers_in(value: Any) -> list[float]:
    """All numbers of a string or of nested lists, in order."""
    if isinstance(value, str):
        return [float(number) for number in NUMBER.findall(value)]
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in numbers_in(part)]
    return [float(value)] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def size_of(reader: Reader, picture: Picture, left_out: Counter[str]) -> tuple[int, int] | None:
    """Width and height; a picture that cannot be read is counted."""
    try:
        return reader.size(picture.path)
    except UNREADABLE:
        left_out["pictures that cannot be read"] += 1
        return None


def cleaned(text: Any) -> str:
    """One line of words; empty for what is no text."""
    return " ".join(str(text).split()) if isinstance(text, (str, int, float)) and not isinstance(text, bool) else ""

"""DIOR-RSVG: one XML for each image, and splits that count objects, not images."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree  # nosec B405 - parse refuses a file that declares entities
from pathlib import Path

from ....plugin.errors import GeoLoupeError
from ..forms import Edges, Plan
from ..pictures import Reader
from ..records import Material, Region
from .base import Format, cleaned, edges, files_like, roots, size_of, wrong

EXPECTED = "a folder Annotations of XML files, a folder JPEGImages, and test.txt (lines of running object numbers)"


def annotation_folder(path: Path) -> Path | None:
    for folder in (path / "Annotations", *sorted(path.glob("*/Annotations"))) if path.is_dir() else ():
        if folder.is_dir() and next(folder.glob("*.xml"), None):
            return folder
    return None


def recognises(path: Path) -> bool:
    folder = annotation_folder(path)
    if folder is None:
        return False
    first = min(folder.glob("*.xml"))
    return "<description>" in first.read_text(encoding="utf-8", errors="replace")


def load(path: Path, plan: Plan) -> Material:
    """Objects of the split: its lines are positions in the list of all objects of all files, sorted by file name, from 0."""
    folder = annotation_folder(path)
    if folder is None:
        raise wrong(path, EXPECTED)
    files = sorted(folder.glob("*.xml"), key=lambda file: file.name)
    lists = files_like(path, rf"{plan.split}\.txt")
    material, reader = Material(), Reader()
    wanted = numbers_of(lists[0]) if lists else None
    material.notes.append(f"{lists[0].name}: running numbers of objects" if lists else "no split file: all objects")
    finder = roots(path, plan, "JPEGImages")
    count = 0
    try:
        for file in files:
            root = parse(file)
            objects = root.findall("object")
            numbers = range(count, count + len(objects))
            count += len(objects)
            if wanted is not None and not wanted & set(numbers):
                continue
            image = cleaned(root.findtext("filename") or "") or f"{file.stem}.jpg"
            picture = finder.picture(image, material.left_out)
            if picture is None:
                continue
            size = (int(root.findtext("size/width") or 0), int(root.findtext("size/height") or 0))
            if min(size) < 1:
                size = size_of(reader, picture, material.left_out) or (0, 0)
            for number, thing in zip(numbers, objects, strict=True):
                box, words = box_of(thing, size), description(thing)
                if box is None or not words:
                    material.left_out["objects without a box or a description"] += 1
                    continue
                label = cleaned(thing.findtext("name") or "")
                # An object of another split is a candidate on its image, and is not asked.
                asked = wanted is None or number in wanted
                material.regions.append(Region(f"{image} {number}", image, picture, box, label, words if asked else ""))
    finally:
        reader.close()
    if wanted and max(wanted) >= count:
        raise GeoLoupeError(
            "usage",
            f"{lists[0].name} counts to {max(wanted)} and the annotations have {count} objects: copy all of Annotations.",
        )
    return material


def numbers_of(file: Path) -> set[int]:
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not all(line.isdigit() for line in lines):
        raise wrong(file, "lines of whole numbers (running numbers of objects, not names of images)")
    return {int(line) for line in lines}


def parse(file: Path) -> ElementTree.Element:
    """One unreadable file would shift every number after it, so it stops the run. Entities are refused, not expanded."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        if "<!ENTITY" in text or "<!DOCTYPE" in text:
            raise ValueError("it declares entities")
        return ElementTree.fromstring(text)  # nosec B314 - no entities are left to expand
    except (OSError, ValueError, ElementTree.ParseError) as problem:
        raise GeoLoupeError(
            "usage",
            f"{file.name} cannot be read, and without its objects the numbers of the split mean others: copy it again.",
            str(problem),
        ) from problem


def box_of(thing: ElementTree.Element, size: tuple[int, int]) -> Edges | None:
    """By tag, else the third child, as the published loader reads it."""
    box = thing.find("bndbox")
    box = box if box is not None else thing[2] if len(thing) > 2 else None
    if box is None or len(box) < 4:
        return None
    by_tag = [box.findtext(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    texts = by_tag if all(by_tag) else [child.text for child in box[:4]]
    try:
        x0, y0, x1, y1 = (float(text or "") for text in texts)
    except ValueError:
        return None
    return edges(x0, y0, x1, y1, *size)


def description(thing: ElementTree.Element) -> str:
    return cleaned(thing.findtext("description") or (thing[3].text if len(thing) > 3 else "") or "")


FORMAT = Format("dior-rsvg", "DIOR-RSVG", EXPECTED, ("regions",), recognises, load)

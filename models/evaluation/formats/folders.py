"""A folder for each kind: RESISC45, EuroSAT, AID, PatternNet, UC Merced, or any folder of folders with pictures."""

from __future__ import annotations

from pathlib import Path

from ..forms import Picture, Plan
from ..pictures import is_picture
from ..records import Material, Scene
from .base import Format, walk, wrong

EXPECTED = "one folder for each class with its pictures in it (at least two classes), such as AID/Airport/airport_1.jpg"


def class_folders(path: Path) -> list[Path]:
    """The folders that have pictures themselves."""
    if not path.is_dir():
        return []
    return [
        folder
        for folder in sorted(path.iterdir())
        if folder.is_dir() and not folder.name.startswith(".") and any(is_picture(file) for file in folder.iterdir())
    ]


def find(path: Path, split: str) -> tuple[Path, str]:
    """The folder of the class folders, and a note about the split; one folder in between (2750, Images) is stepped into."""
    if len(class_folders(path / split)) > 1:
        return path / split, f"the folder {split}"
    for folder in (path, *(sorted(path.iterdir()) if path.is_dir() else ())):
        if len(class_folders(folder)) > 1:
            return folder, "no split: all pictures"
        if len(class_folders(folder / split)) > 1:
            return folder / split, f"the folder {split}"
    return path, ""


def recognises(path: Path) -> bool:
    return len(class_folders(find(path, "test")[0])) > 1


def load(path: Path, plan: Plan) -> Material:
    """Every picture is a scene of its folder's kind."""
    root, note = find(path, plan.split)
    classes = class_folders(root)
    if len(classes) < 2:
        raise wrong(path, EXPECTED)
    scenes = [
        Scene(file.relative_to(root).as_posix(), Picture(str(file)), folder.name) for folder in classes for file in walk(folder)
    ]
    return Material(scenes=scenes, notes=[note])


FORMAT = Format("folders", "class folders (RESISC45, EuroSAT, AID, ...)", EXPECTED, ("scenes", "search"), recognises, load)

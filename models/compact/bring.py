"""Further sets of labelled pictures, made from ordinary clones of public repositories at the commits of sets.json.

    python models bring --clones DIR --to SETS [--only NAME,NAME] [--use train|apart] [--list FILE]

Writes SETS/train/NAME and SETS/apart/NAME in the form that ``further`` reads: train --further SETS/train, validate --extra
SETS/apart/NAME ... A clone lies at DIR/OWNER/NAME, DIR/NAME or DIR/NAME.git; a bare one does, and nothing is checked out.
A set whose pictures, labels and boxes are not those that were listed is an error. ``make`` says what a set of the list holds.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import random
import re
import shutil
import subprocess  # nosec B404: git reads the clone; a list of arguments, never a shell
import sys
import xml.etree.ElementTree as ElementTree  # nosec B405: voc refuses a file that declares entities
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from ...plugin.errors import GeoLoupeError

LISTED = Path(__file__).with_name("sets.json")
CARRIED = ("name", "repository", "commit", "path", "licence", "class", "gsd", "about", "kind")  # from the list into facts.json
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
BAND_GAIN = 2.5  # of reflectance bands, to true colour
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
Edges = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Labelled:
    """One picture as its repository describes it, not read yet."""

    name: str  # path that the name of the kept file comes from
    sources: Sequence[str]  # the file, or the red, green and blue band
    label: str = ""  # of a scene
    boxes: Sequence[Edges] = ()
    frame: tuple[float, float] | None = None  # width and height that the boxes are in; None: pixels


class Clone:
    """The files of one commit, read without checking them out."""

    def __init__(self, folder: Path, repository: str, commit: str) -> None:
        self.address = f"https://github.com/{repository}"
        git = shutil.which("git")
        if git is None:
            raise GeoLoupeError("setup_failed", "Install git: the sets are read from clones.")
        self.git = [git, f"--git-dir={folder / '.git' if (folder / '.git').exists() else folder}"]
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise GeoLoupeError("usage", f"{commit!r} is no full commit: write its 40 digits into the list.")
        command = [*self.git, "ls-tree", "-r", "-z", commit]
        found = subprocess.run(command, capture_output=True, check=False)  # nosec B603: fixed words
        if found.returncode:
            raise GeoLoupeError("bad_download", f"{folder} lacks commit {commit}: fetch it from {self.address}.")
        lines = [line.partition("\t") for line in found.stdout.decode("utf-8", "replace").split("\0")]
        self.blobs = {path: kind.split()[2] for kind, _, path in lines if kind.startswith("100")}  # plain files, no links

    def under(self, folders: Sequence[str]) -> list[str]:
        """The pictures below any of the folders, in the order of their names."""
        return sorted(path for path in self.blobs if path.startswith(tuple(folders)) and path.lower().endswith(PICTURES))

    def read(self, paths: Iterable[str]) -> Iterator[bytes]:
        """What is in each file. Raises GeoLoupeError where the clone lacks one."""
        command = [*self.git, "cat-file", "--batch"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # nosec B603: fixed words
            if process.stdin is None or process.stdout is None:
                raise GeoLoupeError("internal", "git was started without pipes.")
            for path in paths:
                process.stdin.write(self.blobs.get(path, "none").encode() + b"\n")
                process.stdin.flush()
                head = process.stdout.readline().split()
                if len(head) != 3:
                    raise GeoLoupeError("bad_download", f"The clone lacks {path}: clone {self.address} whole, without a filter.")
                yield process.stdout.read(int(head[2]))
                process.stdout.read(1)

    def text(self, path: str) -> str:
        return next(self.read([path])).decode("utf-8", "replace")


def find(clones: Path, repository: str) -> Path:
    """The clone of a repository. Raises GeoLoupeError with its address."""
    name = repository.partition("/")[2]
    for folder in (clones / repository, clones / f"{repository}.git", clones / name, clones / f"{name}.git"):
        if (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir()):
            return folder
    raise GeoLoupeError("usage", f"Clone https://github.com/{repository} into {clones / repository} and start again.")


def folders(clone: Clone, how: dict[str, Any]) -> Iterator[Labelled]:
    """A folder for every label; of each all, every so many, or some by chance."""
    chance, draw = random.Random(how.get("seed")), how.get("draw")  # nosec B311: a choice of pictures, no secret
    paths = clone.under(how["folders"])
    inside = {folder: [path for path in paths if PurePosixPath(path).parent.name == folder] for folder in how["labels"]}
    if draw is None:
        chosen = sorted(path for found in inside.values() for path in found)[:: how.get("every", 1)]
    elif draw == "shuffle":
        for found in inside.values():
            chance.shuffle(found)
        chosen = [path for found in inside.values() for path in found[: how["count"]]]
    else:
        chosen = [path for found in inside.values() for path in sorted(chance.sample(found, how["count"]))]
    yield from (Labelled(path, [path], how["labels"][PurePosixPath(path).parent.name]) for path in chosen)


def table(clone: Clone, how: dict[str, Any]) -> Iterator[Labelled]:
    """A CSV file with a row for every box, its corners written as numbers."""
    boxes: dict[str, list[Edges]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(clone.text(how["table"]))):
        boxes[PurePosixPath(row["image_id"]).stem].append(hull([float(one) for one in NUMBER.findall(row[how["column"]])]))
    for path in clone.under(how["folders"]):
        yield Labelled(path, [path], boxes=boxes.get(PurePosixPath(path).stem, []))


def voc(clone: Clone, how: dict[str, Any]) -> Iterator[Labelled]:
    """An XML file beside every picture, with the size of the picture that the boxes are in."""
    described = [(path, how["boxes"] + PurePosixPath(path).stem + ".xml") for path in clone.under(how["folders"])]
    described = [(path, words) for path, words in described if words in clone.blobs]
    for (path, words), text in zip(described, clone.read(words for _, words in described), strict=True):
        if b"<!ENTITY" in text:
            raise GeoLoupeError("bad_download", f"{words} declares entities, which no list of boxes needs: leave this set out.")
        top = ElementTree.fromstring(text)  # nosec B314: no entities are left to expand
        size = [float(top.findtext(f"size/{side}") or 0) for side in ("width", "height")]
        boxes = [
            hull([float(thing.findtext(f"bndbox/{edge}") or 0) for edge in ("xmin", "ymin", "xmax", "ymax")])
            for thing in top.iter("object")
        ]
        yield Labelled(path, [path], boxes=boxes, frame=(size[0], size[1]) if all(size) else None)


def yolo(clone: Clone, how: dict[str, Any]) -> Iterator[Labelled]:
    """A text file for every picture: class, middle and size, or class and corners, in shares of the picture."""
    described = [(path, str(PurePosixPath(path.replace("/images/", "/labels/")).with_suffix(".txt")))
                 for path in clone.under(how["folders"])]  # fmt: skip
    described = [(path, words) for path, words in described if words in clone.blobs]
    for (path, _), text in zip(described, clone.read(words for _, words in described), strict=True):
        boxes = []
        for line in text.decode("utf-8", "replace").splitlines():
            values = [float(value) for value in line.split()[1:]]
            if len(values) == 4:
                x, y, width, height = values
                boxes.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
            elif len(values) > 4:
                boxes.append(hull(values))
        yield Labelled(path, [path], boxes=boxes, frame=(1.0, 1.0))


def coco(clone: Clone, how: dict[str, Any]) -> Iterator[Labelled]:
    """One JSON file; ``made_of`` names the pictures to take, each with the file of its folder, or the bands, that show it."""
    described = json.loads(clone.text(how["table"]))
    lies = {PurePosixPath(path).name: path for path in clone.blobs}
    boxes: dict[int, list[Edges]] = defaultdict(list)
    for box in described["annotations"]:
        x, y, width, height = box["bbox"]
        boxes[box["image_id"]].append((x, y, x + width, y + height))
    for picture in described["images"]:
        made_of = how["made_of"].get(picture["file_name"])
        path = lies.get(picture["file_name"])
        if not made_of or not path:
            continue
        folder = str(PurePosixPath(path).parent)
        if isinstance(made_of, str):
            sources = [f"{folder}/{made_of}"]
        else:
            beside = [one for one in clone.under([folder + "/"]) if "tif" in one]
            sources = [next((one for one in beside if band in one), f"{folder}/{band}") for band in made_of]
        yield Labelled(path, sources, boxes=boxes[picture["id"]], frame=(picture["width"], picture["height"]))


FORMATS = {"folders": folders, "csv": table, "voc": voc, "yolo": yolo, "coco": coco}


def hull(corners: Sequence[float]) -> Edges:
    """The upright box around corners x, y, x, y, ...; two alone are the first and the last, and stay in that order."""
    if len(corners) == 4:  # a row with its corners in the wrong order is an error there, and is left out later
        return corners[0], corners[1], corners[2], corners[3]
    across, down = corners[0::2], corners[1::2]
    return min(across), min(down), max(across), max(down)


def kept_name(path: str, how: dict[str, Any]) -> str:
    """A plain file name: the last ``name_parts`` of the path, until ``name_until``, without any sign that means a place."""
    name = "_".join(PurePosixPath(path).parts[-how.get("name_parts", 1) :])
    suffix = ".png" if how.get("png") else PurePosixPath(name).suffix
    stem = name.partition(how["name_until"])[0] if "name_until" in how else PurePosixPath(name).stem
    plain = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in stem + suffix)
    return plain.lstrip(".") or "_"


def decoded(parts: Sequence[bytes]) -> Image.Image | None:
    """A picture, from its file or from its three 16-bit bands; None when it cannot be read."""
    try:
        pictures = [Image.open(io.BytesIO(part)) for part in parts]
        for picture in pictures:
            picture.load()
        if len(pictures) == 1:
            return pictures[0]
        bands = np.stack([np.asarray(picture, np.float64) for picture in pictures], axis=-1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return Image.fromarray((np.clip(bands / 65535 * BAND_GAIN, 0, 1) * 255).round().astype(np.uint8))


def fitted(one: Labelled, size: tuple[int, int], how: dict[str, Any]) -> list[list[Any]]:
    """The boxes in pixels of the picture, cut at its edges; those of ``above`` pixels or less either way are left out."""
    width, height = size
    right, down = (width / one.frame[0], height / one.frame[1]) if one.frame else (1.0, 1.0)
    kept = []
    for x0, y0, x1, y1 in one.boxes:
        edges = [max(0.0, x0 * right), max(0.0, y0 * down), min(width, x1 * right), min(height, y1 * down)]
        if edges[2] - edges[0] > how["above"] and edges[3] - edges[1] > how["above"]:
            kept.append([how["label"], *(round(float(edge), how.get("decimals", 6)) for edge in edges)])
    return kept


def digest(items: list[dict[str, Any]]) -> str:
    """What tells one list of pictures, labels and boxes from another."""
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()


def make(how: dict[str, Any], clone: Clone, folder: Path) -> list[dict[str, Any]]:
    """Write ``folder``/facts.json and images from one entry of the list; returns the items.

    An entry has ``format`` with what that format's function reads, ``folders`` or ``table``, and may have ``name_parts``,
    ``name_until``, ``png`` (write the picture anew), ``above``, ``decimals``, and ``pictures`` and ``digest`` to check by.
    Pictures that cannot be read, have no box left, or repeat a name are left out. Raises GeoLoupeError.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    try:
        found = list(FORMATS[how["format"]](clone, how))
    except (KeyError, ValueError, SyntaxError, csv.Error) as problem:
        reason = f"{how['name']} is not in the form that the list says: correct its entry, or leave it out with --only."
        raise GeoLoupeError("usage", reason, repr(problem)) from problem
    read = clone.read(path for one in found for path in one.sources)
    items: list[dict[str, Any]] = []
    seen = set()
    for one in found:
        parts = [next(read) for _ in one.sources]
        name = kept_name(one.name, how)
        picture = None if name.casefold() in seen else decoded(parts)
        if picture is None:
            continue
        told = {"label": one.label} if how["kind"] == "scenes" else {"boxes": fitted(one, picture.size, how)}
        if not any(told.values()):
            continue
        seen.add(name.casefold())
        if how.get("png"):
            picture.convert("RGB").save(folder / "images" / name)
        else:
            (folder / "images" / name).write_bytes(parts[0])
        items.append({"file": f"images/{name}", **told})
    if digest(items) != how.get("digest", digest(items)):
        raise GeoLoupeError(
            "bad_download", f"{how['name']} came out with {len(items)} pictures that are not the {how['pictures']} listed: "
            f"clone {clone.address} anew and start again.",
        )  # fmt: skip
    facts = {key: how.get(key) for key in CARRIED} | {"items": items}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return items


def there(folder: Path, how: dict[str, Any]) -> bool:
    """Whether the set was made before, as it is listed."""
    try:
        return digest(json.loads((folder / "facts.json").read_text(encoding="utf-8"))["items"]) == how.get("digest")
    except (OSError, ValueError, KeyError):
        return False


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--clones", type=Path, required=True, help="the folder of the clones")
    parser.add_argument("--to", type=Path, required=True, help="the folder to make the sets in")
    parser.add_argument("--only", default="", help="names of sets, with commas; all when not given")
    parser.add_argument("--use", choices=("train", "apart"), help="only the sets that training uses, or only those kept apart")
    parser.add_argument("--list", type=Path, default=LISTED, help="another list of sets")
    asked = parser.parse_args()
    listed = json.loads(asked.list.read_text(encoding="utf-8"))
    only = [name for name in asked.only.split(",") if name] or [how["name"] for how in listed]
    unknown = [name for name in only if name not in {how["name"] for how in listed}]
    if unknown:
        names = ", ".join(how["name"] for how in listed)
        parser.error(f"no set is called {', '.join(unknown)}: choose from {names}")
    failed = 0
    for how in listed:
        folder = asked.to / how["use"] / how["name"]
        if how["name"] not in only or asked.use not in (None, how["use"]) or there(folder, how):
            continue
        try:
            items = make(how, Clone(find(asked.clones, how["repository"]), how["repository"], how["commit"]), folder)
            sys.stdout.write(f"{how['name']}: {len(items)} pictures, licence class {how['class']}, in {folder}\n")
        except GeoLoupeError as problem:  # the others are still made
            sys.stderr.write(f"{how['name']}: {problem.message}\n")
            failed += 1
    return 1 if failed else 0

"""The training pictures, decoded once: memory-mapped arrays in a cache folder, and which of them are held out.

Files written: scenes.npy, trees.npy, crowns.npy, frames/NAME.npy (uint8, height, width, 3), roofs.json (roofs found by their
colour), annotations.json. Held out: every tenth scene image of a class, every tenth tree tile and crown image, two flights.
Further sets of pictures (see ``further.py``) stand beside them.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .further import Further, Stacked

HELD_OUT_FLIGHTS = ("DJI_0762", "MunichStreet02-MOS")
BUILT_SCENES = (
    "Industrial",
    "Commercial",
    "School",
    "DenseResidential",
    "MediumResidential",
    "SparseResidential",
    "Center",
    "RailwayStation",
    "Port",
    "Church",
    "Square",
    "Resort",
)
LONGEST_FRAME = 2000


def members(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name without its suffix and pixels of each picture in an archive."""
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is not None:
                picture = Image.open(io.BytesIO(stream.read())).convert("RGB")
                if max(picture.size) > LONGEST_FRAME:
                    picture.thumbnail((LONGEST_FRAME, LONGEST_FRAME), Image.Resampling.BOX)
                yield member.name.rsplit(".", 1)[0], np.asarray(picture)


def colour_masks(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
    """Where a picture is clearly blue, red or white; (height, width) bool each."""
    rgb = pixels.astype(np.float32) / 255
    top, low = rgb.max(-1), rgb.min(-1)
    spread = np.maximum(top - low, 1e-6)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    hue = (
        np.where(
            top == red,
            ((green - blue) / spread) % 6,
            np.where(top == green, (blue - red) / spread + 2, (red - green) / spread + 4),
        )
        / 6
    )
    saturation = spread / np.maximum(top, 1e-6)
    return {
        "blue": (hue > 0.53) & (hue < 0.68) & (saturation > 0.28) & (top > 0.25),
        "red": ((hue < 0.035) | (hue > 0.955)) & (saturation > 0.3) & (top > 0.3),
        "brown": (hue > 0.035) & (hue < 0.09) & (saturation > 0.3) & (top > 0.25) & (top < 0.6),
        "white": (saturation < 0.1) & (top > 0.86),
    }


def find_roofs(pixels: NDArray[np.uint8], smallest: int = 9) -> list[tuple[str, list[int]]]:
    """Compact spots of one clear colour: colour and box x0, y0, x1, y1 in pixels."""
    from scipy import ndimage

    found = []
    side = min(pixels.shape[:2])
    for colour, mask in colour_masks(pixels).items():
        labels, count = ndimage.label(ndimage.binary_opening(mask, np.ones((3, 3))))
        if not count:
            continue
        areas = np.bincount(labels.ravel())
        for number, where in enumerate(ndimage.find_objects(labels), 1):
            height, width = where[0].stop - where[0].start, where[1].stop - where[1].start
            long, short = max(height, width), min(height, width)
            if short >= smallest and long < 0.6 * side and long / short < 3.5 and areas[number] > 0.5 * height * width:
                found.append((colour, [where[1].start, where[0].start, where[1].stop, where[0].stop]))
    return found


def prepare(training: Path, cache: Path) -> None:
    """Decode everything into ``cache``; what is already there stays."""
    if (cache / "annotations.json").exists():
        return
    (cache / "frames").mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in (training / "scenes_aid_rsicd.jsonl").read_text(encoding="utf-8").splitlines()]
    pictures = dict(members(training / "scenes_aid_rsicd.tar"))
    scenes = [pictures[row["image"].rsplit(".", 1)[0]] for row in rows]
    np.save(cache / "scenes.npy", np.stack(scenes))
    names = sorted({row["class"] for row in rows})
    seen: dict[str, int] = defaultdict(int)
    held = []
    for row in rows:
        held.append(seen[row["class"]] % 10 == 4)
        seen[row["class"]] += 1
    roofs: list[dict[str, Any]] = []
    for number, (row, pixels) in enumerate(zip(rows, scenes, strict=False)):
        if row["class"] in BUILT_SCENES and not held[number]:
            roofs += [{"source": "scenes", "item": number, "colour": colour, "box": box} for colour, box in find_roofs(pixels)]

    points = json.loads((training / "trees_naip.json").read_text(encoding="utf-8"))
    trees = [(name, pixels) for name, pixels in members(training / "trees_naip.tar") if name in points]
    np.save(cache / "trees.npy", np.stack([pixels for _, pixels in trees]))
    crowns_of = json.loads((training / "tree_crowns.json").read_text(encoding="utf-8"))
    crowns = [(name, pixels) for name, pixels in members(training / "tree_crowns.tar") if name in crowns_of]
    np.save(cache / "crowns.npy", np.stack([pixels for _, pixels in crowns]))

    vehicles = json.loads((training / "vehicles.json").read_text(encoding="utf-8"))
    frames = []
    for name, pixels in members(training / "vehicles.tar"):
        if name not in vehicles:
            continue
        np.save(cache / "frames" / f"{name}.npy", pixels)
        height, width = pixels.shape[:2]
        boxes = [
            [kind, (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
            for kind, x, y, w, h in vehicles[name]["boxes"]
        ]
        out = name.startswith(HELD_OUT_FLIGHTS)
        frames.append({"name": name, "size": [width, height], "boxes": boxes, "held": out})
        if not out:
            roofs += [
                {"source": "frames", "item": len(frames) - 1, "colour": colour, "box": box}
                for colour, box in find_roofs(pixels, 36)
            ]
    (cache / "roofs.json").write_text(json.dumps(roofs), encoding="utf-8")
    (cache / "annotations.json").write_text(json.dumps({
        "classes": names, "scene_class": [names.index(row["class"]) for row in rows], "scene_held": held,
        "trees": [points[name] for name, _ in trees], "trees_held": [int(name.rsplit("_", 1)[1]) % 10 == 4 for name, _ in trees],
        "crowns": [crowns_of[name] for name, _ in crowns], "crowns_held": [int(name) % 10 == 4 for name, _ in crowns],
        "frames": frames,
    }), encoding="utf-8")  # fmt: skip


class Pictures:
    """The cache, opened: memory-mapped pixels and the annotations beside them.

    ``classes`` are the names of the scene data; ``all_classes`` also those of further sets. ``scenes[row]`` is one picture;
    rows of further sets come after those of the scene data. Classes ``left_out`` are never drawn.
    """

    def __init__(self, cache: Path, left_out: Sequence[str] = ()) -> None:
        self.facts = json.loads((cache / "annotations.json").read_text(encoding="utf-8"))
        self.classes: list[str] = self.facts["classes"]
        self.further = Further(cache, self.classes)
        self.all_classes = self.further.all_classes
        self.scenes = Stacked([np.load(cache / "scenes.npy", mmap_mode="r"), *self.further.scenes])
        self.trees = np.load(cache / "trees.npy", mmap_mode="r")
        self.crowns = np.load(cache / "crowns.npy", mmap_mode="r")
        self.frames = [np.load(cache / "frames" / f"{frame['name']}.npy", mmap_mode="r") for frame in self.facts["frames"]]
        self.roofs: list[dict[str, Any]] = json.loads((cache / "roofs.json").read_text(encoding="utf-8"))
        self.scene_class = np.array(self.facts["scene_class"])
        self.scene_held = np.array(self.facts["scene_held"])
        self.left_out = list(left_out)

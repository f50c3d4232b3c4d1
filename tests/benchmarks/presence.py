"""How often "probably nothing here" is right: phrases for things that are in a scene, and for things that are not.

What is there was judged by looking at the pictures. One number of the encoder's calibration was chosen on these scenes, so the
figures are given twice: as shipped, and with that number chosen anew for each scene on the other six. Needs GEOLOUPE_DATA.
"""

from __future__ import annotations

import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import imagery, save

from geoloupe.models import load_encoder
from geoloupe.plugin.retrieval.index import open_index
from geoloupe.plugin.retrieval.indexing import index_sources
from geoloupe.plugin.retrieval.pixel_source import SourceSpec
from geoloupe.plugin.retrieval.query import Query
from geoloupe.plugin.retrieval.search import search

NOWHERE = (
    "glacier", "aircraft carrier", "airport runway", "snow-covered mountain", "football stadium", "desert dunes", "coral reef",
    "ski slope", "volcano", "iceberg", "wind turbine", "solar farm", "roller coaster", "railway station", "golf course",
    "lighthouse", "baseball field", "tennis court", "cruise ship", "oil platform in the sea",
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """One raster, how large the things in it are (metres), what is there and what more is not."""

    name: str
    file: str
    object_size: float
    present: tuple[str, ...]
    absent: tuple[str, ...]


SCENES = (
    Scene(
        "town in Nepal", "oam_banepa/oam_banepa_z19.tif", 15.0,
        ("blue roof", "blue metal roof", "red roof", "road", "trees", "houses", "buildings", "bare ground",
         "dense residential area", "grass"),
        ("harbour", "river", "lake", "bridge", "storage tanks"),
    ),
    Scene(
        "prairie lakes", "naip_prairie_nd/m_4709963_se_14_1_20200831.tif", 300.0,
        ("lake", "pond", "farmland", "green field", "water"),
        ("harbour", "blue roof", "parking lot", "bridge", "storage tanks", "dense residential area"),
    ),
    Scene(
        "river with a bridge", "deepforest/5b90f92da0d7280005fab355_4310.tif", 20.0,
        ("bridge", "river", "parking lot", "cars", "road", "water", "trees"),
        ("farmland", "storage tanks"),
    ),
    Scene(
        "port", "spacenet_solaris/rgb_unmasked.tif", 150.0,
        ("harbour", "storage tanks", "ship", "water", "industrial area"),
        ("farmland", "forest"),
    ),
    Scene(
        "fields", "rio_tiler_edge_cases/pix4d_alpha_nodata.tif", 20.0,
        ("farmland", "crop field", "road"),
        ("harbour", "river", "parking lot", "storage tanks", "dense residential area"),
    ),
    Scene(
        "farms and woods", "qgis_swellendam/3420B_2010_328_RGB_LATLNG.tif", 200.0,
        ("farmland", "forest", "dirt road", "trees"),
        ("harbour", "parking lot", "storage tanks", "bridge", "dense residential area", "ship"),
    ),
    Scene(
        "open woodland", "deepforest/OSBS_029.tif", 6.0,
        ("trees", "forest", "bushes"),
        ("harbour", "road", "parking lot", "storage tanks", "river", "ship", "houses"),
    ),
)  # fmt: skip


def judge(scene: Scene, folder: Path, encoder: Any) -> dict[str, Any]:
    """Index one scene and ask every phrase; lists what came out wrong."""
    source = imagery() / scene.file  # type: ignore[operator]
    target = folder / f"{source.stem}.geoloupe"
    index_sources(target, [SourceSpec(uri=str(source))], encoder, object_size=scene.object_size)
    index = open_index(target)

    def sign(text: str) -> float:
        confidence = search(index, Query.from_json({"text": text}), encoder, count=10).presence.confidence
        return math.log(max(confidence, 1e-9) / max(1 - confidence, 1e-9))

    signs = {text: sign(text) for text in scene.present + NOWHERE + scene.absent}

    def likely(text: str) -> bool:
        return signs[text] >= 0

    return {
        "signs": [(value, text in scene.present) for text, value in signs.items()],
        "scene": scene.name,
        "present": len(scene.present),
        "present_called_absent": [text for text in scene.present if not likely(text)],
        "absent": len(NOWHERE + scene.absent),
        "absent_called_present": [text for text in NOWHERE + scene.absent if likely(text)],
    }


def left_out(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """The shares right of what is there and of what is not, each scene judged by the threshold that suits the others best."""
    right: dict[bool, list[bool]] = {True: [], False: []}
    for row in rows:
        others = [pair for other in rows if other is not row for pair in other["signs"]]

        def quality(limit: float, others: list[tuple[float, bool]] = others) -> float:
            shares = [[(value >= limit) == there for value, there in others if there is wanted] for wanted in (True, False)]
            return sum(sum(share) / len(share) for share in shares)

        limit = max((value for value, _ in others), key=quality)
        for value, there in row["signs"]:
            right[there].append((value >= limit) == there)
    return sum(right[True]) / len(right[True]), sum(right[False]) / len(right[False])


def main() -> int:
    if not imagery():
        print("presence: GEOLOUPE_DATA is not set, so there are no scenes to judge.", file=sys.stderr)
        return 0
    encoder = load_encoder("compact")
    with tempfile.TemporaryDirectory(prefix="geoloupe-bench-") as folder:
        rows = [judge(scene, Path(folder), encoder) for scene in SCENES]
    present, absent = sum(row["present"] for row in rows), sum(row["absent"] for row in rows)
    facts = {
        "present_right": 1 - sum(len(row["present_called_absent"]) for row in rows) / present,
        "absent_right": 1 - sum(len(row["absent_called_present"]) for row in rows) / absent,
        "present": present,
        "absent": absent,
    }
    facts["present_right_left_out"], facts["absent_right_left_out"] = left_out(rows)
    save("presence", {**facts, "scenes": [{key: value for key, value in row.items() if key != "signs"} for row in rows]})
    return 0


if __name__ == "__main__":
    sys.exit(main())

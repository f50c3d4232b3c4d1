"""How well an encoder finds labelled boxes of one raster: by words, by another box, and by a box with words.

    python tests/benchmarks/region_quality.py --raster R.tif --labels boxes.json --key roof \\
        --want blue --text "blue roof" --against building --from red --encoder compact [--pictures DIR --words road,trees]

The labels are a JSON list of objects with ``bbox`` (x0, y0, x1, y1 in pixels) and the key; or a YOLO text
file or a CSV with xmin, ymin, xmax, ymax, whose boxes are all called "thing" and stand among five times as many random boxes of
their sizes. Each box is read on a chip centred on it, in which its longer side is 79 of 224 pixels (magnified twice at most, as
the product reads it). Overlapping boxes never count as answers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import harness  # noqa: F401  makes ``geoloupe`` mean this checkout
import numpy as np
from numpy.typing import NDArray

from geoloupe.models import Box, Image, Interleaved, Text, load_encoder
from geoloupe.models.compact.figures.measures import average_precision, overlaps, precision_at, unit
from geoloupe.models.compact.figures.regions import FINEST, SHARE, background
from geoloupe.models.instructions import KIND


def read_chips(raster: Path, boxes: NDArray, side: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(n, side, side, 3) chips around the boxes and the boxes in 0..1 of them, (n, 1, 4)."""
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.windows import Window

    chips, places = [], []
    with rasterio.open(raster) as source:
        for x0, y0, x1, y1 in boxes:
            span = min(max(side * FINEST, max(x1 - x0, y1 - y0) / SHARE), source.width, source.height)
            left = float(np.clip((x0 + x1 - span) / 2, 0, source.width - span))
            top = float(np.clip((y0 + y1 - span) / 2, 0, source.height - span))
            bands = [1, 2, 3] if source.count >= 3 else [1, 1, 1]
            pixels = source.read(
                bands,
                window=Window(left, top, span, span),
                out_shape=(3, side, side),
                resampling=Resampling.average if span > side else Resampling.bilinear,
            )
            chips.append(pixels.transpose(1, 2, 0).astype(np.uint8))
            places.append([[(x0 - left) / span, (y0 - top) / span, (x1 - left) / span, (y1 - top) / span]])
    return np.stack(chips), np.clip(np.array(places, np.float32), 0, 1)


def read_labels(path: Path, raster: Path) -> list[dict[str, Any]]:
    """The labelled boxes of a file; see the top of this file for the kinds."""
    import csv

    import rasterio

    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    with rasterio.open(raster) as source:
        width, height = source.width, source.height
    if path.suffix == ".csv":
        with path.open(encoding="utf-8") as stream:
            boxes = [[float(row[name]) for name in ("xmin", "ymin", "xmax", "ymax")] for row in csv.DictReader(stream)]
    else:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [[float(value) for value in line.split()] for line in lines if line.strip()]
        boxes = [[(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height] for _, x, y, w, h in rows]
    kept = np.clip(np.array(boxes), 0, [width, height, width, height])
    kept = kept[((kept[:, 2:] - kept[:, :2]) >= 4).all(1)]
    things = [{"bbox": box.tolist(), "label": "thing"} for box in kept]
    return things + [{"bbox": box.tolist(), "label": "none"} for box in background(kept, (height, width))]


def measure(encoder: Any, raster: Path, labels: list[dict[str, Any]], given: argparse.Namespace) -> dict[str, Any]:
    """All figures of one run."""
    boxes = np.array([row["bbox"] for row in labels], float)
    names = np.array([str(row.get(given.key)) for row in labels])
    chips, places = read_chips(raster, boxes, encoder.card.chip_size)
    began = time.perf_counter()
    plain = encoder.encode_regions(chips, places)[:, 0]
    seconds = time.perf_counter() - began
    truth = names == given.want
    texts = [given.text, *given.against]
    vectors = encoder.encode([Interleaved([Text(text)]) for text in texts])
    apart = ~overlaps(boxes)
    found: dict[str, Any] = {
        "n": len(boxes),
        "right": int(truth.sum()),
        "chance": round(float(truth.mean()), 4),
        "chips_per_second": round(len(boxes) / seconds, 1),
    }
    found["text_ap"] = dict(zip(texts, (round(average_precision(plain @ vector, truth), 3) for vector in vectors), strict=True))
    same = plain @ plain.T
    right = np.flatnonzero(truth)
    found["box_p10"] = summary([precision_at(same[row], truth, apart[row]) for row in right])
    start = np.flatnonzero(names == given.start) if given.start else []
    if len(start):

        def compose(words: list[Any], instruction: str | None = None) -> NDArray:
            return encoder.encode(
                [Interleaved([Image(chips[row]), Box(*map(float, places[row, 0])), *words], instruction) for row in start]
            )

        ways = {
            "box_and_text": compose([Text(given.text)]),
            "box_and_but_text": compose([Text(f"but {given.want}")]),
            "box": plain[start],
            "text": np.repeat(vectors[:1], len(start), 0),
        }
        ways["average_of_two"] = unit(unit(ways["box"]) + unit(ways["text"]))
        found["from"] = {"n": len(start), "label": given.start}
        for way, queries in ways.items():
            found["from"][way] = at_ten(plain, queries, truth, apart[start])
        own = names == given.start
        found["from"]["own_label_by_box"] = at_ten(plain, plain[start], own, apart[start])
        found["from"]["own_label_by_kind"] = at_ten(plain, compose([], KIND), own, apart[start])
        for way, queries in ways.items():
            found["from"][way]["ap"] = round(float(np.mean([average_precision(plain @ query, truth) for query in queries])), 3)
    return found


def at_ten(plain: NDArray, queries: NDArray, truth: NDArray[np.bool_], apart: NDArray[np.bool_]) -> dict[str, float]:
    """Precision at 10 of many queries, each with the boxes that it may find."""
    return summary([precision_at(plain @ query, truth, allowed) for query, allowed in zip(queries, apart, strict=True)])


def summary(values: list[float]) -> dict[str, float]:
    """Mean and median."""
    return {"mean": round(float(np.mean(values)), 3), "median": round(float(np.median(values)), 3)}


def scan(encoder: Any, raster: Path, gsd: float) -> tuple[NDArray[np.uint8], NDArray, NDArray]:
    """All quarter regions of all chips of a raster: thumbnails, vectors (n, dim), where (n, 3): x, y, span in pixels."""
    import rasterio
    from rasterio.enums import Resampling

    side = encoder.card.chip_size
    with rasterio.open(raster) as source:
        native = abs(source.transform.a) if not source.crs or source.crs.is_projected else abs(source.transform.a) * 111_000
        width, height = int(source.width * native / gsd), int(source.height * native / gsd)
        bands = [1, 2, 3] if source.count >= 3 else [1, 1, 1]
        pixels = (
            source.read(bands, out_shape=(3, height, width), resampling=Resampling.average).transpose(1, 2, 0).astype(np.uint8)
        )
    starts = [(x, y) for y in range(0, max(1, height - side + 1), side) for x in range(0, max(1, width - side + 1), side)]
    chips = np.stack([fit(pixels[y : y + side, x : x + side], side) for x, y in starts])
    keep = [number for number, chip in enumerate(chips) if ((chip.min(-1) > 250) | (chip.max(-1) < 5)).mean() < 0.1]
    cells = np.array([[x / 8, y / 8, x / 8 + 0.25, y / 8 + 0.25] for y in range(7) for x in range(7)], np.float32)
    vectors = encoder.encode_regions(chips[keep], np.repeat(cells[None], len(keep), 0))
    quarter = side // 4
    thumbs = np.stack([chips[n][int(c[1] * side) :, int(c[0] * side) :][:quarter, :quarter] for n in keep for c in cells])
    where = np.array([[starts[n][0] + c[0] * side, starts[n][1] + c[1] * side, quarter] for n in keep for c in cells])
    return thumbs, vectors.reshape(-1, vectors.shape[-1]), where


def fit(part: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Black where a raster is smaller than a chip."""
    whole = np.zeros((side, side, 3), np.uint8)
    whole[: part.shape[0], : part.shape[1]] = part
    return whole


def pictures(encoder: Any, raster: Path, words: list[str], gsd: float, to: Path) -> dict[str, list[float]]:
    """One PNG a word with its best sixteen regions (no overlaps); the best scores by word."""
    from PIL import Image as Picture

    thumbs, vectors, where = scan(encoder, raster, gsd)
    to.mkdir(parents=True, exist_ok=True)
    best: dict[str, list[float]] = {}
    rows = []
    for word, query in zip(words, encoder.encode([Interleaved([Text(word)]) for word in words]), strict=False):
        scores = vectors @ query
        chosen: list[int] = []
        for number in np.argsort(-scores):
            if all(np.abs(where[number, :2] - where[other, :2]).max() >= where[number, 2] * 0.75 for other in chosen):
                chosen.append(int(number))
            if len(chosen) == 16:
                break
        best[word] = [round(float(scores[chosen[0]]), 3), round(float(np.median(scores)), 3)]
        rows.append(np.concatenate([thumbs[number] for number in chosen], 1))
    Picture.fromarray(np.concatenate(rows)).save(to / f"{raster.stem}_words.png")
    return best


def main() -> None:
    """The command line; prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raster", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--key", default="roof")
    parser.add_argument("--want", default="blue")
    parser.add_argument("--text", default="blue roof")
    parser.add_argument("--against", nargs="*", default=["building"])
    parser.add_argument("--from", dest="start", default="red")
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--words", default="")
    parser.add_argument("--gsd", type=float, default=0.5)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()

    encoder = load_encoder(given.encoder, "cpu")
    found: dict[str, Any] = {}
    if given.labels:
        found = measure(encoder, given.raster, read_labels(given.labels, given.raster), given)
    if given.pictures:
        found["words"] = pictures(encoder, given.raster, given.words.split(","), given.gsd, given.pictures)
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()

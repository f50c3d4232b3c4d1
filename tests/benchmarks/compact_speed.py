"""The compact encoder's chips a second with all 46 regions of a chip, against a random ViT-B/32 that gives one image vector.

Every graph and the ViT (fp32, made here with torch) take turns in short blocks of one run, with the same number of threads, so
that noise on the machine strikes all. Processor time is reported beside wall time: on a busy machine it is the fairer of the two.
The fidelity of each graph to the one in full precision is measured on real chips where there is imagery, else on a drawn town.

python compact_speed.py [--encoder compact] [--graph FILE ...] [--threads 1 2] [--batch 1 8] [--rows FILE]

``--graph`` adds graphs of regions to those of the encoder; ``--rows`` writes the rows for ``python models validate --speed``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import rasterio
from harness import imagery, save, scene, timed
from numpy.typing import NDArray

from geoloupe.models import Interleaved, Text, load_encoder
from geoloupe.models.compact.encoder import chips_a_run, region_graph
from geoloupe.models.onnx_runtime import CPU, session_options
from geoloupe.plugin.retrieval.grid import Grid, Scale

SIDE = 224
EXACT = "chips.onnx"
VIT = "ViT-B/32"
GOAL = 4.0
WORDS = ("a road", "trees", "a red roof", "a car", "water", "a field", "bare ground", "a building")


@dataclass
class Contender:
    """Something that reads chips; ``run`` takes (n, SIDE, SIDE, 3) uint8."""

    name: str
    run: Callable[[NDArray[np.uint8]], Any]
    wall: list[float] = field(default_factory=list)  # seconds a chip, by block
    cpu: list[float] = field(default_factory=list)


def layout() -> NDArray[np.float32]:
    """The regions of a chip inside a raster at full overlap, in 0..1 of the chip (46, 4)."""
    grid = Grid(8 * SIDE, 8 * SIDE, 1.0, Scale(1.0), SIDE)
    chip = grid.chip(4, 4)
    windows, _ = grid.regions(chip)
    corner = np.array([chip.window.x0, chip.window.y0] * 2)
    return ((windows - corner) / SIDE).astype(np.float32)


def cut(path: Path, count: int, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Up to ``count`` windows of a raster of three 8-bit bands that are not of one colour."""
    with rasterio.open(path) as raster:
        if raster.count < 3 or raster.dtypes[0] != "uint8" or min(raster.shape) < SIDE:
            return []
        found = []
        for _ in range(4 * count):
            x, y = (int(rng.integers(length - SIDE + 1)) for length in (raster.width, raster.height))
            pixels = raster.read([1, 2, 3], window=((y, y + SIDE), (x, x + SIDE))).transpose(1, 2, 0)
            if pixels.std() > 12 and (pixels.max(-1) == 0).mean() < 0.2 and len(found) < count:
                found.append(pixels)
    return found


def real_chips(count: int, folder: Path) -> NDArray[np.uint8]:
    """Chips of every picture of the imagery, in turn; of a drawn town where there is none."""
    rng = np.random.default_rng(2)
    data = imagery()
    paths = sorted([*data.rglob("*.tif"), *data.rglob("*.png")]) if data else []
    views = [cut(path, count, rng) for path in paths]
    if not any(views):
        views = [cut(scene.write_town(folder / "town.tif", width=2048, height=2048).path, count, rng)]
    turns = [view[number] for number in range(count) for view in views if number < len(view)]
    return np.stack(turns[:count])


def vit(path: Path) -> None:
    """Write a ViT-B/32 of random weights at 224 pixels, fp32, pixels (n, 3, 224, 224) -> (n, 512)."""
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self, width: int = 768, heads: int = 12) -> None:
            super().__init__()
            self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
            self.attend, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Tensor) -> Tensor:
            parts = self.attend(self.norm1(x)).chunk(3, -1)
            query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
            seen = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
            x = x + self.project(seen)
            return x + self.down(functional.gelu(self.up(self.norm2(x))))

    class Vit(nn.Module):
        def __init__(self, width: int = 768) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, width, 32, 32)
            self.first, self.place = (nn.Parameter(torch.randn(1, count, width) * 0.02) for count in (1, 50))
            self.layers, self.norm = nn.Sequential(*(Block() for _ in range(12))), nn.LayerNorm(width)
            self.out = nn.Linear(width, 512, bias=False)

        def forward(self, pixels: Tensor) -> Tensor:
            x = self.patch(pixels).flatten(2).transpose(1, 2)
            x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.place
            return functional.normalize(self.out(self.norm(self.layers(x)[:, 0])), dim=-1)

    torch.manual_seed(0)
    program = torch.onnx.export(
        Vit().eval(), (), kwargs={"pixels": torch.zeros(2, 3, SIDE, SIDE)}, opset_version=23, dynamo=True, verbose=False,
        dynamic_shapes={"pixels": {0: torch.export.Dim("n", min=1, max=64)}},
    )  # fmt: skip
    if program is None:
        raise SystemExit("torch could not export the ViT.")
    program.save(str(path))


def open_graph(path: Path, threads: int) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), session_options(threads), providers=[CPU])


def regions(
    session: onnxruntime.InferenceSession, boxes: NDArray[np.float32], most: int
) -> Callable[[NDArray[np.uint8]], NDArray]:
    """All regions of chips, as many chips in one run as the encoder takes."""

    def run(chips: NDArray[np.uint8]) -> NDArray:
        parts = [chips[start : start + most] for start in range(0, len(chips), most)]
        return np.concatenate([session.run(None, {"chips": part, "boxes": np.stack([boxes] * len(part))})[0] for part in parts])

    return run


def contenders(graphs: list[Path], other: Path, threads: int) -> list[Contender]:
    """The ViT first, then every graph."""
    session, boxes = open_graph(other, threads), layout()

    def one_vector(chips: NDArray[np.uint8]) -> Any:
        return session.run(None, {"pixels": (chips.transpose(0, 3, 1, 2) / np.float32(127.5) - 1).astype(np.float32)})

    most = chips_a_run(threads)
    return [
        Contender(VIT, one_vector),
        *(Contender(path.name, regions(open_graph(path, threads), boxes, most)) for path in graphs),
    ]


def race(found: list[Contender], chips: NDArray[np.uint8], blocks: int, seconds: float) -> dict[str, Any]:
    """Blocks in turn, each of ``seconds`` of processor time; medians over blocks, ratios within a block."""
    for one in found:
        one.run(chips)
    for _ in range(blocks):
        for one in found:
            wall = cpu = 0.0
            read = 0
            while cpu < seconds:
                spent = timed(lambda run=one.run: run(chips))
                wall, cpu, read = wall + spent.wall, cpu + spent.cpu, read + len(chips)
            one.wall.append(wall / read)
            one.cpu.append(cpu / read)
    first = found[0]
    return {
        one.name: {
            "chips_per_second": round(1 / statistics.median(one.wall), 1),
            "from_to": [round(1 / max(one.wall), 1), round(1 / min(one.wall), 1)],
            "cpu_ms_per_chip": round(1000 * statistics.median(one.cpu), 2),
            "least_cpu_ms": round(1000 * min(one.cpu), 2),
            "ratio_wall": round(statistics.median(a / b for a, b in zip(first.wall, one.wall, strict=True)), 2),
            "ratio_cpu": round(statistics.median(a / b for a, b in zip(first.cpu, one.cpu, strict=True)), 2),
        }
        for one in found
    }


def fidelity(exact: NDArray[np.float32], other: NDArray[np.float32], queries: NDArray[np.float32]) -> dict[str, Any]:
    """Cosines to the vectors in full precision (chips, regions, dim), and how the first ten hits of the queries (n, dim) fare."""
    cosines = (exact * other).sum(-1)
    first, second = exact.reshape(-1, exact.shape[-1]), other.reshape(-1, exact.shape[-1])
    same, shared, lost = [], [], [0.0]
    for query in queries:
        scores, others = first @ query, second @ query
        wanted, got = (set(np.argsort(-found)[:10].tolist()) for found in (scores, others))
        same.append(wanted == got)
        shared.append(len(wanted & got) / 10)
        lost += [float(np.sort(scores)[-10] - scores[place]) for place in got - wanted]
    return {
        "regions": len(first),
        "cosine_least": round(float(cosines.min()), 6),
        "cosine_mean": round(float(cosines.mean()), 6),
        "queries": len(queries),
        "same_first_ten": round(float(np.mean(same)), 3),
        "of_ten_shared": round(float(np.mean(shared)), 4),
        "most_score_lost": round(max(lost), 5),
    }


def queries(encoder: Any, exact: NDArray[np.float32]) -> NDArray[np.float32]:
    """Words for everyday things and as many regions, as query vectors."""
    path = encoder.folder / str(encoder.card.extra.get("background_phrases"))
    words = path.read_text(encoding="utf-8").splitlines() if path.is_file() else list(WORDS)
    flat = exact.reshape(-1, exact.shape[-1])
    chosen = np.random.default_rng(1).choice(len(flat), min(len(words), len(flat)), replace=False)
    return np.concatenate([encoder.encode([Interleaved([Text(text)]) for text in words]), flat[chosen]])


def rows(facts: dict[str, Any], shipped: str, blocks: int) -> list[dict[str, Any]]:
    """The figures of the shipped graph as rows of the table of figures."""
    found = []
    for name, by_batch in facts["speed"].items():
        one = by_batch[shipped]
        row = {"n": blocks, "goal": GOAL, "prototype": "2.8 x fp32, 4.1 x int8 (14 regions)"}
        row["what"] = f"chips per second with all their regions (46), against ViT-B/32 at 224 (fp32, image vector only), {name}"
        row["figure"] = one["ratio_cpu"]
        full = f"in full precision {by_batch[EXACT]['ratio_cpu']}"
        row["note"] = f"Ratio of processor times, median of n alternating blocks; of wall times {one['ratio_wall']}; {full}."
        row["command"] = "python tests/benchmarks/compact_speed.py"
        found.append(row)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--encoder", default="compact", help="an encoder of the catalogue, or a folder")
    parser.add_argument("--graph", type=Path, nargs="*", default=[], help="further graphs of regions")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--chips", type=int, default=48, help="for the fidelity")
    parser.add_argument("--rows", type=Path, help="write the rows for validate --speed here")
    given = parser.parse_args()
    encoder: Any = load_encoder(given.encoder, "cpu")
    shipped = region_graph(encoder.card)
    graphs = [encoder.folder / name for name in dict.fromkeys([EXACT, shipped])] + given.graph
    facts: dict[str, Any] = {"shipped": shipped, "regions_of_a_chip": len(layout()), "speed": {}}
    with tempfile.TemporaryDirectory() as folder:
        chips = real_chips(given.chips, Path(folder))
        exact, *others = (regions(open_graph(path, 1), layout(), 2)(chips) for path in graphs)
        asked = queries(encoder, exact)
        facts["fidelity"] = {path.name: fidelity(exact, other, asked) for path, other in zip(graphs[1:], others, strict=True)}
        vit(Path(folder) / "vit.onnx")
        for threads in given.threads:
            for batch in given.batch:
                found = contenders(graphs, Path(folder) / "vit.onnx", threads)
                name = f"batch of {batch}, {threads} thread{'s' * (threads > 1)}"
                facts["speed"][name] = race(found, chips[:batch], given.blocks, given.seconds)
    save("compact_speed", facts)
    if given.rows:
        given.rows.write_text(json.dumps(rows(facts, shipped, given.blocks), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Train the compact encoder: one command, on a CPU or a GPU, that can be stopped and resumed.

    python models train --data ../shared/training --out DIR --minutes 100 [--further SETS] [--device auto] [--resume]

DIR receives cache/ (decoded once), checkpoint.pt every few minutes and curves.csv. Chips are 160 pixels at first, then 224.
What is shipped is the moving average of the weights.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.utils.data import DataLoader, IterableDataset

from . import further, images, places, text_data
from .architecture import FROZEN, CompactNetwork, to_pixels
from .batches import Batches, Mix
from .curves import EVERY, Curves
from .losses import WEIGHTS, Heads, step_losses

SMALL_SIDE, FULL_SIDE = 160, 224
SMALL_SHARE = 0.5  # of the time, at the small side
AVERAGED = 0.998  # of the moving average stays in a step
RATE, STEM_RATE, SCALE_RATE, WARM_UP, LAST = 1e-3, 2.5e-4, 3e-3, 40, 0.03
SAVE_SECONDS = 120


class Stream(IterableDataset):
    """Batches for the loader's process."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def new_network(cache: Path, training: Path) -> CompactNetwork:
    """Untrained, but for the ImageNet stem and the teacher's word table."""
    table = torch.from_numpy(np.load(cache / "table.npy"))
    network = CompactNetwork(len(table))
    network.words.weight.data.copy_(table)
    stem = torch.load(training / "mobilenet_v2_imagenet" / "mobilenet_v2_imagenet_fp16.pt", weights_only=True)
    wanted = {name[5:]: name for name in network.state_dict() if name.startswith("stem.f.")}
    weights = {"stem." + name: value.float() for name, value in stem.items() if name in wanted}
    if len(weights) != len(wanted):
        raise ValueError("The MobileNetV2 weights do not fit this stem.")
    network.load_state_dict(weights, strict=False)
    return network.to(memory_format=torch.channels_last)


def as_it_came(network: CompactNetwork) -> Callable[[torch.Tensor], torch.Tensor]:
    """The ImageNet stem of an untrained network, to its stride 16: chips uint8 (B, S, S, 3) -> (B, 96, S / 16, S / 16)."""
    blocks = copy.deepcopy(network.stem.f[:14]).requires_grad_(False)

    @torch.no_grad()
    def maps(chips: torch.Tensor) -> torch.Tensor:
        with torch.autocast(chips.device.type, torch.bfloat16):
            return blocks(to_pixels(chips))

    return maps


def optimiser(network: CompactNetwork, heads: Heads) -> torch.optim.AdamW:
    """Groups with their own rates: stem, matrices, vectors and word table, scales."""
    for block in network.stem.f[:FROZEN]:
        block.requires_grad_(False)
    groups: dict[str, list] = {"stem": [], "matrix": [], "plain": []}
    for name, value in [*network.named_parameters(), *heads.teacher.named_parameters(), *heads.globe.named_parameters()]:
        if value.requires_grad:
            groups[
                "stem" if name.startswith("stem.f.") else "matrix" if value.ndim > 1 and "word" not in name else "plain"
            ].append(value)
    return torch.optim.AdamW([
        {"params": groups["stem"], "rate": STEM_RATE, "weight_decay": 0.05},
        {"params": groups["matrix"], "rate": RATE, "weight_decay": 0.05},
        {"params": groups["plain"], "rate": RATE, "weight_decay": 0.0},
        {"params": [heads.scale], "rate": SCALE_RATE, "weight_decay": 0.0},
        {"params": [heads.offset], "rate": 10 * SCALE_RATE, "weight_decay": 0.0},
    ], lr=RATE, betas=(0.9, 0.98), fused=True)  # fmt: skip


def rate_share(step: int, done: float) -> float:
    """Warm-up by steps, then a cosine over the share of the time that is done."""
    return min(1.0, (step + 1) / WARM_UP) * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def loader(batches: Batches) -> DataLoader:
    """Batches made in a process of their own."""

    def settle(_: int) -> None:
        torch.set_num_threads(1)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, range(os.cpu_count() or 1))

    return DataLoader(Stream(batches), batch_size=None, num_workers=1, prefetch_factor=4, worker_init_fn=settle)


@dataclass(frozen=True)
class Plan:
    """Everything that decides a run but the data. ``left_out``: scene classes that are neither shown nor named; ``apart``:
    further sets that are not trained on; ``start``: a checkpoint to begin with instead of ImageNet and the word table."""

    minutes: float
    seed: int = 1
    mix: Mix = field(default_factory=Mix)
    sides: tuple[int, int] = (SMALL_SIDE, FULL_SIDE)
    left_out: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    rate: float = 1.0  # share of the usual learning rates, for a leg that goes on from another run
    start: str = ""  # the checkpoint of that run


def prepare(training: Path, cache: Path, sets: Path | None, apart: Sequence[str]) -> None:
    """Decode pictures, words and places into the cache, once."""
    cache.mkdir(parents=True, exist_ok=True)
    further.prepare(sets, cache, apart)
    if places.WORLD_MAP.exists():
        places.prepare(cache)
    else:
        sys.stderr.write("No world map of QGIS here: this encoder will not know places.\n")
    images.prepare(training, cache)
    text_data.prepare(training, cache)


def train(
    training: Path,
    out: Path,
    plan: Plan,
    sets: Path | None = None,
    device: str = "auto",
    resume: bool = False,
    processes: int = 1,
    threads: int = 1,
) -> Path:
    """Train for ``plan.minutes`` of wall time (what an earlier, resumed run took counts) and return the checkpoint's path.

    Several processes each take their own batches and average their gradients: on CPU cores that is faster than threads. They are
    forked, so there is one process only where a system cannot fork.
    """
    prepare(training, out / "cache", sets, plan.apart)
    (out / "meeting").unlink(missing_ok=True)
    if processes == 1:
        run(0, 1, training, out, plan, device, resume, threads)
    else:
        mp.start_processes(run, (processes, training, out, plan, device, resume, threads), processes, start_method="fork")
    return out / "checkpoint.pt"


def run(rank: int, processes: int, training: Path, out: Path, plan: Plan, device: str, resume: bool, threads: int) -> None:
    """One process of the training; the first writes checkpoint and curves."""
    if processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{(out / 'meeting').resolve()}", rank=rank, world_size=processes)
    torch.set_num_threads(threads)
    torch.manual_seed(plan.seed)
    cache = out / "cache"
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network, heads = new_network(cache, training).to(where), Heads().to(where)
    first = as_it_came(network)
    average = copy.deepcopy(network).requires_grad_(False)
    steps = optimiser(network, heads)
    checkpoint = out / "checkpoint.pt"
    step, spent, chips = 0, 0.0, 0
    if resume and checkpoint.exists():
        kept = torch.load(checkpoint, map_location=where, weights_only=True)
        network.load_state_dict(kept["last"])
        average.load_state_dict(kept["network"])
        heads.load_state_dict(kept["heads"])
        steps.load_state_dict(kept["optimiser"])
        for group in steps.param_groups:
            group["fused"] = True
        step, spent, chips = kept["step"], kept["spent"], kept["chips"]
    elif plan.start:
        kept = torch.load(plan.start, map_location=where, weights_only=True)
        network.load_state_dict(kept["network"])
        average.load_state_dict(kept["network"])
        heads.load_state_dict(kept["heads"])

    def keep() -> None:
        save(checkpoint, {
            "network": average.state_dict(), "last": network.state_dict(), "heads": heads.state_dict(),
            "optimiser": steps.state_dict(), "step": step, "spent": spent, "chips": chips, "plan": asdict(plan),
            "cpu_seconds": time.process_time(),
        })  # fmt: skip

    def tell() -> None:
        facts = {"step": step, "side": side, "minutes": round(spent / 60, 2), "chips": chips}
        curves.tell(facts, heads.scale.detach().exp())

    began, saved, side = time.monotonic() - spent, time.monotonic(), 0
    curves = Curves(out / "curves.csv")
    stream: Iterator[dict[str, torch.Tensor]] = iter(())
    while (spent := agreed(time.monotonic() - began, processes)) < plan.minutes * 60:
        done = spent / (plan.minutes * 60)
        wanted = plan.sides[0] if done < SMALL_SHARE else plan.sides[1]
        if wanted != side:
            side = wanted
            stream = iter(loader(Batches(cache, training, side, plan.mix, (plan.seed * 1000 + step) * 64 + rank, plan.left_out)))
        batch = {name: value.to(where) for name, value in next(stream).items()}
        for group in steps.param_groups:
            group["lr"] = group["rate"] * plan.rate * rate_share(step, done)
        with torch.autocast(where, torch.bfloat16):
            losses = step_losses(network, heads, batch, first)
            total = torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
        steps.zero_grad(set_to_none=True)
        total.backward()
        trained = [p for group in steps.param_groups for p in group["params"]]
        if processes > 1:
            average_gradients(trained, processes)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        steps.step()
        follow(average, network, min(AVERAGED, (step + 1) / (step + 10)))
        step, chips = step + 1, chips + len(batch["chips"]) * processes
        if rank:
            continue
        curves.add(losses)
        if step % EVERY == 0:
            tell()
        if time.monotonic() - saved > SAVE_SECONDS:
            keep()
            saved = time.monotonic()
    if rank == 0:
        keep()
        tell()
    if processes > 1:
        dist.destroy_process_group()


def agreed(seconds: float, processes: int) -> float:
    """The first process's time, for all."""
    if processes == 1:
        return seconds
    time_ = torch.tensor([seconds], dtype=torch.float64)
    dist.broadcast(time_, 0)
    return float(time_)


def average_gradients(parameters: Sequence[torch.nn.Parameter], processes: int) -> None:
    """The mean of the processes' gradients, in every process."""
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
    dist.all_reduce(flat)
    for parameter, part in zip(parameters, (flat / processes).split([p.numel() for p in parameters]), strict=True):
        parameter.grad = part.view_as(parameter)


@torch.no_grad()
def follow(average: torch.nn.Module, network: torch.nn.Module, share: float) -> None:
    """Move the average a little towards the weights."""
    pairs = [(mine, theirs) for mine, theirs in zip(average.parameters(), network.parameters(), strict=True)]
    torch._foreach_lerp_([mine for mine, _ in pairs], [theirs.detach() for _, theirs in pairs], 1 - share)


def save(path: Path, kept: dict[str, Any]) -> None:
    """Write a checkpoint beside the old one, then put it in its place."""
    part = path.with_suffix(".part")
    torch.save(kept, part)
    os.replace(part, path)


def arguments(about: str) -> argparse.ArgumentParser:
    """What a training is told on the command line."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the training data")
    parser.add_argument("--out", type=Path, required=True, help="where cache, checkpoint and curves go")
    parser.add_argument("--further", type=Path, help="a folder with further sets, each with its facts.json")
    parser.add_argument("--apart", default="", help="further sets not to train on, with commas")
    parser.add_argument("--left-out", default="", help="scene classes neither shown nor named, with commas")
    parser.add_argument("--minutes", type=float, default=84.0)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--processes", type=int, default=1, help="on a CPU, as many as it has cores")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--sides", type=int, nargs=2, default=(SMALL_SIDE, FULL_SIDE), help="pixels of a chip, first and later")
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from, as a new run")
    parser.add_argument("--rate", type=float, default=1.0, help="share of the usual learning rates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    return parser


def begin(given: argparse.Namespace) -> Path:
    """Train as told; the checkpoint's path."""
    left_out, apart = (tuple(name for name in names.split(",") if name) for names in (given.left_out, given.apart))
    start = str(given.start.resolve()) if given.start else ""
    plan = Plan(given.minutes, given.seed, Mix(), tuple(given.sides), left_out, apart, given.rate, start)
    return train(given.data, given.out, plan, given.further, given.device, given.resume, given.processes, given.threads)


def main() -> None:
    """The command line."""
    begin(arguments("Train the compact encoder.").parse_args())

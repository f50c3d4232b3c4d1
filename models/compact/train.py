"""Train the compact encoder: one command, on a CPU or a GPU, that can be stopped and resumed.

    python models train --data ../shared/training --out DIR --minutes 65 [--device auto] [--resume]

DIR receives cache/ (decoded once), checkpoint.pt every few minutes, log.txt. Chips are 160 pixels at first, then 224.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from . import images, text_data
from .architecture import FROZEN, CompactNetwork
from .batches import Batches, Mix
from .losses import WEIGHTS, Heads, step_losses

SMALL_SIDE, FULL_SIDE = 160, 224
SMALL_SHARE = 0.5  # of the time, at the small side
RATE, STEM_RATE, SCALE_RATE, WARM_UP, LAST = 8e-4, 2.5e-4, 3e-3, 40, 0.03
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


def optimiser(network: CompactNetwork, heads: Heads) -> torch.optim.AdamW:
    """Groups with their own rates: stem, matrices, vectors and word table, scales."""
    for block in network.stem.f[:FROZEN]:
        block.requires_grad_(False)
    groups: dict[str, list] = {"stem": [], "matrix": [], "plain": []}
    for name, value in [*network.named_parameters(), *heads.teacher.named_parameters()]:
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
    ], lr=RATE, betas=(0.9, 0.98))  # fmt: skip


def rate_share(step: int, done: float) -> float:
    """Warm-up by steps, then a cosine over the share of the time that is done."""
    return min(1.0, (step + 1) / WARM_UP) * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def loader(cache: Path, training: Path, side: int, mix: Mix, seed: int) -> DataLoader:
    """Batches made in a process of their own."""

    def settle(_: int) -> None:
        torch.set_num_threads(1)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, range(os.cpu_count() or 1))

    return DataLoader(
        Stream(Batches(cache, training, side, mix, seed)),
        batch_size=None,
        num_workers=1,
        prefetch_factor=4,
        worker_init_fn=settle,
    )


def train(training: Path, out: Path, minutes: float, device: str = "auto", resume: bool = False, mix: Mix | None = None,
          sides: tuple[int, int] = (SMALL_SIDE, FULL_SIDE), seed: int = 1) -> Path:  # fmt: skip
    """Train for ``minutes`` of wall time (what an earlier, resumed run took counts) and return the checkpoint's path."""
    cache, mix = out / "cache", mix or Mix()
    cache.mkdir(parents=True, exist_ok=True)
    text_data.prepare(training, cache)
    images.prepare(training, cache)
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network, heads = new_network(cache, training).to(where), Heads().to(where)
    steps = optimiser(network, heads)
    checkpoint = out / "checkpoint.pt"
    step, spent, chips = 0, 0.0, 0
    if resume and checkpoint.exists():
        kept = torch.load(checkpoint, map_location=where, weights_only=True)
        network.load_state_dict(kept["network"])
        heads.load_state_dict(kept["heads"])
        steps.load_state_dict(kept["optimiser"])
        step, spent, chips = kept["step"], kept["spent"], kept["chips"]
    began, saved, side = time.monotonic() - spent, time.monotonic(), 0
    means: dict[str, float] = {}
    stream: Iterator[dict[str, torch.Tensor]] = iter(())
    while (spent := time.monotonic() - began) < minutes * 60:
        done = spent / (minutes * 60)
        wanted = sides[0] if done < SMALL_SHARE else sides[1]
        if wanted != side:
            side = wanted
            stream = iter(loader(cache, training, side, mix, seed * 1000 + step))
        batch = {name: value.to(where) for name, value in next(stream).items()}
        for group in steps.param_groups:
            group["lr"] = group["rate"] * rate_share(step, done)
        with torch.autocast(where, torch.bfloat16):
            losses = step_losses(network, heads, batch)
            total = torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
        steps.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_([p for group in steps.param_groups for p in group["params"]], 1.0)
        steps.step()
        step, chips = step + 1, chips + len(batch["chips"])
        for name, value in losses.items():
            means[name] = means.get(name, 0.0) + float(value.detach()) / 25
        if step % 25 == 0:
            line = f"{step} {side}px {spent / 60:.1f}min {chips} chips  " + " ".join(
                f"{name} {value:.3f}" for name, value in means.items()
            )
            line += " scale " + "/".join(f"{float(value):.1f}" for value in heads.scale.exp())
            means = {}
            with (out / "log.txt").open("a", encoding="utf-8") as log:
                log.write(line + "\n")
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        if time.monotonic() - saved > SAVE_SECONDS:
            save(checkpoint, network, heads, steps, step, spent, chips)
            saved = time.monotonic()
    save(checkpoint, network, heads, steps, step, spent, chips)
    return checkpoint


def save(
    path: Path, network: CompactNetwork, heads: Heads, steps: torch.optim.Optimizer, step: int, spent: float, chips: int
) -> None:
    """Write a checkpoint beside the old one, then put it in its place."""
    part = path.with_suffix(".part")
    torch.save({"network": network.state_dict(), "heads": heads.state_dict(), "optimiser": steps.state_dict(),
                "step": step, "spent": spent, "chips": chips}, part)  # fmt: skip
    os.replace(part, path)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the compact encoder.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the training data")
    parser.add_argument("--out", type=Path, required=True, help="where cache, checkpoint and log go")
    parser.add_argument("--minutes", type=float, default=65.0)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    train(given.data, given.out, given.minutes, given.device, given.resume, seed=given.seed)

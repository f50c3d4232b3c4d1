"""What a score means: fits how sure the search may be that a thing is there, on held-out pictures whose content is known.

    python models calibrate --run DIR [--data ../shared/training] [--encoder compact] [--output FILE]

Small indexes are made of the regions of one to five kinds of scene, and asked for every kind, for nouns that captions mention,
and for things that no picture shows. A logistic model of two numbers is fitted: the mean score of the ten best regions, and the
share of the encoder's background phrases whose own ten best regions score lower. Writes ``presence.json``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import Encoder, load_encoder
from ..background import BEST, background_phrases
from .augment import resize
from .images import Pictures
from .prompts import NOUN_PATTERNS, scene_name
from .text_data import captions
from .validate import SIDE, texts

TRIALS = 200  # indexes
MOST_KINDS = 5  # of scene in one index
SAID, OFTEN = 2, 0.2  # a noun is there when so many captions of so many of the pictures say it; absent when none does
ABSENT_SHARE = 0.25  # of the questions about what is absent that are kept
# Held-out pictures are from the sources of the training; those of other cameras score lower. Chosen on the scenes of
# tests/benchmarks/presence.py, which also says what leaving each of them out in turn gives.
OTHER_SOURCES = 2.0
PRESENT_WEIGHT = 2.0  # calling a thing absent that is there is worse than the other way round
ABSENT = (
    "penguin colony", "volcanic crater", "space rocket", "pyramids", "igloo", "waterfall in the jungle", "geyser", "submarine",
    "army tanks", "elephants", "coral atoll", "ice floes", "castle with a moat", "water slide", "race track with stands",
    "jet fighters in a hangar", "hydroelectric dam", "offshore wind farm", "nuclear cooling towers", "cable car", "theme park",
    "ski jump", "oil rig", "container crane", "salt evaporation ponds", "rice terraces", "lava flow", "shipwreck",
    "refugee camp of tents", "observatory telescope",
)  # fmt: skip


def boxes() -> NDArray[np.float32]:
    """(26, 4): quarters, halves and the whole of a chip."""
    found = [(x / 8, y / 8, (x + 2) / 8, (y + 2) / 8) for y in range(0, 7, 2) for x in range(0, 7, 2)]
    found += [(x / 8, y / 8, (x + 4) / 8, (y + 4) / 8) for y in (0, 2, 4) for x in (0, 2, 4)]
    return np.array([*found, (0, 0, 1, 1)], dtype=np.float32)


def held_out_regions(encoder: Encoder, pictures: Pictures) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The held-out pictures' rows, and (pictures, regions, dim) vectors."""
    rows = np.flatnonzero(pictures.scene_held)
    parts = []
    for first in range(0, len(rows), 8):
        chips = np.stack([resize(pictures.scenes[row], SIDE, SIDE) for row in rows[first : first + 8]])
        parts.append(encoder.encode_regions(chips, np.tile(boxes(), (len(chips), 1, 1))))
    return rows, np.concatenate(parts)


def best_of(regions: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, dim) regions and (t, dim) texts -> (t,): the mean score of each text's best regions."""
    scores = vectors @ regions.T
    return np.asarray(np.partition(scores, -BEST, axis=1)[:, -BEST:].mean(1))


def questions(encoder: Encoder, pictures: Pictures, training: Path, phrases: list[str]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Many small indexes asked for many things: (n, 2) score and share of phrases beaten, (n,) whether it was there."""
    rng = np.random.default_rng(11)
    rows, regions = held_out_regions(encoder, pictures)
    kinds = pictures.scene_class[rows]
    spoken = captions(training)
    nouns = list(NOUN_PATTERNS)
    said = np.array([[sum(bool(NOUN_PATTERNS[noun].search(text)) for text in spoken[row]) for noun in nouns] for row in rows])
    asked = texts(encoder, [*map(scene_name, pictures.classes), *nouns, *ABSENT])
    rivals = texts(encoder, phrases)
    facts, truth = [], []
    for _ in range(TRIALS):
        most = min(MOST_KINDS, len(pictures.classes) - 1)
        chosen = rng.choice(len(pictures.classes), int(rng.integers(1, most + 1)), replace=False)
        here = np.flatnonzero(np.isin(kinds, chosen))
        index = regions[here].reshape(-1, regions.shape[-1])
        best, theirs = best_of(index, asked), best_of(index, rivals)
        there = np.zeros(len(asked), dtype=int)
        there[chosen] = 1
        often, never = (said[here] >= SAID).mean(0) > OFTEN, (said[here] == 0).all(0)
        there[len(pictures.classes) :][: len(nouns)] = np.where(often, 1, np.where(never, 0, -1))
        kept = (there == 1) | ((there == 0) & (rng.random(len(there)) < ABSENT_SHARE))
        facts += [(float(best[place]), float((theirs < best[place]).mean())) for place in np.flatnonzero(kept)]
        truth += there[kept].tolist()
    return np.array(facts), np.array(truth)


def fit(facts: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float, float]:
    """Weights of the score and of the share, and the offset, both answers weighing alike but for PRESENT_WEIGHT."""
    x, y = torch.tensor(facts, dtype=torch.float64), torch.tensor(truth, dtype=torch.float64)
    centre, spread = x.mean(0), x.std(0)
    weight = torch.where(y == 1, PRESENT_WEIGHT / y.mean(), 1 / (1 - y.mean()))
    model = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([model], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        signs = ((x - centre) / spread) @ model[:2] + model[2]
        value = torch.nn.functional.binary_cross_entropy_with_logits(signs, y, weight) + 0.01 * (model[:2] ** 2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    plain = (model[:2] / spread).detach()
    return float(plain[0]), float(plain[1]), float((model[2] - (plain * centre).sum()).detach())


def presence(encoder: Encoder, pictures: Pictures, training: Path, folder: Path) -> dict[str, Any]:
    """What ``presence.json`` holds, for an encoder and the background phrases in ``folder``."""
    facts, truth = questions(encoder, pictures, training, background_phrases(folder))
    score, beaten, offset = fit(facts, truth)
    offset += OTHER_SOURCES
    likely = facts @ [score, beaten] + offset > 0
    return {
        "score": round(score, 4), "beaten": round(beaten, 4), "offset": round(offset, 4),
        "of_it_for_other_sources": OTHER_SOURCES,
        "fitted_on": "held-out tenth of the scene pictures, small indexes of one to five kinds", "n": len(truth),
        "present_right": round(float(likely[truth == 1].mean()), 3), "present": int((truth == 1).sum()),
        "absent_right": round(float((~likely[truth == 0]).mean()), 3), "absent": int((truth == 0).sum()),
    }  # fmt: skip


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run, with its cache")
    parser.add_argument("--data", type=Path, default=Path("../shared/training"))
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    encoder = load_encoder(given.encoder)
    report = presence(encoder, Pictures(given.run / "cache"), given.data, getattr(encoder, "folder", Path()))
    text = json.dumps(report, indent=1)
    print(text)
    if given.output:
        given.output.write_text(text + "\n", encoding="utf-8")
    return 0

"""What a training step is punished for. Every function takes unit vectors and returns one number."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .architecture import WIDTH, CompactNetwork
from .prompts import COLOUR_NAMES, KINDS, NOUNS

WEIGHTS = {
    "pairs": 0.6,
    "absolute": 0.03,
    "scene": 1.5,
    "thing": 0.4,
    "kind": 0.15,
    "alike": 0.5,
    "query": 0.6,
    "teach": 4.0,
    "object": 0.5,
    "whole": 0.5,
    "foreign": 0.02,
    "even": 5.0,
    "road": 0.3,
}


class Heads(nn.Module):
    """What only the training needs: the way to the teacher's vectors, scales and offsets."""

    def __init__(self) -> None:
        super().__init__()
        self.teacher = nn.Linear(WIDTH, 384)
        self.scale = nn.Parameter(torch.tensor([2.9, 2.9, 2.5, 2.3]))  # log: pairs, names, alike, queries
        self.offset = nn.Parameter(torch.tensor([-12.0, -2.0, -2.0]))  # pairs, objects, wholes


def contrast(scores: Tensor, target: Tensor) -> Tensor:
    """Several right answers: the mean over rows of -log of the share that each right answer gets; target 1, 0, -1 (left out)."""
    right = target == 1
    rows = right.any(1)
    if not rows.any():
        return scores.sum() * 0
    shares = scores.masked_fill(target < 0, -1e4).log_softmax(1)
    lost = -(shares * right).sum(1) / right.sum(1).clamp_min(1)
    return lost[rows].mean()


def step_losses(network: CompactNetwork, heads: Heads, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """One forward pass over a batch of :class:`batches.Batches` -> the losses by name, not yet weighted."""
    seen = network.look(batch["chips"])
    regions = network.regions(seen, batch["boxes"])[batch["valid"]]
    asked = network.composed(
        seen.pick(batch["query_chip"]),
        batch["query_box"][:, None],
        batch["query_words"][:, None],
        batch["query_segments"][:, None],
    )[:, 0]
    said = network.texts(batch["texts"])
    named = network.texts(batch["prompts"])
    random = network.texts(batch["sentences"])
    with torch.autocast(regions.device.type, enabled=False):
        return compare(heads, batch, regions, asked, {"said": said, "named": named, "random": random})


def compare(
    heads: Heads, batch: dict[str, Tensor], regions: Tensor, asked: Tensor, texts: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The losses of the vectors, in full precision: half of it cannot tell close vectors apart, and at first all are close."""
    said, named, random = texts["said"], texts["named"], texts["random"]
    scale = heads.scale.exp().clamp(max=60)
    scores = regions @ said.T * scale[0]
    found = {"pairs": soft_contrast(scores, batch["target"]) + soft_contrast(scores.T, batch["target"].T)}
    found["absolute"] = soft_pairs(scores + heads.offset[0], batch["target"])
    found["foreign"] = functional.softplus((regions @ random[batch["foreign"]].T) * scale[0] + heads.offset[0]).sum(1).mean()
    nouns = len(NOUNS) + 3
    scenes, things, kinds, words = named.split(
        [len(named) - nouns - len(KINDS) * (len(COLOUR_NAMES) + 1), len(KINDS) * len(COLOUR_NAMES), len(KINDS), nouns]
    )
    found["scene"] = naming(regions @ scenes.T * scale[1], batch["scene"])
    found["thing"] = naming((regions @ things.T * scale[1]).masked_fill(batch["blocked"], -1e4), batch["thing"])
    found["kind"] = naming(regions @ torch.cat([kinds, scenes]).T * scale[1], batch["item_kind"])
    found["alike"] = contrast(regions @ regions.T * scale[2], batch["alike"])
    found["query"] = contrast(asked @ regions.T * scale[3], batch["query_target"])
    taught = batch["taught"]
    learned = functional.normalize(heads.teacher(torch.cat([said, random])[taught]).float(), dim=-1)
    found["teach"] = (1 - (learned * batch["teacher"][taught]).sum(-1)).mean()
    roofs = (batch["item_kind"] == KINDS.index("roof")) | batch["built"]
    found["even"] = (regions[roofs] @ kinds[KINDS.index("roof")]).var() if roofs.sum() > 3 else regions.sum() * 0
    found["road"] = roads(regions @ words[-1] * scale[1] + heads.offset[1], batch)
    found |= objects(regions, words, heads.offset, scale[1], batch)
    return found


def soft_contrast(scores: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of each row's shares against how true each answer is; unknown ones are left out."""
    truth = target.clamp_min(0)
    rows = truth.amax(1) > 0.5
    if not rows.any():
        return scores.sum() * 0
    shares = scores.masked_fill(target < 0, -1e4).log_softmax(1)
    return -((shares * truth).sum(1) / truth.sum(1).clamp_min(1e-6))[rows].mean()


def soft_pairs(scores: Tensor, target: Tensor) -> Tensor:
    """Sigmoid of each region with each text against how true it is; unknown ones are left out."""
    lost = functional.binary_cross_entropy_with_logits(scores, target.clamp_min(0), reduction="none")
    known = target >= 0
    rows = known.any(1)
    return (lost * known).sum(1)[rows].mean()


def naming(scores: Tensor, right: Tensor) -> Tensor:
    """Cross-entropy where the right name is known."""
    known = right >= 0
    if not known.any():
        return scores.sum() * 0
    return functional.cross_entropy(scores[known], right[known])


def roads(scores: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Where cars are is a road, in these pictures; crowns of trees and roofs are none."""
    cells = batch["object_label"] == 1
    right, wrong = cells & (batch["object_noun"] == 1), (cells & (batch["object_noun"] == 0)) | (batch["item_kind"] == 0)
    lost = scores.sum() * 0
    if right.any():
        lost = lost + functional.softplus(-scores[right]).mean()
    if wrong.any():
        lost = lost + functional.softplus(scores[wrong]).mean()
    return lost


def objects(regions: Tensor, words: Tensor, offset: Tensor, scale: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Cells with trees or cars, told from cells without; and nouns that hold somewhere in a whole scene."""
    label = batch["object_label"]
    cells = label >= 0
    zero = regions.sum() * 0
    found = {"object": zero, "whole": zero}
    if cells.any():
        noun = words[len(NOUNS) :][batch["object_noun"][cells]]
        vectors = regions[cells]
        scores = (vectors * noun).sum(-1) * scale + offset[1]
        found["object"] = functional.binary_cross_entropy_with_logits(scores, label[cells].float())
        same = batch["object_noun"][cells]
        target = torch.where((label[cells][:, None] == 1) & (label[cells][None] == 1) & (same[:, None] == same[None]), 1.0, 0.0)
        both_empty = (label[cells][:, None] == 0) & (label[cells][None] == 0)
        target = target.masked_fill(both_empty, -1).fill_diagonal_(-1)
        target[label[cells] == 0] = -1
        found["object"] = found["object"] + 0.3 * contrast(vectors @ vectors.T * 10, target)
    if batch["weak"].any():
        scores = regions[batch["weak"]] @ words[: len(NOUNS)].T * scale
        owner = batch["owner"][batch["weak"]]
        lost, count = zero, zero
        for chip in owner.unique():
            part = scores[owner == chip]
            best = torch.logsumexp(part * 1.0, 0) - torch.log(torch.tensor(float(len(part)))) * 0.5 + offset[2]
            target = batch["whole"][chip]
            known = target >= 0
            lost = lost + functional.binary_cross_entropy_with_logits(best[known], target[known], reduction="sum")
            count = count + known.sum()
        found["whole"] = lost / count.clamp_min(1)
    return found

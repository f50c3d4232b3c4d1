"""What a training step is punished for. Every function takes unit vectors and returns one number."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from .architecture import WIDTH, CompactNetwork, Seen, overlap
from .prompts import KINDS, NOUNS

WEIGHTS = {
    "pairs": 0.6,
    "absolute": 0.06,
    "scene": 1.5,
    "thing": 0.4,
    "kind": 0.15,
    "alike": 0.5,
    "query": 0.6,
    "teach": 4.0,
    "retell": 2.0,
    "apart": 0.4,
    "object": 0.5,
    "whole": 0.5,
    "foreign": 0.04,
    "even": 5.0,
    "road": 0.3,
    "place": 0.15,
    "globe": 1.0,
    "keep": 0.5,
}
LOOKS = 0.15  # temperature of the ImageNet features' likeness
MOST = 256  # rows that a process shows the others
TOO_ALIKE = 0.85  # teacher's similarity of two images' captions from which neither is wrong for the other


class Heads(nn.Module):
    """What only the training needs: the ways to the teachers' vectors, scales and offsets."""

    def __init__(self) -> None:
        super().__init__()
        self.teacher = nn.Linear(WIDTH, 384)
        self.globe = nn.Linear(WIDTH, 512)
        self.scale = nn.Parameter(torch.tensor([2.9, 2.9, 2.5, 2.3, 2.9]))  # log: pairs, names, alike, queries, places
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


def step_losses(
    network: CompactNetwork, heads: Heads, batch: dict[str, Tensor], first: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """One forward pass over a batch of :class:`batches.Batches` -> the losses by name, not yet weighted.

    ``first``: the stem as it came from ImageNet, chips (B, S, S, 3) -> maps (B, channels, S / 16, S / 16).
    """
    seen = network.look(batch["chips"])
    regions = network.regions(seen, batch["boxes"], batch["valid"])[batch["valid"]]
    nowhere = regions.new_zeros(len(batch["query_chip"]), 1, 3)
    asked = network.composed(
        seen.pick(batch["query_chip"]),
        batch["query_box"][:, None],
        batch["query_words"][:, None],
        batch["query_segments"][:, None],
        nowhere,
    )[:, 0]
    named = ("texts", "prompts", "sentences", "country_words", "province_words")
    texts = dict(zip(named, words_alone(network, [batch[name] for name in named if name in batch]), strict=False))
    with torch.autocast(regions.device.type, enabled=False):
        found = compare(heads, batch, regions, asked, texts)
        found["keep"] = keep(regions, first(batch["chips"]), heads.scale[2].exp().clamp(max=60), batch)
    if "place_points" in batch:
        places = place_vectors(network, seen, batch) | {"country": texts["country_words"], "province": texts["province_words"]}
        with torch.autocast(regions.device.type, enabled=False):
            found |= on_earth(heads, batch, places)
    return found


def words_alone(network: CompactNetwork, parts: list[Tensor]) -> list[Tensor]:
    """Lists of texts (T, L) -> (T, WIDTH) each: without a place, and each wording but once."""
    longest = max(part.shape[1] for part in parts)
    every = torch.cat([functional.pad(part, (0, longest - part.shape[1])) for part in parts])
    words, back = every.unique(dim=0, return_inverse=True)
    vectors = network.texts(words, torch.zeros_like(words), torch.zeros(len(words), 3, device=words.device))
    return list(vectors[back].split([len(part) for part in parts]))


def place_vectors(network: CompactNetwork, seen: Seen, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Points alone, and points beside a picture whose place is asked for or beside nothing but the asking."""
    points = batch["place_points"]
    count = len(points)
    empty = torch.zeros(count, 1, dtype=torch.long, device=points.device)
    half = count // 2
    chips = torch.randint(len(batch["chips"]), (half,), device=points.device)
    boxes = batch["boxes"][chips][:, :1]
    words, segments = batch["asked_words"], batch["asked_segments"]
    beside = network.composed(seen.pick(chips), boxes, words[:half, None], segments[:half, None], points[:half, None])[:, 0]
    return {
        "alone": network.texts(empty, empty + 1, points),
        "beside": torch.cat([beside, network.texts(words[half:], segments[half:], points[half:])]),
    }


def on_earth(heads: Heads, batch: dict[str, Tensor], places: dict[str, Tensor]) -> dict[str, Tensor]:
    """Points by the names of their countries and provinces, alone or asked for beside a picture; and the place teacher."""
    scale = heads.scale[4].exp().clamp(max=60)
    lost = places["alone"].sum() * 0
    for kind, share in (("country", 1.0), ("province", 0.5)):
        right, names = batch[f"{kind}_right"], places[kind]
        for points in (places["alone"], places["beside"]):
            lost = lost + share * naming(points @ names.T * scale, right)
    known = batch["country_right"] >= 0
    if known.any():
        back = places["country"] @ places["alone"].T * scale
        target = (batch["country_right"][None] == torch.arange(len(back), device=back.device)[:, None]).float()
        lost = lost + contrast(back, target)
    taught = functional.normalize(heads.globe(places["alone"]).float(), dim=-1)
    return {"place": lost, "globe": (1 - (taught * functional.normalize(batch["place_teacher"], dim=-1)).sum(-1)).mean()}


def compare(
    heads: Heads,
    batch: dict[str, Tensor],
    regions: Tensor,
    asked: Tensor,
    texts: dict[str, Tensor],
) -> dict[str, Tensor]:
    """The losses of the vectors, in full precision: half of it cannot tell close vectors apart, and at first all are close."""
    said, named, random = texts["texts"], texts["prompts"], texts["sentences"]
    scale = heads.scale.exp().clamp(max=60)
    scores = regions @ said.T * scale[0]
    found = {"pairs": soft_contrast(scores, batch["target"]) + soft_contrast(scores.T, batch["target"].T)}
    found["absolute"] = soft_pairs(scores + heads.offset[0], batch["target"])
    found["foreign"] = functional.softplus((regions @ random[batch["foreign"]].T) * scale[0] + heads.offset[0]).sum(1).mean()
    scenes, things, kinds, words = named.split(batch["prompt_sizes"].tolist())
    found["scene"] = naming(regions @ scenes.T * scale[1], batch["scene"])
    found["thing"] = naming((regions @ things.T * scale[1]).masked_fill(batch["blocked"], -1e4), batch["thing"])
    found["kind"] = naming(regions @ torch.cat([kinds, scenes]).T * scale[1], batch["item_kind"])
    found["alike"] = contrast(regions @ regions.T * scale[2], batch["alike"])
    found["query"] = contrast(asked @ regions.T * scale[3], batch["query_target"])
    taught = batch["taught"]
    learned = functional.normalize(heads.teacher(torch.cat([said, random])[taught]).float(), dim=-1)
    found["teach"] = (1 - (learned * batch["teacher"][taught]).sum(-1)).mean()
    told = batch["region_taught"]
    retold = functional.normalize(heads.teacher(regions[batch["text_owner"][told]]).float(), dim=-1)
    found["retell"] = (1 - (retold * batch["region_teacher"][told]).sum(-1)).mean()
    found["apart"] = apart(regions, said, scale[0], batch)
    roofs = (batch["item_kind"] == KINDS.index("roof")) | batch["built"]
    found["even"] = (regions[roofs] @ kinds[KINDS.index("roof")]).var() if roofs.sum() > 3 else regions.sum() * 0
    found["road"] = roads(regions @ words[len(NOUNS)] * scale[1] + heads.offset[1], batch)
    found |= objects(regions, words, heads.offset, scale[1], batch)
    return found


def keep(regions: Tensor, maps: Tensor, scale: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Boxes of any place stay as like and unlike each other as the ImageNet features find them: what has no name here keeps its
    looks (relational distillation: Park and others, 2019)."""
    chosen = batch["free"]
    if chosen.sum() < 3:
        return regions.sum() * 0
    part = overlap(batch["boxes"], maps.shape[-1])
    means = (part @ maps.float().flatten(2).transpose(1, 2)) / part.sum(-1, keepdim=True).clamp_min(1e-4)
    taught = means[batch["valid"]][chosen]
    taught = functional.normalize(taught - taught.mean(0), dim=-1)
    vectors = regions[chosen]
    own = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    wanted = (taught @ taught.T / LOOKS).masked_fill(own, -1e4).softmax(-1)
    shares = (vectors @ vectors.T * scale).masked_fill(own, -1e4).log_softmax(-1)
    return functional.kl_div(shares, wanted, reduction="batchmean")


def apart(regions: Tensor, said: Tensor, scale: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Each caption and its scene, told from all captions and scenes of this step that say something else, in every process.

    Vectors of earlier steps would not do: telling the present from the past, all vectors drift and fall together.
    """
    spoken = batch["text_image"] >= 0
    words, shown, taught = said[spoken], regions[batch["text_owner"][spoken]], batch["region_teacher"][spoken]
    all_words, all_shown, all_taught = (torch.cat([own, *elsewhere(own)]) for own in (words, shown, taught))
    if not len(words):
        return regions.sum() * 0
    right = torch.arange(len(words), device=words.device)
    alike = taught @ all_taught.T > TOO_ALIKE
    alike[right, right] = False
    lost = regions.sum() * 0
    for mine, others in ((shown, all_words), (words, all_shown)):
        lost = lost + functional.cross_entropy((mine @ others.T * scale).masked_fill(alike, -1e4), right)
    return lost


def elsewhere(own: Tensor) -> list[Tensor]:
    """The rows (n, dim) that the other processes of this training have, without gradients; n may differ, up to MOST."""
    if not dist.is_initialized():
        return []
    padded = functional.pad(own.detach()[:MOST].float(), (0, 1, 0, max(0, MOST - len(own))))
    padded[0, -1] = min(len(own), MOST)
    found = [torch.empty_like(padded) for _ in range(dist.get_world_size())]
    dist.all_gather(found, padded)
    return [rows[: int(rows[0, -1]), :-1] for rank, rows in enumerate(found) if rank != dist.get_rank()]


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
        noun = words[len(NOUNS) + 1 :][batch["object_noun"][cells]]
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

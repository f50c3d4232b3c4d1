"""Captions to their images, among held-out scenes.

Graded relevance of an image for a caption: half of it for the same kind of scene, half for the overlap of words, which is the
best Jaccard index between the words of the caption and those of one of the image's captions (lower case, a plural s dropped,
words of grammar left out). The caption's own image has relevance 1. nDCG@10 takes the relevance as gain, discounts by the binary
logarithm of the rank plus one, and divides by the best order of all the images at hand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..text_data import tidy
from .given import Given
from .measures import gain_at, mean, recalls
from .rows import Found, Row

DRAWS, POOL = 5, 727  # the prototype's pool of 25 kinds is not known: as many images are drawn from all the held-out ones
GRAMMAR = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "be",
        "of",
        "in",
        "on",
        "at",
        "to",
        "by",
        "with",
        "and",
        "or",
        "some",
        "many",
        "several",
        "this",
        "that",
        "there",
        "it",
        "its",
        "next",
        "near",
        "beside",
        "two",
        "three",
        "one",
        "has",
        "have",
        "can",
        "we",
        "see",
        "from",
        "between",
    ]
)


def words(caption: str) -> set[str]:
    """The words of a caption that say something."""
    found = re.findall(r"[a-z]+", caption.lower())
    return {word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
            for word in found if word not in GRAMMAR}  # fmt: skip


def word_overlap(spoken: list[list[str]]) -> NDArray[np.float32]:
    """The captions of n images, c in all -> (c, n): the best Jaccard index of a caption with one of an image's."""
    sets = [words(text) for texts in spoken for text in texts]
    known = {word: number for number, word in enumerate(sorted(set().union(*sets)))}
    table = np.zeros((len(sets), len(known)), np.float32)
    for row, found in enumerate(sets):
        table[row, [known[word] for word in found]] = 1
    counts = table.sum(1)
    both = table @ table.T
    index = both / np.maximum(counts[:, None] + counts[None] - both, 1)
    starts = np.concatenate([[0], np.cumsum([len(texts) for texts in spoken])[:-1]])
    return np.maximum.reduceat(index, starts, axis=1)


def five_captions(training: Path) -> list[list[str]]:
    """The captions of each scene picture as they were written: many were written several times."""
    lines = (training / "scenes_aid_rsicd.jsonl").read_text(encoding="utf-8").splitlines()
    return [[tidy(text) for text in json.loads(line)["captions"]] for line in lines]


def measure(given: Given) -> Found:
    """Recall over all held-out images and over smaller pools, and nDCG@10; every one of an image's captions asks."""
    every = five_captions(given.training)
    spoken = [every[row] for row in given.rows]
    owner = np.repeat(np.arange(len(spoken)), [len(five) for five in spoken])
    said = [text for five in spoken for text in five]
    distinct = list(dict.fromkeys(said))
    place = {text: number for number, text in enumerate(distinct)}
    scores = (given.texts(distinct) @ given.held.T)[[place[text] for text in said]]
    gains = 0.5 * (given.kinds[owner][:, None] == given.kinds) + 0.5 * word_overlap(spoken)
    gains[np.arange(len(owner)), owner] = 1
    everything = _figures(scores, gains, owner)
    rng = np.random.default_rng(727)
    size = min(POOL, len(spoken))
    pools = [np.sort(rng.permutation(len(spoken))[:size]) for _ in range(DRAWS)]
    drawn = []
    for pool in pools:
        asked = np.isin(owner, pool)
        drawn.append(_figures(scores[asked][:, pool], gains[asked][:, pool], np.searchsorted(pool, owner[asked])))
    pooled = {name: float(np.mean([one[name] for one in drawn])) for name in everything}
    count = len(owner)
    note = f"Mean of {DRAWS} draws of {size} of the {len(spoken)} held-out images, with all five captions of each."
    rows = [
        Row("captions", f"caption to image among {size}, R@{at}", pooled[f"r{at}"], round(count * size / len(spoken)), at / size,
            0.60 if at == 10 else None, {1: ".058", 10: ".415"}.get(at, ""), note)
        for at in (1, 5, 10)
    ]  # fmt: skip
    rows.append(Row("captions", f"caption to image among {size}, nDCG@10, relevance graded by kind and caption overlap",
                    pooled["ndcg"], round(count * size / len(spoken)), pooled["chance"], 0.60, "", note))  # fmt: skip
    rows += [Row("captions", f"caption to image among all {len(spoken)}, R@{at}", everything[f"r{at}"], count, at / len(spoken))
             for at in (1, 5, 10)]  # fmt: skip
    rows.append(Row("captions", f"the same, nDCG@10 among {len(spoken)}", everything["ndcg"], count, everything["chance"]))
    return Found(rows)


def _figures(scores: NDArray, gains: NDArray, owner: NDArray) -> dict[str, float]:
    found = {f"r{count}": value for count, value in recalls(scores, owner).items()}
    graded = [gain_at(score, gain) for score, gain in zip(scores, gains, strict=True)]
    return found | {"ndcg": mean([one for one, _ in graded]), "chance": mean([chance for _, chance in graded])}

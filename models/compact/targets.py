"""Which texts are true of which regions, and which regions show the same: the answers known by rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .scenes import AROUND, FREE, ITEM, MEASURED, OBJECT, OWN, SCENE, WEAK, Region

OPEN_SCENES = ("Beach", "BareLand", "Desert", "Farmland", "Forest", "Meadow", "Mountain", "Pond", "River")


def text_target(
    facts: dict[str, NDArray], about: dict[str, NDArray], spoken: NDArray, vectors: NDArray[np.float32], classes: Sequence[str]
) -> NDArray[np.float32]:
    """(regions, texts): how true each text is of each region, 0..1; -1 where nobody knows.

    ``spoken``: the numbers of the texts about scenes that the teacher knows; ``vectors``: what it says of them, unit length.
    """
    role, scene = facts["role"][:, None], facts["scene"][:, None]
    kind, colour = facts["kind"][:, None], facts["colour"][:, None]
    target = np.zeros((len(facts["role"]), len(about["owner"])), np.float32)
    same_scene = (scene == about["scene"]) & (scene >= 0)
    target[same_scene] = 0.3
    target[same_scene & (about["named"] == 1)] = 1
    if len(spoken):
        close = np.clip((vectors @ vectors.T - 0.7) / 0.3, 0, 1) * 0.8
        block = np.ix_(about["owner"][spoken], spoken)
        target[block] = np.maximum(target[block], close)
    built = np.isin(facts["scene"], [number for number, name in enumerate(classes) if name not in OPEN_SCENES])[:, None]
    target[built & (role == SCENE) & (about["kind"] >= 0)] = -1
    target[(role == SCENE) & (about["kind"] == 2)] = -1
    target[(role == MEASURED) & (about["scene"] >= 0)] = -1
    painted = (role == ITEM) | (role == MEASURED)
    same_kind, same_colour = kind == about["kind"], (colour == about["colour"]) & (colour >= 0)
    target[painted & same_kind & ((about["colour"] < 0) | same_colour)] = 1
    target[painted & same_kind & (colour < 0) & (about["colour"] >= 0)] = -1
    target[painted & ~same_kind & same_colour & ((kind == 2) | (about["kind"] == 2))] = -1
    target[(role == MEASURED) & (about["kind"] >= 0) & ~same_kind] = -1
    target[(role == MEASURED) & same_kind & (about["colour"] < 0)] = -1
    target[np.broadcast_to((role == OWN) | (role == AROUND) | (role >= OBJECT), target.shape)] = -1
    target[about["owner"], np.arange(len(about["owner"]))] = 1
    return target


def alike(facts: dict[str, NDArray], owner: NDArray, regions: list[Region]) -> NDArray[np.float32]:
    """(regions, regions): 1 where two regions show the same, 0 where not, -1 where nobody knows (and with itself)."""

    def both(name: str, value: int) -> NDArray[np.bool_]:
        return (facts[name] == value)[:, None] & (facts[name] == value)[None]

    count = len(regions)
    same = {
        name: (facts[name][:, None] == facts[name][None]) & (facts[name] >= 0)[:, None]
        for name in ("scene", "kind", "colour", "view")
    }
    painted = (facts["role"] == ITEM) | (facts["role"] == MEASURED)
    alike = np.zeros((count, count), np.float32)
    alike[both("role", SCENE) & same["scene"]] = 1
    unknown = painted & (facts["colour"] < 0)
    alike[same["kind"] & (unknown[:, None] | unknown[None])] = -1
    alike[same["colour"] & painted[:, None] & painted[None] & ~same["kind"]] = -1
    measured = facts["role"] == MEASURED
    alike[(measured[:, None] | measured[None]) & same["colour"]] = -1
    edges = np.array([region.box for region in regions])
    across = np.minimum(edges[:, None, 2:], edges[None, :, 2:]) - np.maximum(edges[:, None, :2], edges[None, :, :2])
    meet = (across.clip(0).prod(-1) > 0) & (owner[:, None] == owner[None])
    loose = np.isin(facts["role"], (OWN, AROUND, WEAK, MEASURED))
    alike[meet & (loose[:, None] | loose[None])] = -1
    silent = np.isin(facts["role"], (OBJECT, WEAK, FREE))
    alike[silent[:, None] | silent[None]] = -1
    alike[both("role", ITEM) & same["kind"] & same["colour"]] = 1
    alike[same["view"]] = 1
    np.fill_diagonal(alike, -1)
    return alike

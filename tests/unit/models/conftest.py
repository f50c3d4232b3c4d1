"""Encoders and pictures for the tests of the compact encoder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from geoloupe.models import ModelCard
from geoloupe.models.catalogue import BUNDLED

SIDE = 224


@pytest.fixture(scope="session")
def current(tmp_path_factory):
    """A folder as the export writes it today: the shipped one, or an untrained one while an older export is shipped."""
    card = ModelCard.load(BUNDLED / "compact")
    if "place" in card.extra["reads"]:
        return BUNDLED / "compact"
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from geoloupe.models.compact.architecture import CompactNetwork
    from geoloupe.models.compact.export import export

    folder = tmp_path_factory.mktemp("untrained")
    pieces = BUNDLED / "compact" / "pieces.txt"
    torch.manual_seed(4)
    network = CompactNetwork(len(pieces.read_text(encoding="utf-8").splitlines()))
    for name, values in network.named_parameters():
        if name.startswith("stem.f.") and values.ndim == 4:
            torch.nn.init.kaiming_normal_(values)
        elif name.startswith("stem.f.") or "norm" in name:
            values.data += torch.randn_like(values) * 0.1
    torch.save({"network": network.state_dict()}, folder / "checkpoint.pt")
    export(folder / "checkpoint.pt", pieces, folder / "out", {})
    return folder / "out"


@pytest.fixture(scope="session")
def exact(current, tmp_path_factory):
    """The same, with regions in full precision."""
    folder = tmp_path_factory.mktemp("exact") / "compact"
    shutil.copytree(current, folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "region_graph": "chips.onnx"}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def pictures():
    """24 chips of real imagery where it is at hand, else drawn ones of blurred, sharp and empty texture."""
    data = os.environ.get("GEOLOUPE_DATA")
    frames = sorted((Path(data) / "imagery" / "kit_ais_vehicles").glob("*.png")) if data else []
    if frames:
        from PIL import Image as Picture

        views = []
        for frame in frames[:6]:
            pixels = np.asarray(Picture.open(frame).convert("RGB"))
            views += [pixels[y : y + SIDE, x : x + SIDE] for y, x in ((0, 0), (90, 250), (200, 40), (260, 420))]
        if len(views) == 24 and all(view.shape == (SIDE, SIDE, 3) for view in views):
            return np.stack(views)
    rng = np.random.default_rng(8)
    made = []
    for number in range(24):
        cell = (4, 8, 16, 32, 56, 112)[number % 6]
        cells = rng.integers(20, 235, (SIDE // cell, SIDE // cell, 3)) * rng.uniform(0.4, 1)
        picture = np.kron(cells, np.ones((cell, cell, 1))) + rng.normal(0, 6, (SIDE, SIDE, 3))
        picture[: 30 + 4 * number, 60:120] = rng.integers(0, 255, 3)
        made.append(np.clip(picture, 0, 255).astype(np.uint8))
    return np.stack(made)


@pytest.fixture(scope="session")
def layout():
    """The 46 regions of a chip inside a raster at full overlap (46, 4), as the index asks for them."""
    from geoloupe.plugin.retrieval.grid import Grid, Scale

    grid = Grid(SIDE * 8, SIDE * 8, 1.0, Scale(1.0), SIDE)
    chip = grid.chip(4, 4)
    windows, _ = grid.regions(chip)
    corner = np.array([chip.window.x0, chip.window.y0] * 2)
    return ((windows - corner) / SIDE).astype(np.float32)

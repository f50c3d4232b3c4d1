"""hello: which engine this is, on what it runs, and what it can run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...models.encoder import ModelCard
from ..engine.protocol import VERSION
from .context import Context
from .device import describe

# Module that must be importable -> distributions that bring it, first match wins.
NEEDED = {
    "numpy": ("numpy",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss"),
    "rasterio": ("rasterio",),
    "shapely": ("shapely",),
    "pyproj": ("pyproj",),
    "pyogrio": ("pyogrio",),
}


def hello(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """{} -> protocol, version, python, packages (name -> version, None where it is missing), device, encoders."""
    packages = {name: _version(name, names) for name, names in NEEDED.items()}
    complete = all(packages.values())
    return {
        "protocol": VERSION,
        "version": product_version(),
        "python": sys.version.split()[0],
        "executable": sys.executable,
        "packages": packages,
        "device": describe(context.encoders) if complete else None,
        "encoders": [card_facts(card) for card in context.encoders.cards()] if complete else [],
    }


def card_facts(card: ModelCard) -> dict[str, Any]:
    """What the interface shows of an encoder."""
    names = ("id", "name", "family", "revision", "dim", "chip_size", "licence", "trained_on")
    facts = {name: getattr(card, name) for name in names}
    return {**facts, "gsd_range": list(card.gsd_range), "bands": list(card.bands)}


def product_version() -> str:
    """GeoLoupe's version, from the plugin's metadata.txt."""
    text = (Path(__file__).resolve().parents[2] / "metadata.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("version="):
            return line.partition("=")[2].strip()
    return "unknown"


def _version(module: str, names: tuple[str, ...]) -> str | None:
    if importlib.util.find_spec(module) is None:
        return None
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"

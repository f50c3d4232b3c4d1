"""Which encoders are at hand, and how one is opened."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .encoder import Encoder, ModelCard

BUNDLED = Path(__file__).resolve().parent.parent / "resources" / "models"


def home_models() -> Path:
    """The folder of encoders that the user added: ``models`` in GEOLOUPE_HOME or in the platform's default."""
    chosen = os.environ.get("GEOLOUPE_HOME")
    if chosen:
        return Path(chosen) / "models"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local")))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path.home() / ".local" / "share"
    return base / "geoloupe" / "models"


def encoder_folders() -> list[Path]:
    """Folders with a card, the bundled ones first; an encoder of the user never hides a bundled one of the same id."""
    found: dict[str, Path] = {}
    for root in (BUNDLED, home_models()):
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if (folder / "card.json").is_file():
                    found.setdefault(folder.name, folder)
    return list(found.values())


def list_encoders() -> list[ModelCard]:
    """The cards of all encoders at hand; a folder whose card cannot be read is left out."""
    cards = []
    for folder in encoder_folders():
        try:
            cards.append(ModelCard.load(folder))
        except (OSError, ValueError, TypeError):
            continue
    return cards


def load_encoder(id_or_folder: str | Path, device: str = "auto", runtime: str = "onnx") -> Encoder:
    """Open an encoder by its id in the catalogue or by its folder; ``device`` is auto, cpu or cuda, ``runtime`` onnx or torch.

    Raises GeoLoupeError: unknown_encoder, bad_encoder (damaged or not of a known family), bad_device (or PyTorch is not there).
    """
    from ..plugin.errors import GeoLoupeError

    folder = Path(id_or_folder)
    if not (folder / "card.json").is_file():
        matches = [known for known in encoder_folders() if known.name == str(id_or_folder)]
        if not matches:
            names = ", ".join(known.name for known in encoder_folders()) or "none"
            raise GeoLoupeError(
                "unknown_encoder", f"There is no encoder “{id_or_folder}”: choose one of these: {names}; or give a folder."
            )
        folder = matches[0]
    try:
        card = ModelCard.load(folder)
    except (OSError, ValueError, TypeError) as problem:
        raise GeoLoupeError("bad_encoder", f"The model card in {folder} cannot be read: install the encoder again.") from problem
    if card.family != "compact":
        raise GeoLoupeError("bad_encoder", f"This version cannot run encoders of the family “{card.family}”: update GeoLoupe.")
    if runtime == "torch":
        try:
            from .compact.torch_encoder import TorchCompact
        except ImportError as problem:
            raise GeoLoupeError(
                "bad_device", "PyTorch is not installed here: install it, or choose the runtime onnx.", str(problem)
            ) from problem
        return TorchCompact(folder, card, device)
    if runtime != "onnx":
        raise GeoLoupeError("bad_device", f"There is no runtime “{runtime}”: use onnx or torch.")
    from .compact.encoder import CompactEncoder

    return CompactEncoder(folder, card, device)

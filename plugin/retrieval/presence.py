"""Is what was asked for there at all? The query's best regions must score well, and better than most everyday phrases
do on theirs.

A score means something else for every encoder, so where "well" begins is the encoder's own: ``presence.json`` in its folder,
fitted on pictures whose content is known.
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...models.background import background_phrases
from ...models.catalogue import encoder_folders
from ...models.interleaved import Interleaved, Text

if TYPE_CHECKING:
    from ...models.encoder import Encoder

MESSAGE = "Probably nothing here: what you asked for does not seem to be in this imagery."
CALIBRATION = "presence.json"


@dataclass(frozen=True)
class Calibration:
    """The logistic model of one encoder: confidence = 1 / (1 + exp(-(score * best + beaten * share + offset)))."""

    score: float = 0.0
    beaten: float = 20.0
    offset: float = -14.0  # an encoder without a calibration: seven of ten phrases must be beaten

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """The encoder's own; the general one where its folder has none. Raises ValueError or KeyError for a broken file."""
        path = folder / CALIBRATION
        if not path.is_file():
            return cls()
        facts = json.loads(path.read_text(encoding="utf-8"))
        return cls(float(facts["score"]), float(facts["beaten"]), float(facts["offset"]))


@dataclass(frozen=True)
class Background:
    """What an encoder brings to judge presence: (phrases, dim) unit vectors of everyday phrases, and its calibration."""

    vectors: NDArray[np.float32] | None
    calibration: Calibration


@dataclass(frozen=True)
class Presence:
    """``confidence`` in 0..1 that the thing is there; ``message`` is shown above the hits when it is unlikely."""

    likely: bool
    message: str | None
    confidence: float
    beaten: float | None = None
    best: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


CERTAIN = Presence(True, None, 1.0)
NOTHING = Presence(False, MESSAGE, 0.0)


def judge(best: float, rivals: NDArray[np.float32], calibration: Calibration) -> Presence:
    """``best``: mean score of the query's best regions; ``rivals`` (phrases,): the same of every background phrase."""
    beaten = float((rivals < best).mean()) if len(rivals) else 1.0
    sign = calibration.score * best + calibration.beaten * beaten + calibration.offset
    confidence = 1 / (1 + math.exp(-max(-30.0, min(30.0, sign))))
    likely = confidence >= 0.5
    return Presence(likely, None if likely else MESSAGE, confidence, beaten, best)


_backgrounds: dict[str, Background] = {}
_lock = threading.Lock()


def background(encoder: Encoder) -> Background:
    """The encoder's background, encoded once."""
    key = str(encoder.card.fingerprint()["card"])
    with _lock:
        if key not in _backgrounds:
            folder = _folder(encoder)
            phrases = background_phrases(folder) if folder else []
            vectors = encoder.encode([Interleaved([Text(phrase)]) for phrase in phrases]) if phrases else None
            _backgrounds[key] = Background(vectors, Calibration.load(folder) if folder else Calibration())
        return _backgrounds[key]


def _folder(encoder: Encoder) -> Path | None:
    own = getattr(encoder, "folder", None)
    if own:
        return Path(own)
    return next((folder for folder in encoder_folders() if folder.name == encoder.card.id), None)

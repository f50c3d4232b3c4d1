"""Is what was asked for there at all? Two questions decide: do the best hits fit the query better than they fit phrases about
anything else, and do they stand out from the rest of the index?"""

from __future__ import annotations

import math
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...models.catalogue import encoder_folders
from ...models.interleaved import Interleaved, Text

if TYPE_CHECKING:
    from ...models.encoder import Encoder

BEST = 10  # hits that are looked at
BEATEN = 0.85  # of the background phrases: fewer score below the query on its own best hits -> it is something else
STANDS_OUT = 2.0  # standard deviations of the index's scores, by which the best hits must lie above its mean
SLOPE_BEATEN, SLOPE_OUT = 12.0, 1.5  # how fast confidence falls on either side of the thresholds
MESSAGE = "Probably nothing here: what you asked for does not seem to be in this imagery."
PHRASES = "background_phrases.txt"


@dataclass(frozen=True)
class Presence:
    """``confidence`` in 0..1 that the thing is there; ``message`` is shown above the hits when it is unlikely."""

    likely: bool
    message: str | None
    confidence: float
    beaten: float | None = None
    stands_out: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


CERTAIN = Presence(True, None, 1.0)


def judge(best: NDArray[np.float32], background: NDArray[np.float32] | None, sample: NDArray[np.float32]) -> Presence:
    """``best`` (k,) the query's scores on its best hits; ``background`` (phrases, k) the phrases' scores on those same regions,
    None without phrases; ``sample`` (m,) the query's scores on regions drawn evenly from the index."""
    if not len(best):
        return Presence(False, MESSAGE, 0.0)
    spread = float(sample.std()) if len(sample) > 1 else 0.0
    stands_out = (float(best.mean()) - float(sample.mean())) / spread if spread > 1e-6 else 0.0
    beaten = None if background is None or not len(background) else float((background.mean(axis=1) < best.mean()).mean())
    likely = stands_out >= STANDS_OUT and (beaten is None or beaten >= BEATEN)
    signs = [SLOPE_OUT * (stands_out - STANDS_OUT)]
    if beaten is not None:
        signs.append(SLOPE_BEATEN * (beaten - BEATEN))
    confidence = 1 / (1 + math.exp(-max(-30.0, min(30.0, *signs))))
    return Presence(likely, None if likely else MESSAGE, confidence, beaten, stands_out)


_vectors: dict[str, NDArray[np.float32] | None] = {}
_lock = threading.Lock()


def background_vectors(encoder: Encoder) -> NDArray[np.float32] | None:
    """(phrases, dim) unit vectors of the encoder's background phrases, encoded once; None when it brings none."""
    key = str(encoder.card.fingerprint()["card"])
    with _lock:
        if key not in _vectors:
            phrases = background_phrases(encoder)
            _vectors[key] = encoder.encode([Interleaved([Text(phrase)]) for phrase in phrases]) if phrases else None
        return _vectors[key]


def background_phrases(encoder: Encoder) -> list[str]:
    """The lines of the encoder's ``background_phrases.txt``; empty and # lines are left out."""
    own = getattr(encoder, "folder", None)
    folders = [Path(own)] if own else [folder for folder in encoder_folders() if folder.name == encoder.card.id]
    for folder in folders:
        if (folder / PHRASES).is_file():
            lines = (folder / PHRASES).read_text(encoding="utf-8").splitlines()
            return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return []

"""The everyday phrases that an encoder brings: what a query is compared with to tell whether it is there at all."""

from __future__ import annotations

from pathlib import Path

PHRASES = "background_phrases.txt"
BEST = 10  # regions, whose mean score says how well a text is answered by an index; a calibration holds for this number


def background_phrases(folder: Path) -> list[str]:
    """The lines of an encoder's ``background_phrases.txt``; empty and # lines are left out. No file: no phrases."""
    path = folder / PHRASES
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]

"""The instructions that every encoder of GeoLoupe understands, in words."""

from __future__ import annotations

THIS_THING = "Find this thing."
SURROUNDINGS = "Find places with the same surroundings as this box."
KIND = "Find things of the same kind, whatever their colour."
PLACE = "Find what lies in the same part of the world."

MATCH: dict[str, str] = {"thing": THIS_THING, "surroundings": SURROUNDINGS, "kind": KIND}


def is_plain(instruction: str | None) -> bool:
    """True when an instruction asks for nothing but the thing itself, so that the plain region vector answers it."""
    return instruction is None or instruction.strip().rstrip(".").lower() in ("", THIS_THING.rstrip(".").lower())

"""The published forms of data sets, and telling which one a folder has."""

from __future__ import annotations

from pathlib import Path

from ....plugin.errors import GeoLoupeError
from . import captions, dior_rsvg, folders, geochat, patterncom, places, rsvqa, vrsbench
from .base import Format

# The more particular ones first: class folders are found below many data sets.
FORMATS: tuple[Format, ...] = (
    geochat.FORMAT,
    rsvqa.FORMAT,
    vrsbench.FORMAT,
    dior_rsvg.FORMAT,
    patterncom.FORMAT,
    captions.KARPATHY,
    places.TABLE,
    captions.CSV,
    folders.FORMAT,
    places.RASTERS,
)


def choose(path: Path, name: str | None = None) -> Format:
    """The format with this name, or the first that recognises the folder. Raises GeoLoupeError("usage")."""
    if not path.exists():
        raise GeoLoupeError("usage", f"{path} is not there: give the folder of a data set.")
    if name:
        found = [form for form in FORMATS if form.name == name]
        if not found:
            raise GeoLoupeError("usage", f"There is no format “{name}”: choose one of {', '.join(one.name for one in FORMATS)}.")
        return found[0]
    for form in FORMATS:
        if form.recognises(path):
            return form
    forms = "; ".join(f"{form.name} ({form.title})" for form in FORMATS)
    raise GeoLoupeError("usage", f"{path} has none of the known forms: name one with --format. Known are {forms}.")


__all__ = ["FORMATS", "Format", "choose"]

"""What the dock says about a layer's index: one line, a level for its light, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional

from ..bridge.translation import tr
from . import formats

DAMAGED = ("index_missing", "index_damaged", "index_encoder")


@dataclass(frozen=True)
class IndexState:
    """``level``: none, good, work, warning or bad. ``can_index``: the layer can be indexed at all."""

    level: str
    text: str
    hint: str = ""
    searchable: bool = False
    can_index: bool = True


def no_layer() -> IndexState:
    return IndexState("none", tr("Add a raster layer to the project to begin."), can_index=False)


def no_crs() -> IndexState:
    text = tr("This layer has no coordinate system: set one in Layer ▸ Set CRS of Layer(s), then come back.")
    return IndexState("warning", text, can_index=False)


def not_indexed() -> IndexState:
    return IndexState("none", tr("Not indexed"))


def looking() -> IndexState:
    return IndexState("none", tr("Reading the index…"))


def remembered(path: str) -> IndexState:
    """The project knows an index, but no engine has read it yet."""
    return IndexState("good", tr("Indexed; the engine has not been started yet"), path, searchable=True)


def from_info(info: Dict[str, Any], encoder_name: Optional[str] = None) -> IndexState:
    """The state that an ``info`` reply of the engine describes."""
    rows = int(info.get("rows") or 0)
    path = str(info.get("path") or "")
    if info.get("encoder_available") is False:
        text = tr("Made with another model that is not installed: press Index to make it again.")
        return IndexState("bad", text, path)
    if rows == 0 and not info.get("being_written"):
        return IndexState("none", tr("Not indexed"), path)
    values = {"rows": formats.count(rows), "scales": formats.scales(list(info.get("gsds") or []))}
    text = tr("{rows} regions, {scales}", **values)
    if encoder_name:
        text = tr("{rows} regions, {scales}, made with {model}", model=encoder_name, **values)
    if info.get("being_written"):
        return IndexState("work", tr("{state}; another program is still adding to it", state=text), path, searchable=rows > 0)
    if info.get("complete") is False:
        return IndexState("warning", tr("{state}; not complete, press Index to go on", state=text), path, searchable=True)
    return IndexState("good", text, path, searchable=True)


def indexing(done: float, total: float, seconds_left: Optional[float], rows: int) -> IndexState:
    share = int(100 * done / total) if total else 0
    if seconds_left is None:
        text = tr("Indexing {share} %", share=share)
    else:
        text = tr("Indexing {share} %, {time} left", share=share, time=formats.duration(seconds_left))
    return IndexState("work", text, searchable=rows > 0, can_index=False)


def broken(code: str, message: str) -> IndexState:
    """An index that cannot be used as it is; ``message`` is the engine's own sentence."""
    return IndexState("bad" if code in DAMAGED else "warning", message)

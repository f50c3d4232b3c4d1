"""What an engine's answers say, as short lines for a log: progress, an index, a search."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from qgis.PyQt.QtCore import QLocale

from .translation import tr


def model_name(value: Mapping[str, Any]) -> str:
    """``compact 1`` from a search's answer: the encoder's id and revision."""
    encoder: Dict[str, Any] = dict(value.get("encoder") or {})
    return " ".join(str(encoder[key]) for key in ("id", "revision") if encoder.get(key))


def time_left(seconds: float) -> str:
    """``40 s``, ``12 min`` or ``1 h 20 min``."""
    seconds = max(0, round(seconds))
    if seconds < 90:
        return tr("{n} s", n=seconds)
    minutes = round(seconds / 60)
    if minutes < 90:
        return tr("{n} min", n=minutes)
    return tr("{h} h {m} min", h=minutes // 60, m=minutes % 60)


def progress_line(value: Mapping[str, Any]) -> str:
    """One line of an index run: chips done and to do, regions so far, speed and time left."""
    parts = [tr("{done} of {total} chips", done=_count(value.get("done")), total=_count(value.get("total")))]
    if value.get("rows") is not None:
        parts.append(tr("{n} regions", n=_count(value["rows"])))
    if value.get("chips_per_second"):
        parts.append(tr("{n} chips/s", n=round(float(value["chips_per_second"]), 1)))
    if value.get("seconds_left") is not None:
        parts.append(tr("{time} left", time=time_left(float(value["seconds_left"]))))
    return ", ".join(parts)


def index_lines(value: Mapping[str, Any]) -> List[str]:
    """What an index run did."""
    lines = [
        tr(
            "{new} new regions in {time}; the index has {rows} regions now.",
            new=_count(value.get("new_rows")),
            time=time_left(float(value.get("seconds") or 0)),
            rows=_count(value.get("rows")),
        )
    ]
    if value.get("skipped_chips"):
        lines.append(tr("{n} chips had no pixels and were left out.", n=_count(value["skipped_chips"])))
    if value.get("missing_chips"):
        lines.append(tr("{n} chips did not arrive; run it again to fetch them.", n=_count(value["missing_chips"])))
    return lines


def search_line(value: Mapping[str, Any]) -> str:
    """How many hits among how many regions, how fast, and whether every region was compared."""
    seconds = dict(value.get("seconds") or {})
    line = tr(
        "{hits} hits among {rows} regions in {time} s",
        hits=_count(len(value.get("hits") or [])),
        rows=_count(value.get("rows")),
        time=round(float(seconds.get("total") or 0), 2),
    )
    return line if value.get("exact", True) else tr("{line}; not every region was compared", line=line)


def presence_line(value: Mapping[str, Any]) -> str:
    """The caution above hits that are probably none; empty where there is nothing to say."""
    presence = dict(value.get("presence") or {})
    if presence.get("likely", True):
        return ""
    return str(presence.get("message") or tr("Probably nothing here: these are only the nearest regions."))


def _count(value: Any) -> str:
    return QLocale().toString(int(value or 0))

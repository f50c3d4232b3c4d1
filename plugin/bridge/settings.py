"""Every setting of the plugin, declared once: its name, its type and what it is when nobody has chosen."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Dict, Optional, Tuple

from qgis.core import QgsSettings

PREFIX = "geoloupe"

# What a setting may be; anything else that is found in the user's file counts as not set.
_CHOICES: Dict[str, Tuple[str, ...]] = {
    "device": ("auto", "cpu", "cuda"),
    "style": ("colour", "opacity"),
    "results_place": ("project", "home"),
}
_RANGES: Dict[str, Tuple[float, float]] = {"count": (1, 10000), "object_size": (0.1, 10000.0)}


@dataclass(frozen=True)
class Settings:
    """The user's choices. ``engine_python`` and the folders are empty where GeoLoupe decides; lengths are in metres."""

    engine_python: str = ""
    device: str = "auto"
    encoder: str = "compact"
    object_size: float = 10.0
    count: int = 50
    index_folder: str = ""
    results_place: str = "project"
    style: str = "colour"
    labels: bool = True
    search_at_release: bool = True
    setup_postponed: bool = False

    @classmethod
    def load(cls, store: Optional[QgsSettings] = None) -> Settings:
        """Read them from QGIS's settings; whatever is absent or makes no sense is left at its default."""
        store = store or QgsSettings()
        chosen = {}
        for declared in fields(cls):
            key = "{}/{}".format(PREFIX, declared.name)
            if store.contains(key):
                value = _typed(declared.name, type(declared.default), store.value(key))
                if value is not None:
                    chosen[declared.name] = value
        return cls(**chosen)

    def save(self, store: Optional[QgsSettings] = None) -> None:
        """Write what differs from the defaults, and forget the rest, so that a better default reaches those who chose none."""
        store = store or QgsSettings()
        for declared in fields(self):
            key = "{}/{}".format(PREFIX, declared.name)
            value = getattr(self, declared.name)
            if value == declared.default:
                store.remove(key)
            else:
                store.setValue(key, value)

    def changed(self, **values: Any) -> Settings:
        """A copy with some of them changed."""
        return replace(self, **values)


def _typed(name: str, kind: type, value: Any) -> Any:
    """``value`` as ``kind`` (INI files give text back), or None when it is not one or not allowed."""
    if kind is bool:
        return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "1", "yes")
    try:
        typed = kind(value)
    except (TypeError, ValueError):
        return None
    if name in _CHOICES and typed not in _CHOICES[name]:
        return None
    if name in _RANGES:
        low, high = _RANGES[name]
        if not low <= typed <= high:
            return None
    return typed

"""What the dock alone remembers between sessions."""

from __future__ import annotations

from qgis.core import QgsSettings

from ..bridge.settings import PREFIX

_SEARCH_AT_RELEASE = PREFIX + "/search_at_release"
_POSTPONED = PREFIX + "/setup_postponed"


def search_at_release() -> bool:
    """Whether a search starts as soon as a box is drawn."""
    return bool(QgsSettings().value(_SEARCH_AT_RELEASE, True, type=bool))


def set_search_at_release(value: bool) -> None:
    QgsSettings().setValue(_SEARCH_AT_RELEASE, value)


def setup_postponed() -> bool:
    """Whether the user has said "Not now" to the set-up."""
    return bool(QgsSettings().value(_POSTPONED, False, type=bool))


def set_setup_postponed(value: bool) -> None:
    QgsSettings().setValue(_POSTPONED, value)

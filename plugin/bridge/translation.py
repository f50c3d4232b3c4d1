"""Every string of the bridge and of Processing that a person reads goes through :func:`tr`."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QCoreApplication

CONTEXT = "GeoLoupe"


def tr(text: str, **values: Any) -> str:
    """Translate ``text``, then fill its ``{name}`` places from ``values``."""
    translated = QCoreApplication.translate(CONTEXT, text)
    return translated.format(**values) if values else translated

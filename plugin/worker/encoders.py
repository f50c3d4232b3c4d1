"""The encoders this engine has open: each is loaded once and shared by all requests."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ...models.encoder import Encoder, ModelCard


class Encoders:
    """Thread-safe cache by id (or folder) and device."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Encoder] = {}

    def get(self, name: str = "compact", device: str = "auto") -> Encoder:
        """Raises GeoLoupeError when it cannot be loaded."""
        from ...models.catalogue import load_encoder

        with self._lock:
            key = (str(name), device)
            if key not in self._open:
                self._open[key] = load_encoder(name, device)
            return self._open[key]

    def cards(self) -> list[ModelCard]:
        from ...models.catalogue import list_encoders

        return list(list_encoders())

    def matching(self, fingerprint: Mapping[str, Any], device: str = "auto") -> Encoder | None:
        """The encoder that made an index with ``fingerprint``, or None when it is not installed."""
        for card in self.cards():
            if card.fingerprint() == dict(fingerprint):
                return self.get(card.id, device)
        return None

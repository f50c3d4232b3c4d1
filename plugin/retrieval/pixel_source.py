"""What every source of pixels promises, and the description it is opened from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ..errors import GeoLoupeError


@dataclass(frozen=True)
class Window:
    """Full-resolution pixels of a source, origin at the top left; x1 and y1 are excluded. May reach beyond the raster."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0


@dataclass(frozen=True)
class SourceSpec:
    """Which raster, and how to look at it; JSON-able, so that it crosses processes and is stored in the index.

    ``bands`` are 1-based: red, green, blue, or one band as grey; None lets the raster decide. ``crs`` is one that the user
    assigned (WKT or AUTH:CODE) and wins over the raster's own. ``kind`` "rendered" means that pixels come through a callback;
    then ``width``, ``height`` and ``transform`` (a, b, c, d, e, f) describe its virtual pixel grid and ``crs`` is needed.
    """

    uri: str
    bands: tuple[int, ...] | None = None
    name: str | None = None
    crs: str | None = None
    kind: str = "file"
    width: int | None = None
    height: int | None = None
    transform: tuple[float, ...] | None = None
    gsd: float | None = None

    def to_json(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"uri": self.uri, "kind": self.kind}
        for field in ("bands", "name", "crs", "width", "height", "transform", "gsd"):
            value = getattr(self, field)
            if value is not None:
                facts[field] = list(value) if isinstance(value, tuple) else value
        return facts

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> SourceSpec:
        """Read what :meth:`to_json` wrote. Raises GeoLoupeError("usage") when it is not a source."""
        try:
            bands, transform = facts.get("bands"), facts.get("transform")
            spec = cls(
                uri=str(facts["uri"]),
                bands=tuple(int(band) for band in bands) if bands else None,
                name=facts.get("name"),
                crs=facts.get("crs"),
                kind=facts.get("kind", "file"),
                width=facts.get("width"),
                height=facts.get("height"),
                transform=tuple(float(number) for number in transform) if transform else None,
                gsd=facts.get("gsd"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GeoLoupeError("usage", "This is not the description of a raster source.", repr(error)) from error
        if spec.kind not in ("file", "rendered"):
            raise GeoLoupeError("usage", f"A source's kind is 'file' or 'rendered', not {spec.kind!r}.")
        return spec

    @property
    def identity(self) -> str:
        """The source's key in an index: the resolved path of a local file, else the URI as it is."""
        if self.kind == "file" and not self.uri.startswith("/vsi") and os.path.exists(self.uri):
            return str(Path(self.uri).resolve())
        return self.uri

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or Path(self.uri.split("?")[0]).name or self.uri


class PixelSource(Protocol):
    """Pixels of one raster, ready for an encoder.

    ``transform`` maps full-resolution pixels to ``crs_wkt``; ``gsd`` is metres on the ground per full-resolution pixel, at
    the centre.
    """

    spec: SourceSpec
    identity: str
    width: int
    height: int
    crs_wkt: str
    transform: Affine
    gsd: float

    def read(self, window: Window, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Pixels (h, w, 3) and validity (h, w) of ``window``, resampled to ``size`` (w, h). Outside the raster: 0, False.

        Raises GeoLoupeError("raster_unreadable"), or :class:`PixelsMissing` when they may come later.
        """

    def close(self) -> None: ...


class PixelsMissing(Exception):
    """The pixels could not be had now (a server that fails); asking again later may help."""


def date_of(name: str, tags: Mapping[str, str]) -> int | None:
    """The day the picture was taken as yyyymmdd, from acquisition tags or a date in the file's name; else None."""
    candidates = [value for key, value in tags.items() if key.upper().startswith("ACQUISITION") and "DATE" in key.upper()]
    for text in [*candidates, name]:
        for year, month, day in re.findall(r"(?<!\d)((?:19|20)\d\d)[-_:]?([01]\d)[-_:]?([0-3]\d)(?!\d)", text):
            try:
                return int(date(int(year), int(month), int(day)).strftime("%Y%m%d"))
            except ValueError:
                continue
    return None

"""Small real encoders for tests of the evaluation: one that knows nothing, one that knows colours, one that knows places."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np

from geoloupe.models.interleaved import Image, Place

FILE = Path(__file__).resolve().parents[1] / "retrieval" / "histogram_encoder.py"
spec = importlib.util.spec_from_file_location("geoloupe_histogram_encoder_for_models", FILE)
histogram = importlib.util.module_from_spec(spec)
spec.loader.exec_module(histogram)
ColourEncoder = histogram.HistogramEncoder  # words for colours, colours of boxes; refuses places


class ConstantEncoder:
    """The same vector for everything."""

    device, device_reason = "cpu", "a constant needs no GPU"

    def __init__(self, value=0.125, dim=64):
        self.card = histogram.card(dim=dim)
        self.vector = np.full(dim, value, np.float32)

    def encode(self, inputs):
        return np.tile(self.vector, (len(inputs), 1))

    def encode_regions(self, chips, boxes, gsd=None):
        return np.tile(self.vector, (*boxes.shape[:2], 1))


class PlaceEncoder:
    """Points on the globe: a place is itself, and a picture's red and green are its latitude, its blue the longitude."""

    device, device_reason = "cpu", "a globe needs no GPU"

    def __init__(self):
        self.card = histogram.card(dim=3)

    def encode(self, inputs):
        return np.stack([self._one(item) for item in inputs]).astype(np.float32)

    def _one(self, item):
        places = [part for part in item.parts if isinstance(part, Place)]
        images = [part for part in item.parts if isinstance(part, Image)]
        if places:
            return globe(places[0].lat, places[0].lon)
        if images:
            red, green, blue = images[0].pixels[0, 0, :3].tolist()
            return globe((256 * red + green) / 65535 * 180 - 90, blue / 255 * 360 - 180)
        return np.array([0.0, 0.0, 1.0])

    def encode_regions(self, chips, boxes, gsd=None):
        return np.tile(np.array([0, 0, 1], np.float32), (*boxes.shape[:2], 1))


def globe(lat, lon):
    lat, lon = math.radians(lat), math.radians(lon)
    return np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])

"""Pixels that come through a callback, which may fail."""

from __future__ import annotations

import numpy as np
import pytest

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval.pixel_source import PixelsMissing, SourceSpec, Window
from geoloupe.plugin.retrieval.rendered_source import TRIES, RenderedSource

SPEC = SourceSpec(
    "type=xyz&url=x", name="tiles", crs="EPSG:3857", kind="rendered", width=400, height=300,
    transform=(2.0, 0.0, 1000.0, 0.0, -2.0, 9000.0),
)  # fmt: skip


def test_the_callback_is_asked_in_ground_coordinates():
    asked = []

    def fetch(bounds, size):
        asked.append((bounds, size))
        rgba = np.full((size[1], size[0], 4), 255, np.uint8)
        rgba[0, 0] = (1, 2, 3, 255)
        return rgba.tobytes()

    pixels, valid = RenderedSource(SPEC, fetch).read(Window(10, 20, 110, 70), (50, 25))
    assert asked == [((1020.0, 8860.0, 1220.0, 8960.0), (50, 25))]
    assert pixels[0, 0].tolist() == [1, 2, 3] and pixels.shape == (25, 50, 3) and valid.all()


def test_a_failure_is_tried_again_and_then_left_for_later():
    answers, pauses = [None, None, bytes([9, 9, 9, 255]) * 16], []
    source = RenderedSource(SPEC, lambda bounds, size: answers.pop(0), pauses.append)
    assert source.read(Window(0, 0, 8, 8), (4, 4))[0].max() == 9 and len(pauses) == 2 and pauses[1] > pauses[0]
    tried = []

    def never(bounds, size):
        tried.append(1)
        raise OSError("refused")

    with pytest.raises(PixelsMissing):
        RenderedSource(SPEC, never, pauses.append).read(Window(0, 0, 8, 8), (4, 4))
    assert len(tried) == TRIES


def test_blanks_are_never_content():
    with pytest.raises(PixelsMissing):
        RenderedSource(SPEC, lambda bounds, size: bytes(4 * size[0] * size[1]), lambda seconds: None).read(
            Window(0, 0, 8, 8), (4, 4)
        )
    half = bytes([5, 5, 5, 255]) * 8 + bytes(32)
    calls = []
    source = RenderedSource(SPEC, lambda bounds, size: calls.append(1) or half, lambda seconds: None)
    assert source.read(Window(0, 0, 8, 8), (4, 4))[1].sum() == 8 and len(calls) == TRIES
    calls.clear()
    source.read(Window(0, 296, 8, 304), (4, 4))  # half of it lies outside the layer: that is all there is
    assert len(calls) == 1


def test_what_is_needed_is_named():
    for spec, code in (
        (SourceSpec("x", kind="rendered", crs="EPSG:3857"), "usage"),
        (SourceSpec("x", kind="rendered", width=1, height=1, transform=(1, 0, 0, 0, -1, 0)), "no_crs"),
    ):
        with pytest.raises(GeoLoupeError) as caught:
            RenderedSource(spec, lambda bounds, size: None)
        assert caught.value.code == code

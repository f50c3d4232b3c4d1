"""Is what was asked for there at all?"""

from __future__ import annotations

import numpy as np
import pytest

from geoloupe.plugin.retrieval.presence import BEATEN, STANDS_OUT, background_phrases, background_vectors, judge

RNG = np.random.default_rng(0)
SAMPLE = RNG.normal(0.1, 0.02, 2000).astype(np.float32)


def background(level):
    return np.full((100, 10), level, np.float32) + RNG.normal(0, 0.001, (100, 10)).astype(np.float32)


def test_what_stands_out_and_beats_the_background_is_there():
    there = judge(np.full(10, 0.3, np.float32), background(0.2), SAMPLE)
    assert there.likely and there.message is None and there.confidence > 0.8 and there.beaten == 1.0


def test_what_loses_against_phrases_about_other_things_is_not():
    absent = judge(np.full(10, 0.3, np.float32), background(0.4), SAMPLE)
    assert not absent.likely and "Probably nothing here" in absent.message and absent.confidence < 0.2
    assert absent.beaten < BEATEN and absent.stands_out > STANDS_OUT


def test_what_does_not_stand_out_is_not_there():
    flat = judge(np.full(10, 0.11, np.float32), background(0.0), SAMPLE)
    assert not flat.likely and flat.stands_out < STANDS_OUT
    assert not judge(np.zeros(0, np.float32), None, SAMPLE).likely
    assert judge(np.full(10, 0.3, np.float32), None, SAMPLE).likely  # an encoder without phrases


def test_confidence_is_even_at_the_threshold():
    spread, mean = float(SAMPLE.std()), float(SAMPLE.mean())
    edge = judge(np.full(10, mean + STANDS_OUT * spread, np.float32), None, SAMPLE)
    assert edge.confidence == pytest.approx(0.5, abs=0.02)


def test_phrases_come_from_the_encoders_folder_and_are_encoded_once(tmp_path, histogram):
    encoder = histogram.HistogramEncoder(revision="with phrases")  # vectors are remembered by the card
    (tmp_path / "background_phrases.txt").write_text("# comment\nred roof\n\n  grey road \n", encoding="utf-8")
    encoder.folder = tmp_path
    assert background_phrases(encoder) == ["red roof", "grey road"]
    first = background_vectors(encoder)
    assert first.shape[0] == 2 and background_vectors(encoder) is first

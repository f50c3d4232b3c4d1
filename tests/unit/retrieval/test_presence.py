"""Is what was asked for there at all?"""

from __future__ import annotations

import json

import numpy as np
import pytest

from geoloupe.models.background import background_phrases
from geoloupe.plugin.retrieval.presence import Calibration, background, judge

RIVALS = np.linspace(0.2, 0.6, 101).astype(np.float32)
PLAIN = Calibration()


def test_what_beats_most_phrases_is_there():
    there = judge(0.59, RIVALS, PLAIN)
    assert there.likely and there.message is None and there.confidence > 0.9 and there.beaten == pytest.approx(0.97, abs=0.02)


def test_what_loses_against_phrases_about_other_things_is_not():
    absent = judge(0.4, RIVALS, PLAIN)
    assert not absent.likely and "Probably nothing here" in absent.message and absent.confidence < 0.1
    assert judge(0.4, np.zeros(0, np.float32), PLAIN).likely  # an encoder without phrases


def test_confidence_is_even_at_the_threshold_and_grows_with_the_score():
    even = Calibration(score=10.0, beaten=0.0, offset=-5.0)
    assert judge(0.5, RIVALS, even).confidence == pytest.approx(0.5)
    confidences = [judge(score, RIVALS, even).confidence for score in (0.3, 0.45, 0.55, 0.7)]
    assert confidences == sorted(confidences) and confidences[0] < 0.2 < 0.8 < confidences[-1]


def test_phrases_and_calibration_come_from_the_encoders_folder_once(tmp_path, histogram):
    encoder = histogram.HistogramEncoder(revision="with phrases")  # vectors are remembered by the card
    (tmp_path / "background_phrases.txt").write_text("# comment\nred roof\n\n  grey road \n", encoding="utf-8")
    (tmp_path / "presence.json").write_text(json.dumps({"score": 3, "beaten": 2, "offset": -1, "n": 5}), encoding="utf-8")
    encoder.folder = tmp_path
    assert background_phrases(tmp_path) == ["red roof", "grey road"]
    first = background(encoder)
    assert first.vectors.shape[0] == 2 and first.calibration == Calibration(3.0, 2.0, -1.0)
    assert background(encoder) is first

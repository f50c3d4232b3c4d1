"""The measures behind the table of figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("PIL")

from geoloupe.models.compact.figures.measures import (  # noqa: E402
    average_precision,
    first_right,
    gain_at,
    overlaps,
    precision_at,
    recalls,
)
from geoloupe.models.compact.figures.rows import Asked, Row, to_json, to_markdown, what_scores_mean  # noqa: E402


def test_equal_scores_count_against_the_truth():
    same, truth = np.zeros(10), np.array([True] + [False] * 9)
    assert average_precision(same, truth) == pytest.approx(0.1)
    assert precision_at(same, truth) == 0
    assert first_right(np.zeros((3, 4)), np.array([0, 1, 2])) == 0
    assert recalls(np.zeros((3, 4)), np.array([0, 1, 2]), (3, 4)) == {3: 0.0, 4: 1.0}


def test_average_precision_is_the_area_by_rank():
    scores, truth = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert average_precision(scores, truth) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, truth, np.array([True, False, True, True])) == 1
    assert math.isnan(average_precision(scores, np.zeros(4, bool)))


def test_precision_looks_no_further_than_there_are_right_answers():
    scores = np.arange(20)[::-1]
    assert precision_at(scores, np.arange(20) < 3) == 1
    assert precision_at(scores, np.arange(20) >= 5) == 0.5
    assert math.isnan(precision_at(scores, np.zeros(20, bool)))


def test_gain_is_one_for_the_best_order_and_as_promised_for_a_random_one():
    rng = np.random.default_rng(0)
    gains = rng.random(30)
    best, chance = gain_at(gains, gains)
    assert best == pytest.approx(1)
    tried = np.mean([gain_at(rng.random(30), gains)[0] for _ in range(2000)])
    assert tried == pytest.approx(chance, abs=0.01) and chance < 0.8


def test_boxes_that_only_touch_do_not_meet():
    boxes = np.array([[0, 0, 2, 2], [2, 0, 4, 2], [1, 1, 3, 3]], float)
    assert overlaps(boxes).tolist() == [[True, False, True], [False, True, True], [True, True, True]]


def test_a_score_is_said_to_mean_the_share_of_right_regions():
    asked = Asked("colour words", np.array([-0.4, -0.01, 0.31, 0.39, 0.3, 0.95]), np.array([0, 1, 1, 0, 1, 1]))
    low, middle, high = what_scores_mean([asked])
    assert (low["to"], low["n"], low["right"]) == (0.0, 2, 0.5)
    assert (middle["from"], middle["to"], middle["n"], middle["right"]) == (0.3, 0.4, 3, 0.667)
    assert (high["n"], high["right"], high["chance"]) == (1, 1.0, 0.667)


def test_the_table_has_every_row_with_its_command_and_a_note_once():
    rows = [
        to_json(Row("a", "first", 0.5, 10, 0.25, 0.4, ".3", "How."), "go --only a"),
        to_json(Row("a", "second", None, 0, None, 0.4, "", "How."), "go --only a"),
    ]
    assert [row["met"] for row in rows] == [True, None]
    text = to_markdown(rows, [])
    assert "| first (1) | .3 | 0.4 | 0.5 | 10 | 0.25 | `go --only a` |" in text
    assert "second (1)" in text and text.count("How.") == 1
    assert to_json(Row("a", "nothing right", float("nan"), 3), "")["figure"] is None

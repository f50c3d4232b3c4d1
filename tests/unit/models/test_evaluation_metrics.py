"""Figures of the evaluation, against numbers computed by hand and against every order there is."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from geoloupe.models.evaluation import metrics

RIGHT = np.array([False, True, False, True, False])  # right at ranks 2 and 4


def test_one_ranking_by_hand():
    assert metrics.precision_at(RIGHT, 1) == 0
    assert metrics.precision_at(RIGHT, 5) == pytest.approx(2 / 5)
    assert metrics.precision_at(RIGHT[:3], 5) == pytest.approx(1 / 5)  # places that are not there are wrong
    assert (metrics.any_at(RIGHT, 1), metrics.any_at(RIGHT, 2)) == (0, 1)
    assert (metrics.share_at(RIGHT, 2), metrics.share_at(RIGHT, 4)) == (0.5, 1)
    assert metrics.reciprocal_rank(RIGHT) == 0.5
    assert metrics.average_precision(RIGHT) == pytest.approx((1 / 2 + 2 / 4) / 2)
    nothing = np.zeros(4, bool)
    assert metrics.reciprocal_rank(nothing) == metrics.average_precision(nothing) == metrics.share_at(nothing, 2) == 0


def test_average_precision_against_the_textbook_example():
    """Scores .1 .4 .35 .8, right the last two but one: scikit-learn's documentation gives .8333."""
    scores, right = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    order, _ = metrics.order_against(scores, right.astype(float))
    assert metrics.average_precision(right[order]) == pytest.approx(0.8333, abs=1e-4)


def test_ndcg_by_hand():
    """Grades 3 2 3 0 1 2 in the order found: DCG 6.861, the best order gives 7.141."""
    grades = np.array([3, 2, 3, 0, 1, 2], float)
    gained = 3 + 2 / math.log2(3) + 3 / 2 + 0 + 1 / math.log2(6) + 2 / math.log2(7)
    best = 3 + 3 / math.log2(3) + 2 / 2 + 2 / math.log2(5) + 1 / math.log2(6)
    assert gained == pytest.approx(6.861, abs=1e-3)
    assert metrics.ndcg_at(grades, 10) == pytest.approx(gained / best)
    assert metrics.ndcg_at(grades, 1) == 1
    assert metrics.ndcg_at(np.zeros(3), 10) == 0


def test_equal_scores_count_against_the_right_one():
    scores, right = np.array([0.5, 0.9, 0.5 + 1e-8, 0.5]), np.array([1.0, 0, 0, 0])
    order, tied = metrics.order_against(scores, right)
    assert order[0] == 1 and tied == 1 and order[-1] == 0
    order, tied = metrics.order_against(np.full(4, 0.3), right)
    assert tied == 4 and order[-1] == 0


def test_what_is_not_a_number_comes_last():
    order, tied = metrics.order_against(np.array([np.nan, 0.1, np.nan]), np.array([1.0, 0, 0]))
    assert order.tolist() == [1, 2, 0] and tied == 1
    order, tied = metrics.order_against(np.full(3, np.nan), np.array([1.0, 0, 0]))
    assert order[-1] == 0 and tied == 3


@pytest.mark.parametrize("total, right", [(1, 1), (4, 1), (5, 2), (6, 3), (6, 6), (5, 0)])
def test_chance_is_the_mean_over_every_order(total, right):
    flags = [True] * right + [False] * (total - right)
    orders = [np.array(order) for order in itertools.permutations(flags)]

    def mean(figure, *more):
        return np.mean([figure(order, *more) for order in orders])

    for depth in (1, 2, 5):
        assert metrics.chance_precision(total, right, depth) == pytest.approx(mean(metrics.precision_at, depth))
        assert metrics.chance_any(total, right, depth) == pytest.approx(mean(metrics.any_at, depth))
        assert metrics.chance_share(total, right, depth) == pytest.approx(mean(metrics.share_at, depth))
    assert metrics.chance_reciprocal(total, right) == pytest.approx(mean(metrics.reciprocal_rank))
    assert metrics.chance_average_precision(total, right) == pytest.approx(mean(metrics.average_precision))


def test_chance_of_graded_relevance_is_the_mean_over_every_order():
    grades = np.array([1, 0.5, 0.25, 0, 0])
    every = [metrics.ndcg_at(np.array(order), 3) for order in itertools.permutations(grades)]
    assert metrics.chance_ndcg(grades, 3) == pytest.approx(np.mean(every))


def test_overlap_of_boxes_by_hand():
    first = np.array([0, 0, 0.5, 0.5])
    assert metrics.overlap(first, np.array([0.25, 0, 0.75, 0.5])) == pytest.approx(1 / 3)
    assert metrics.overlap(first, first) == 1
    assert metrics.overlap(first, np.array([0.6, 0.6, 0.9, 0.9])) == 0


def test_kilometres_between_known_cities():
    london, paris, sydney = np.array([51.5074, -0.1278]), np.array([48.8566, 2.3522]), np.array([-33.8688, 151.2093])
    assert metrics.kilometres(london, paris) == pytest.approx(343.6, abs=1)
    assert metrics.kilometres(london, sydney) == pytest.approx(16994, abs=20)
    assert metrics.kilometres(np.array([0.0, 179.9]), np.array([0.0, -179.9])) == pytest.approx(22.24, abs=0.1)


def test_the_normal_function_has_the_values_of_the_tables():
    values = np.array([-1.0, 0.0, 1.0])  # mean 0, deviation (n - 1) 1
    assert metrics.normal_function(values) == pytest.approx([0.158655, 0.5, 0.841345], abs=1e-6)
    assert metrics.normal_function(np.full(3, 0.7)).tolist() == [0.5] * 3


def test_the_interval_holds_the_mean_and_draws_units_together():
    rng = np.random.default_rng(0)
    values = (rng.random((400, 1)) < 0.3).astype(float)
    low, high = metrics.interval(values, np.arange(400), seed=1)
    # The normal approximation: 1.96 * sqrt(.3 * .7 / 400) = .045 to each side.
    assert low[0] < values.mean() < high[0] and (high - low)[0] == pytest.approx(0.09, abs=0.015)
    repeated = np.repeat(values, 4, axis=0)  # four questions about each image, all alike, are not four times the evidence
    low4, high4 = metrics.interval(repeated, np.repeat(np.arange(400), 4), seed=1)
    assert (high4 - low4)[0] == pytest.approx((high - low)[0], abs=0.01)
    assert np.isnan(metrics.interval(values, np.zeros(400, int), seed=1)).all()
    assert metrics.interval(values, np.arange(400), seed=1).tolist() == [low.tolist(), high.tolist()]

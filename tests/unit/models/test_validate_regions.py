"""How boxes and grids are read for the figures; the readers here answer with what lies in the box."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")

from geoloupe.models.compact.figures.baseline import inside  # noqa: E402
from geoloupe.models.compact.figures.captions import word_overlap  # noqa: E402
from geoloupe.models.compact.figures.composition import draw  # noqa: E402
from geoloupe.models.compact.figures.imagery import in_middle  # noqa: E402
from geoloupe.models.compact.figures.measures import overlaps  # noqa: E402
from geoloupe.models.compact.figures.places import by_country, on_land  # noqa: E402
from geoloupe.models.compact.figures.regions import background, read_among, read_boxes, read_grid  # noqa: E402
from geoloupe.models.compact.places import held_out  # noqa: E402


def means(chips, boxes):
    """The mean colour in each box."""
    side = chips.shape[1]
    found = np.zeros((*boxes.shape[:2], 3), np.float32)
    for chip in range(len(chips)):
        for number, box in enumerate(boxes[chip]):
            x0, y0, x1, y1 = np.round(box * side).astype(int)
            found[chip, number] = chips[chip, y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].mean((0, 1))
    return found


def ramp(height, width):
    """A picture whose colour tells the place: red grows to the right, green downwards."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width)[None]
    picture[..., 1] = np.linspace(0, 255, height)[:, None]
    return picture


def expected(boxes, height, width):
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2 / width, (boxes[:, 1] + boxes[:, 3]) / 2 / height
    return np.stack([x, y], 1) * 255


def test_a_box_is_read_where_it_lies():
    boxes = np.array([[10, 20, 40, 60], [250, 150, 299, 199], [0, 0, 12, 8]], float)
    (found,) = read_boxes(ramp(200, 300), boxes, [means])
    assert np.abs(found[:, :2] - expected(boxes, 200, 300)).max() < 4


@pytest.mark.parametrize("size", [(200, 300), (90, 333), (50, 60)])
def test_every_region_of_a_grid_is_read_where_it_lies(size):
    boxes, (found,) = read_grid(ramp(*size), 32, [means])
    across, down = ((length - 32) // 16 + 1 for length in (size[1], size[0]))
    assert len(boxes) == across * down == len({tuple(box) for box in boxes.tolist()})
    assert np.abs(found[:, :2] - expected(boxes, *size)).max() < 6


def test_a_thing_lies_in_the_middle_half_of_one_region():
    regions, _ = read_grid(ramp(320, 320), 32, [means])
    middles = np.random.default_rng(0).uniform(40, 280, (50, 2))
    shown = np.array([in_middle(regions, np.concatenate([at - 3, at + 3])[None]).sum() for at in middles])
    assert (shown == 1).all()


def test_the_background_meets_nothing_labelled():
    boxes = np.array([[10, 10, 60, 50], [100, 80, 130, 110]], float)
    others = background(boxes, (200, 300))
    assert len(others) == 10 and not overlaps(others, boxes).any()
    assert others.min() >= 0 and (others[:, 2:] <= [300, 200]).all()
    assert len(background(np.array([[0, 0, 300, 200]], float), (200, 300))) == 0


def test_things_stand_among_other_places_and_not_in_the_middle():
    picture, rng = ramp(400, 400), np.random.default_rng(3)
    every = np.stack([np.array([x, y, x + 20, y + 14], float) for x, y in rng.uniform(0, 380, (30, 2))])
    places = []

    def reader(chips, boxes):
        places.append((boxes[0, 0, :2] + boxes[0, 0, 2:]) / 2)
        return means(chips, boxes)

    boxes, which, (found,) = read_among(picture, every[:8], every, [reader], rng)
    assert sorted(which[which >= 0]) == list(range(8)) and np.array_equal(boxes[which >= 0], every[:8])
    assert (which < 0).sum() > 50 and not overlaps(boxes[which < 0], every).any()
    assert np.abs(found[:, :2] - expected(boxes, 400, 400)).max() < 6
    assert np.std(places, 0).min() > 0.1


def test_a_box_takes_the_exact_part_of_each_cell():
    part = inside(np.array([[[0.0, 0.0, 0.75, 0.5]]], np.float32), 2)[0, 0]
    assert part.tolist() == [1, 0.5, 0, 0]


def test_captions_overlap_by_what_they_say():
    spoken = [["many trees are near a road", "a green lake"], ["a tree beside some wide roads"], ["white houses"]]
    overlap = word_overlap(spoken)
    assert overlap.shape == (4, 3)
    assert overlap[0, 0] == overlap[1, 0] == 1 and overlap[0, 1] == pytest.approx(2 / 3) and overlap[3, 0] == 0


def test_there_are_as_many_distractors_of_each_sort_as_targets():
    parts = [np.arange(50), np.arange(100, 105), np.arange(200, 290)]
    pool, truth = draw(parts, np.random.default_rng(0))
    assert truth.sum() == 5 and len(pool) == 15 and (pool[truth] < 50).all()
    assert draw([np.arange(50), np.arange(2), np.arange(50)], np.random.default_rng(0)) is None


def test_points_lie_on_held_out_land_and_small_countries_come_as_often():
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(1)
    points, country = on_land([shapely.box(-60, -30, 60, 30), shapely.box(100, 0, 115, 15)], rng)
    assert held_out(points[:, 0], points[:, 1]).all() and set(country) == {0, 1}
    assert (country == 1).mean() < 0.1
    assert (country[by_country(country, rng, 400)] == 1).mean() == pytest.approx(0.5, abs=0.1)

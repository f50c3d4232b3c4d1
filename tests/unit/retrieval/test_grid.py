"""Where chips and regions lie, and whose they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval.grid import (
    HALF,
    OBJECT_SHARE,
    QUARTER,
    WHOLE,
    Axis,
    Grid,
    Scale,
    query_chip,
    scales_for_object_size,
)
from geoloupe.plugin.retrieval.plan import BLOCK, chips_in, in_order


def test_a_chip_inside_the_raster_owns_46_regions():
    grid = Grid(5000, 5000, 1.0, Scale(1.0), 224)
    counts = grid.region_counts()
    assert grid.side == 224 and grid.columns[1] == 168
    assert (counts[1:-2, 1:-2] == 46).all()
    _, kinds = grid.regions(grid.chip(5, 7))
    assert [(kinds == kind).sum() for kind in (QUARTER, HALF, WHOLE)] == [36, 9, 1]


def test_without_overlap_a_chip_owns_21_regions_side_by_side():
    grid = Grid(224 * 10, 224 * 10, 1.0, Scale(1.0), 224, overlap=False)
    assert grid.shape == (10, 10) and (grid.region_counts() == 21).all()


@settings(max_examples=60, deadline=None)
@given(length=st.integers(1, 4000), unit=st.integers(1, 60), overlap=st.booleans())
def test_every_region_lies_whole_in_the_chip_where_it_is_most_central(length, unit, overlap):
    axis = Axis(length, unit, overlap)
    chips = axis.chip_starts
    assert chips[0] == 0 and (np.diff(chips) > 0).all()
    assert chips[-1] + axis.side == length or len(chips) == 1
    if len(chips) > 1:
        assert (np.diff(chips)[:-1] == (6 if overlap else 8) * unit).all()  # only the last one is shifted
    for kind in (QUARTER, HALF):
        size = {QUARTER: 2, HALF: 4}[kind] * unit
        starts, owners = axis.region_starts(kind), axis.owners(kind)
        assert len(np.unique(starts)) == len(starts) and (owners >= 0).all()
        assert (chips[owners] <= starts).all() and (starts + size <= chips[owners] + axis.side).all()
        covered = np.zeros(max(length, size), dtype=bool)
        for start, owner in zip(starts, owners, strict=True):
            covered[start : start + size] = True
            holding = [c for c in chips if c <= start and start + size <= c + axis.side]
            distance = [abs(2 * c + axis.side - 2 * start - size) for c in holding]
            assert abs(2 * chips[owner] + axis.side - 2 * start - size) == min(distance)
        assert covered[:length].all()


def test_every_region_belongs_to_exactly_one_chip():
    grid = Grid(1003, 777, 0.5, Scale(0.7), 64)
    seen = {}
    for row in range(grid.shape[0]):
        for column in range(grid.shape[1]):
            windows, kinds = grid.regions(grid.chip(column, row))
            assert len(windows) == grid.region_counts()[row, column]
            for window, kind in zip(windows, kinds, strict=True):
                key = (*window.tolist(), int(kind))
                assert key not in seen
                seen[key] = (column, row)
    across, down = grid.across, grid.down
    wanted = sum(len(across.region_starts(kind)) * len(down.region_starts(kind)) for kind in (QUARTER, HALF, WHOLE))
    assert len(seen) == wanted


def test_an_extent_selects_chips_and_never_moves_them():
    grid = Grid(2000, 2000, 1.0, Scale(1.0), 224)
    everything, some = chips_in(grid, None), chips_in(grid, box(300, 300, 800, 800))
    assert everything.all() and some.sum() == 16  # those that begin at 168, 336, 504, 672
    assert 4 < chips_in(grid, Polygon([(300, 300), (800, 800), (300, 800)])).sum() < 16
    assert not chips_in(grid, box(-50, -50, -1, -1)).any() and not chips_in(grid, box(2000, 0, 2100, 50)).any()
    assert chips_in(grid, box(1999, 1999, 2100, 2100)).sum() == 1


def test_chips_come_row_by_row_within_blocks():
    order = in_order(np.ones((BLOCK + 2, BLOCK + 2), dtype=bool), striped=False)
    assert len({tuple(place) for place in order.tolist()}) == (BLOCK + 2) ** 2
    assert (order[: BLOCK * BLOCK] < BLOCK).all() and order[1].tolist() == [0, 1]
    striped = in_order(np.ones((BLOCK + 2, BLOCK + 2), dtype=bool), striped=True)
    assert striped[BLOCK + 1].tolist() == [0, BLOCK + 1]


def test_a_scale_shows_an_object_at_a_third_of_a_chip():
    (scale,) = scales_for_object_size(30.0, 0.1, (0.05, 5.0), 224)
    assert scale.gsd * 224 * OBJECT_SHARE == pytest.approx(30.0)
    assert scales_for_object_size(None, 0.13, (0.05, 5.0), 224) == [Scale(0.13)]
    assert scales_for_object_size(1.0, 0.5, (0.05, 5.0), 224) == [Scale(0.25)]  # not more than twice magnified
    assert scales_for_object_size(None, 30.0, (0.05, 5.0), 224) == [Scale(30.0)]  # no finer than there is


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(10, 3000), height=st.integers(10, 3000), x=st.floats(0, 0.9), y=st.floats(0, 0.9),
    w=st.floats(0.01, 1), h=st.floats(0.01, 1), gsds=st.lists(st.floats(0.3, 4), max_size=3),
)  # fmt: skip
def test_a_query_box_lies_in_its_chip(width, height, x, y, w, h, gsds):
    x0, y0 = x * width, y * height
    x1, y1 = min(width, x0 + max(2, w * width)), min(height, y0 + max(2, h * height))
    window, gsd, (left, top, right, bottom) = query_chip((x0, y0, x1, y1), width, height, 0.5, gsds, 64)
    assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1 and gsd > 0
    assert window.width == window.height and window.x0 >= 0 and window.y0 >= 0
    assert window.x0 + left * window.width == pytest.approx(x0, abs=1e-6)
    assert window.x0 + right * window.width == pytest.approx(x1, abs=1e-6)
    if width >= window.width:
        assert window.x1 <= width


def test_a_query_chip_takes_the_nearest_scale_of_the_index():
    window, gsd, _ = query_chip((500, 500, 540, 540), 1000, 1000, 1.0, [0.5, 1.7, 8.0], 64)
    assert gsd == 1.7 and window.width == 112


def test_a_grid_over_half_the_world_is_refused_in_one_sentence():
    with pytest.raises(GeoLoupeError, match="million chips") as problem:
        Grid(67_000_000, 67_000_000, 0.6, Scale(0.6), 224)
    assert problem.value.code == "usage"

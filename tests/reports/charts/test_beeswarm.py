"""gameday_reports.charts.beeswarm: no dot hides another, and an axis shows every value."""

from __future__ import annotations

from itertools import combinations
from math import hypot, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameday_reports.charts.beeswarm import Axis, pile, span, swarm
from tests.support.nonempty_all import nonempty_all


@given(st.lists(st.floats(0, 200), max_size=12))
def test_dots_step_aside(xs: list[float]) -> None:
    """With room enough, no two dots overlap, and none leaves the room."""
    offsets = swarm(xs, 4, 200)
    placed = list(zip(xs, offsets, strict=True))
    assert [(a, b) for a, b in combinations(placed, 2) if hypot(a[0] - b[0], a[1] - b[1]) < 7.9] == []
    assert [y for y in offsets if abs(y) > 100] == []


@given(st.lists(st.floats(0, 50), max_size=60))
def test_many_dots_stay_in_their_row(xs: list[float]) -> None:
    """However many there are, they keep to the room, drawn closer."""
    assert [y for y in swarm(xs, 4, 32) if abs(y) > 16] == []


@given(st.integers(0, 300))
def test_a_pile_has_a_place_for_each(n: int) -> None:
    """All within the rail, about its middle."""
    placed = pile(n, 4, 28, 32)
    assert len(placed) == len(set(placed)) == n
    assert [(x, y) for x, y in placed if abs(x) > 14 or abs(y) > 20] == []


@given(st.lists(st.floats(1e-6, 1e6), min_size=1))
def test_the_axis_holds_every_value(values: list[float]) -> None:
    """And never begins above half the largest, so that a small difference doesn't look large."""
    low, high = span([*values, inf])
    assert low <= min(values)
    assert max(values) < high
    assert low <= max(values) / 2
    axis = Axis(low, high, 100, 130)
    assert nonempty_all(0 <= axis.at(value) <= 100 for value in values)


@pytest.mark.parametrize("values", [[-3.0], [-0.4, -0.3], [-0.2, 0.1, inf]])
def test_negative_values_lie_on_the_axis(values: list[float]) -> None:
    """A time to settle is negative if users are well before the operation is done; the axis then reaches to zero."""
    low, high = span(values)
    axis = Axis(low, high, 100, 130)
    finite = [value for value in values if value < inf]
    places = [axis.at(value) for value in sorted(finite)]
    assert low < min(finite)
    assert high >= max(0.0, *finite)
    assert 0 < places[0] <= places[-1] <= 100
    assert len(set(places)) == len(set(finite))


@pytest.mark.parametrize("values", [[], [0.0], [inf]])
def test_an_axis_without_values_is_from_zero_to_one(values: list[float]) -> None:
    """Nothing to scale by; the infinite stand on the rail, what is below at the beginning."""
    assert span(values) == (0.0, 1.0)
    axis = Axis(0.0, 1.0, 100, 130)
    assert [axis.at(each) for each in (inf, -inf, -3.0, 0.5, 9.0)] == [130, 0, 0, 50, 100]

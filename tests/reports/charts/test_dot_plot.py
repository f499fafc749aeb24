"""gameday_reports.charts.dot_plot: a dot plot shows every value in its place, whatever is alike, small or infinite."""

from __future__ import annotations

import re
from math import inf

import pytest

from gameday_reports.charts.dot_plot import Guide, Plot, Row, draw, drawn
from gameday_reports.charts.timeline_chart import SIZES, Size
from tests.support.nonempty_all import nonempty_all

WIDE = SIZES[0]


def places(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]


@pytest.mark.parametrize("value", [2.0, inf])
def test_trials_that_are_alike_are_all_seen(value: float) -> None:
    """Ten dots at ten places."""
    found = places(draw(Plot("p", "Ten alike.", "seconds", [Row("", "series-1", (value,) * 10)]), WIDE))
    assert len(found) == len(set(found)) == 10


@pytest.mark.parametrize("size", SIZES)
def test_all_of_a_plot_is_within_the_drawing(size: Size) -> None:
    """Dots and the rail: nothing is cut off at either side."""
    row = Row("new", "series-1", (0.0, 5.0, inf, inf), 5.0, (0.0, inf))
    plot = Plot("p", "x", "seconds", [row], [Guide(4.0, "limit")])
    svg = draw(plot, size)
    assert svg.startswith(f'<svg viewBox="0 0 {size.width} ')
    assert len(places(svg)) > 3
    assert nonempty_all(0 <= x + size.left <= size.width - 4 for x, _ in places(svg))


def test_an_interval_without_end_reaches_the_rail() -> None:
    """Its line ends where the dots that never came stand."""
    svg = draw(Plot("p", "x", "seconds", [Row("", "series-1", (1.0, 2.0, inf), 2.0, (1.0, inf))]), WIDE)
    found = re.search(r'intervals_marks"><line transform="translate\(([\d.]+),[\d.]+\)" x2="([\d.]+)"', svg)
    assert found is not None
    assert float(found[1]) + float(found[2]) == pytest.approx(places(svg)[-1][0], abs=0.02)


def test_a_ratio_that_reaches_high_is_shown_up_to_all() -> None:
    """A small one is shown large enough to be read."""
    high = draw(Plot("p", "x", "ratio", [Row("", "series-1", (0.2, 0.9))]), WIDE)
    low = draw(Plot("p", "x", "ratio", [Row("", "series-1", (0.01, 0.02))]), WIDE)
    assert "100 %" in high
    assert "100 %" not in low
    assert max(x for x, _ in places(low)) > 700


def test_drawings_stop_at_the_room_there_is() -> None:
    """Whole plots only, in the order given."""
    plots = [Plot(f"p{i}", "x", "seconds", [Row("", "series-1", (1.0, 2.0))]) for i in range(3)]
    one = sum(len(draw(plots[0], size)) for size in SIZES)
    assert list(drawn(plots, 2 * one + 10)) == ["p0", "p1"]
    assert drawn(plots, one - 10) == {}

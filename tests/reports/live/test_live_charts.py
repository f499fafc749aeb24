"""Charts of the live page: labels of bars stay within the drawing."""

import re

import pytest

from gameday_reports.live.live_charts import WIDTH, Bar, Frame, latency_chart, requests_chart

FRAME = Frame(0, 100)


def label_of(begin: float, end: float | None) -> tuple[str, float, str]:
    """Return class, place and anchor of the label of a fault."""
    chart = requests_chart(FRAME, {}, [Bar("fault", "region.lose eu-west", begin, end)], [])
    match = re.search(r'<text( class="beside")? x="([\d.]+)" y="22"( text-anchor="end")?>region.lose', chart)
    assert match
    return match[1] or "", float(match[2]), match[3] or ""


@pytest.mark.parametrize("begin", [97.0, 60.0])
def test_the_label_of_a_short_fault_is_beside_its_bar(begin: float) -> None:
    """A fault that has just begun, or is over soon, has its label on the left, where there is room."""
    beside, x, anchor = label_of(begin, begin + 2)
    assert (bool(beside), bool(anchor)) == (True, True)
    assert x < FRAME.x(begin)


def test_the_label_of_a_short_fault_at_the_left_edge_is_on_its_right() -> None:
    """Without room on the left, the label follows the bar."""
    beside, x, anchor = label_of(1.0, 3.0)
    assert (bool(beside), bool(anchor)) == (True, False)
    assert FRAME.x(3.0) < x < WIDTH / 2


def test_the_label_of_a_long_fault_is_in_its_bar() -> None:
    """A bar with room for its label holds it."""
    beside, x, anchor = label_of(20.0, None)
    assert (beside, anchor) == ("", "")
    assert x == pytest.approx(FRAME.x(20.0) + 4, abs=0.1)


def test_each_mark_of_the_latency_axis_has_a_unit() -> None:
    """10 ms, 0.1 s and 1 s."""
    chart = latency_chart(FRAME, {}, {}, [], [])
    marks = re.findall(r'text-anchor="end">([^<]+)<', chart)
    assert marks == ["10 ms", "0.1 s", "1 s"]

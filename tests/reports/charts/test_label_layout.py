"""gameday_reports.charts.label_layout: labels of clocks never overlap, and none is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gameday_reports.charts.label_layout import GAP, Label, lanes, place
from gameday_reports.text.formatting import CLOCKS

TIMES = st.dictionaries(st.sampled_from(list(CLOCKS)), st.floats(0, 60, allow_nan=False), max_size=10)


def _overlap(one: Label, two: Label) -> bool:
    return one.lane == two.lane and one.box[0] < two.box[1] and two.box[0] < one.box[1]


@given(TIMES, st.sampled_from([306, 854]))
def test_no_label_lies_over_another(clocks: dict[str, float], width: int) -> None:
    """Whatever the clocks, two labels of one lane don't touch."""
    labels = place(clocks, 0, 60, width)
    assert not any(_overlap(one, two) for i, one in enumerate(labels) for two in labels[:i])


@given(TIMES)
def test_every_clock_has_its_name_in_a_label(clocks: dict[str, float]) -> None:
    """Merging joins names, it never drops one."""
    shown = " ".join(label.text for label in place(clocks, 0, 60, 854)).split()
    assert sorted(word for word in shown if word != "·") == sorted(clocks)


@given(TIMES)
def test_no_line_runs_through_a_label_beside_it(clocks: dict[str, float]) -> None:
    """A line starts at its own lane: the texts to the right of lines in lower lanes must begin after it."""
    labels = [label for label in place(clocks, 0, 60, 854) if not label.flipped]
    for line in labels:
        below = [label for label in labels if label.lane > line.lane]
        assert not any(label.box[0] < line.x < label.box[1] for label in below)


def test_clocks_within_a_tenth_of_a_second_share_a_label_in_their_order() -> None:
    """On 45 s in 854 px a tenth of a second is 2 px: one label names both."""
    labels = place({"ack": 15.44, "act": 15.44, "paged": 15.41, "inject": 14.2}, 3, 48, 854)
    assert [label.text for label in labels] == ["inject", "paged · ack · act"]
    assert [label.lane for label in labels] == [0, 1]


def test_a_label_at_the_right_end_stands_to_the_left_of_its_line() -> None:
    """A label that would leave the chart is flipped and stays inside."""
    (label,) = place({"recovered": 59.9}, 0, 60, 854)
    assert label.flipped
    assert label.box[1] == label.x - GAP


def test_no_clocks_need_no_lanes() -> None:
    """An empty run has no labels and needs no room for them."""
    assert lanes(place({}, 0, 60, 854)) == 0

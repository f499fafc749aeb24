"""gameday_reports.charts.clock_strip: the decomposed clock."""

from __future__ import annotations

import pytest

from gameday_reports.charts.clock_strip import strip
from tests.support.sample_outcome import sparse_outcome

CLOCKS = {
    "inject": 10.0,
    "effect": 11.0,
    "injected": 12.0,
    "detect": 13.0,
    "act": 14.0,
    "recovered": 15.0,
    "acted": 20.0,
}


def test_nothing_to_draw_without_clocks() -> None:
    """A run in which no clock was set has no strip."""
    assert strip(sparse_outcome(), {}, 60) is None


def test_stamps_come_in_order_each_with_the_interval_before_it() -> None:
    """The intervals of all stamps add up to the time from first to last."""
    drawn = strip(sparse_outcome(), CLOCKS, 60)
    assert drawn is not None
    assert [step.name for step in drawn.steps] == [
        "inject",
        "effect",
        "injected",
        "detect",
        "act",
        "recovered",
        "acted",
    ]
    assert [step.since for step in drawn.steps] == [
        "",
        "+1.00 s",
        "+1.00 s",
        "+1.00 s",
        "+1.00 s",
        "+1.00 s",
        "+5.00 s",
    ]
    assert [step.at for step in drawn.steps] == [0, 10, 20, 30, 40, 50, 100]


def test_a_confirmation_in_between_does_not_turn_an_outage_back() -> None:
    """Effect to detect is unseen though the injection is confirmed in between; acted after recovered heals nothing."""
    drawn = strip(sparse_outcome(), CLOCKS, 60)
    assert drawn is not None
    phases = [segment.phase for segment in drawn.segments]
    assert phases == ["quiet", "unseen", "unseen", "waiting", "acting", "restoring"]


def test_an_outage_that_never_ended_runs_to_the_end() -> None:
    """The bar reaches the end of the samples, and the open interval is drawn open to where it was censored."""
    outcome = sparse_outcome(ttr_state="censored", ttr_censored_at=60.0, clocks={"effect": 10.0})
    drawn = strip(outcome, {"inject": 10.0, "effect": 10.0}, 60)
    assert drawn is not None
    assert drawn.segments[-1].left + drawn.segments[-1].width == pytest.approx(100)
    (ttr,) = [span for span in drawn.spans if span.short == "TTR"]
    assert (ttr.open, ttr.left, ttr.width) == (True, 0, 100)
    assert (ttr.value, ttr.state) == ("never", "censored after 50.00 s")


def test_clocks_that_never_happened_are_named() -> None:
    """What is missing is said in words."""
    drawn = strip(sparse_outcome(), {"inject": 10.0}, 60)
    assert drawn is not None
    assert drawn.missing == [
        "injected",
        "effect",
        "detect",
        "paged",
        "ack",
        "act",
        "acted",
        "recovered",
        "restored",
    ]

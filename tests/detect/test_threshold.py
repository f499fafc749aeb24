"""Tests of the plain threshold."""

from __future__ import annotations

from gameday.detect import threshold
from gameday.detect.baseline_rate import Normal
from gameday.detect.threshold import Parameters, Threshold
from gameday.scenario import Slo

SLO = Slo.model_validate({"name": "checkout", "sli": "availability", "objective": "99%"})


def test_it_takes_enough_bad_ones() -> None:
    """Nine bad outcomes of nine are too few; the tenth raises, once, until the reset."""
    detector = threshold.make(Parameters(), SLO, Normal(0.001, 10.0))
    assert [detector.observe(n * 0.1, False) for n in range(12)] == [False] * 9 + [True, False, False]
    detector.reset()
    assert not detector.observe(2.0, False)


def test_it_takes_a_large_enough_share() -> None:
    """Ten bad of two hundred are exactly five budgets of 1 % and don't raise; one good outcome
    fewer does."""
    for good, raises in ((190, False), (189, True)):
        detector = threshold.make(Parameters(), SLO, Normal(0.001, 10.0))
        alarms = [detector.observe(n * 0.01, n < good) for n in range(good + 10)]
        assert any(alarms) == raises


def test_the_window_slides() -> None:
    """Outcomes older than the window don't count."""
    detector = Threshold(10.0, 3, 0.05)
    assert not any(detector.observe(t, False) for t in (0.0, 1.0, 11.0, 12.5))
    assert detector.observe(13.0, False)

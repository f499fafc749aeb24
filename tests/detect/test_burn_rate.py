"""Tests of the multiwindow burn rate."""

from __future__ import annotations

import pytest

from gameday.detect import burn_rate
from gameday.detect.baseline_rate import Normal
from gameday.detect.burn_rate import BurnRate, Parameters, Window
from gameday.scenario import Slo

SLO = Slo.model_validate({"name": "checkout", "sli": "availability", "objective": "99%"})


def detector(scale: float = 60.0, burns: float = 1.0) -> BurnRate:
    return burn_rate.make(Parameters(scale=scale, burns=burns), SLO, Normal(0.002, 10.0))


def first_alarm(fold: BurnRate, bad_from: float, every: int, seconds: float = 1200.0) -> float | None:
    """Return the time of the first alarm at 10 outcomes/s, good until `bad_from`, then one bad in
    `every`."""
    times = (n / 10 for n in range(round(seconds * 10)))
    bad = (t >= bad_from and round(t * 10) % every == 0 for t in times)
    return next((n / 10 for n, one in enumerate(bad) if fold.observe(n / 10, not one)), None)


def test_the_books_own_windows() -> None:
    """Unscaled, at an objective of 99 %, errors alone raise after 14.4 % of an hour."""
    alarm = first_alarm(detector(scale=1.0), 3600.0, 1, 3600 + 600)
    assert alarm == pytest.approx(3600 + 0.144 * 3600, abs=8)


def test_scaled_windows() -> None:
    """Windows sixty times shorter raise sixty times sooner, and burns of a third sooner again."""
    assert first_alarm(detector(), 600.0, 1) == pytest.approx(600 + 0.144 * 60, abs=0.3)
    assert first_alarm(detector(burns=0.5), 600.0, 1) == pytest.approx(600 + 0.072 * 60, abs=0.3)


def test_a_slow_burn_takes_the_long_window() -> None:
    """10 % errors are under 14.4 budgets and over 6: the window of 6 h / 60 raises when 6 % of it
    are bad."""
    assert first_alarm(detector(), 600.0, 10) == pytest.approx(600 + 0.6 * 360, abs=3)
    assert first_alarm(detector(), 600.0, 20) is None


def test_both_windows_must_burn() -> None:
    """Single errors long after a burst don't raise, as only the long window burns; six at once do."""
    for more, raises in ((1, False), (6, True)):
        fold = BurnRate(((60.0, 0.1),), 10.0)
        bad = {*range(541, 599), *range(620, 700, 20), *range(700, 700 + more)}
        alarms = [fold.observe(n / 10, n not in bad) for n in range(710)]
        assert any(alarms) is raises


def test_the_first_bad_outcome_is_not_everything() -> None:
    """A bad first outcome doesn't raise, since the time before it counts as good."""
    assert [detector().observe(0.0, False) for _ in range(3)] == [False] * 3


def test_it_raises_once_until_reset() -> None:
    """The detector raises once; after the reset the windows are empty."""
    fold = detector()
    alarms = [fold.observe(n / 10, False) for n in range(200)]
    assert sum(alarms) == 1
    fold.reset()
    assert not any(fold.observe(20 + n / 10, False) for n in range(80))


def test_the_window_slides() -> None:
    """A window covers the last ten seconds, in slices of a five-hundredth."""
    window = Window(10.0, 1.0)
    for t in range(20):
        window.add(float(t), t < 15)
    assert window.ratio(19.0) == pytest.approx(0.5)

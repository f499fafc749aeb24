"""Tests of the EWMA: its chain, its limit, its bins."""

from __future__ import annotations

import numpy as np
import pytest

from gameday.detect import ewma
from gameday.detect.baseline_rate import Normal
from gameday.detect.ewma import Ewma, Parameters, average_run_length, limit_for
from gameday.scenario import Slo

SLO = Slo.model_validate({"name": "checkout", "sli": "availability", "objective": "99.5%"})


@pytest.mark.parametrize("mean", [0.012, 0.1, 1.2, 18.0])
def test_run_lengths_are_those_of_a_simulation(mean: float) -> None:
    """The chain's mean number of bins to a false alarm is that of 1,000 simulated charts, within
    four deviations."""
    limit = limit_for(0.1, mean, 1000.0)
    draw, z, runs, quiet = np.random.default_rng(1), np.full(1000, mean), np.zeros(1000), np.ones(1000, bool)
    while quiet.any():
        z = 0.9 * z + 0.1 * draw.poisson(mean, 1000)
        runs += quiet
        quiet &= z < limit
    assert average_run_length(0.1, limit, mean) == pytest.approx(1000, rel=0.05)
    assert runs.mean() == pytest.approx(1000, abs=4 * runs.std() / 1000**0.5 + 50)


def test_its_delay_is_the_known_one() -> None:
    """At p0 = 0.1 %, 100/s and a false alarm in 30 days the mean delay for 5 % of errors is 1.8 s."""
    fold, draw, delays = ewma.make(Parameters(), SLO, Normal(0.001, 100.0)), np.random.default_rng(4), []
    for _ in range(300):
        fold.reset()
        begin = 5 + draw.random()
        times = np.arange(0, 30, 0.01)
        bad = draw.random(len(times)) < np.where(times < begin, 0.001, 0.05)
        delays.append(
            next(t for t, one in zip(times, bad, strict=True) if fold.observe(float(t), not one)) - begin
        )
    assert np.mean(delays) == pytest.approx(1.82, abs=4 * np.std(delays) / len(delays) ** 0.5)


def test_a_bin_counts_at_its_end() -> None:
    """Bad outcomes raise at the first outcome after their bin, once, until the reset."""
    fold = Ewma(weight=0.5, limit=2.0, mean=0.0, bin=1.0)
    assert not any(fold.observe(10.2, False) for _ in range(9))
    assert [fold.observe(11.0, True), fold.observe(11.1, False), fold.observe(12.5, False)] == [
        True,
        False,
        False,
    ]
    fold.reset()
    assert not any(fold.observe(t, True) for t in (13.0, 14.0, 15.0))


def test_it_raises_at_the_limit() -> None:
    """At weight ½ sixteen bad outcomes make a mean of eight and reach that limit; fifteen don't."""
    for bad, raises in ((15, False), (16, True)):
        fold = Ewma(weight=0.5, limit=8.0, mean=0.0, bin=1.0)
        assert not any(fold.observe(0.5, False) for _ in range(bad))
        assert fold.observe(1.5, True) is raises


def test_old_outcomes_fade() -> None:
    """A bin weighs less than the next one, empty bins included; bad outcomes close together raise,
    spread ones don't."""
    apart, together = (Ewma(weight=0.5, limit=2.0, mean=0.0, bin=1.0) for _ in range(2))
    assert not any(apart.observe(t, t == 5.5) for t in (0.1, 0.2, 0.3, 4.1, 4.2, 4.3, 5.5))
    assert any(together.observe(t, t == 2.5) for t in (0.1, 0.2, 0.3, 1.1, 1.2, 1.3, 2.5))

"""Tests of the CUSUM: its exact run lengths, its design, and the fold itself."""

from __future__ import annotations

import numpy as np
import pytest

from gameday.detect import cusum
from gameday.detect.baseline_rate import Normal
from gameday.detect.cusum import Cusum, Parameters
from gameday.scenario import Slo
from gameday.slo import run_lengths
from gameday.slo.run_lengths import threshold_for

SLO = Slo.model_validate({"name": "checkout", "journey": "buy", "sli": "availability", "objective": "99.5%"})
RATE = 100.0
MONTH = 30 * 86_400 * RATE


def average_run_length(weight: int, limit: int, p: float) -> float:
    return run_lengths.average_run_length(weight, 1, limit, p)


def weight_of_bad(p0: float, p1: float) -> int:
    return round(run_lengths.weight_of_bad(p0, p1))


def limit_for(weight: int, p0: float, length: float) -> int:
    return threshold_for(weight, 1, p0, length)


def alarms(detector: Cusum, bad: np.ndarray) -> int:
    """Return the number of alarms over the outcomes, with a reset after each."""
    count = 0
    for one in bad.tolist():
        if detector.observe(0.0, not one):
            count += 1
            detector.reset()
    return count


@pytest.mark.parametrize(("weight", "limit"), [(1, 3), (19, 57), (254, 1503)])
def test_with_nothing_but_bad_ones_the_length_is_counted(weight: int, limit: int) -> None:
    """If every outcome is bad, the run length is the number of bad outcomes that reach the limit."""
    assert average_run_length(weight, limit, 1.0) == pytest.approx(-(-limit // weight))


@pytest.mark.parametrize(
    ("designed_for", "p", "seconds"),
    [
        (0.01, 0.01, 9.62),
        (0.01, 0.05, 1.40),
        (0.01, 0.25, 0.25),
        (0.01, 1.0, 0.06),
        (0.05, 0.05, 1.07),
        (0.25, 0.25, 0.160),
        (0.999, 1.0, 0.030),
    ],
)
def test_the_known_delays(designed_for: float, p: float, seconds: float) -> None:
    """At p0 = 0.1 %, 100 outcomes/s and a false alarm a month, the delays are the published ones of the exact chain."""
    weight = weight_of_bad(0.001, designed_for)
    limit = limit_for(weight, 0.001, MONTH)
    assert average_run_length(weight, limit, p) / RATE == pytest.approx(seconds, rel=0.03)


def test_the_default_is_near_the_limit() -> None:
    """The default design takes at most 1.1 × the optimum at 1 % errors, and 1.4 × at 5 %."""
    chosen = cusum.design(Parameters(), Normal(0.001, RATE))
    weight, limit = chosen.weight, chosen.limit
    for p, most in ((0.01, 1.1), (0.05, 1.4)):
        best = weight_of_bad(0.001, p)
        optimum = average_run_length(best, limit_for(best, 0.001, MONTH), p)
        assert average_run_length(weight, limit, p) <= most * optimum


def test_the_limit_is_the_smallest() -> None:
    """The limit keeps the required run length, and one less wouldn't."""
    for weight, p0 in ((24, 0.01), (127, 0.002)):
        limit = limit_for(weight, p0, 1e7)
        assert average_run_length(weight, limit, p0) >= 1e7 > average_run_length(weight, limit - 1, p0)


def test_false_alarms_are_as_rare_as_designed() -> None:
    """In simulated quiet outcomes the number of alarms is the design's, within four deviations."""
    weight, length, n = weight_of_bad(0.01, 0.1), 5000.0, 1_000_000
    detector = Cusum(weight, limit_for(weight, 0.01, length))
    expected = n / average_run_length(weight, detector.limit, 0.01)
    bad = np.random.default_rng(1).random(n) < 0.01
    assert alarms(detector, bad) == pytest.approx(expected, abs=4 * expected**0.5)


def test_delays_are_as_computed() -> None:
    """In simulated outages the mean delay is the chain's."""
    detector = cusum.make(Parameters(), SLO, Normal(0.001, RATE))
    draws, delays = np.random.default_rng(2).random((300, 3000)) < 0.05, []
    for outage in draws.tolist():
        detector.reset()
        delays.append(1 + next(n for n, bad in enumerate(outage) if detector.observe(0.0, not bad)))
    mean = average_run_length(detector.weight, detector.limit, 0.05)
    assert np.mean(delays) == pytest.approx(mean, abs=4 * np.std(delays) / len(delays) ** 0.5)


def test_streams_share_the_budget() -> None:
    """If several streams page, the quiet time of each is that many times longer."""
    alone, shared = (cusum.design(Parameters(), Normal(0.001, RATE, streams)) for streams in (1, 5))
    assert alone.weight == shared.weight
    assert shared.mean_delay(0.001) >= 5 * MONTH
    assert average_run_length(shared.weight, shared.limit - 1, 0.001) < 5 * MONTH


def test_it_raises_once_until_reset() -> None:
    """The outcome that reaches the limit raises; further ones don't until a reset."""
    detector = Cusum(3, 6)
    assert [detector.observe(0.0, good) for good in (False, False, False, False)] == [
        False,
        True,
        False,
        False,
    ]
    detector.reset()
    assert [detector.observe(0.0, good) for good in (False, False)] == [False, True]


def test_good_outcomes_weigh_against_bad_ones() -> None:
    """Each good outcome takes one off the sum, which never falls below zero."""
    detector = Cusum(3, 6)
    outcomes = [True] * 9 + [False, True, False, True, False]
    assert [detector.observe(0.0, good) for good in outcomes].index(True) == 13


@pytest.mark.parametrize("p0", [1e-5, 0.002, 0.3, 0.7, 0.99])
def test_there_is_a_design_for_every_p0(p0: float) -> None:
    """For any p0 the design has a weight that tells the change from normal."""
    chosen = cusum.design(Parameters.model_validate({"quiet": "60s"}), Normal(p0, 10.0))
    assert chosen.weight >= 1
    assert chosen.weight * p0 < chosen.fall * (1 - p0)
    assert chosen.mean_delay(p0) >= 599


@pytest.mark.parametrize(("p0", "p1"), [(0.0, 0.1), (0.1, 0.1), (0.2, 0.1), (0.1, 1.0)])
def test_no_weight_without_a_change(p0: float, p1: float) -> None:
    """Ratios that can't be told apart are rejected."""
    with pytest.raises(ValueError, match="asked for"):
        weight_of_bad(p0, p1)

"""Tests of the arrival-rate detector."""

from __future__ import annotations

import math
import random

import pytest

from gameday.detect import silence
from gameday.detect.baseline_rate import Normal
from gameday.detect.silence import Parameters, Silence, Sum
from gameday.scenario import Slo

SLO = Slo.model_validate({"name": "checkout", "sli": "availability", "objective": "99.5%"})
BEGIN = 60.0


def detector(rate: float, **written: str) -> Silence:
    return silence.make(Parameters.model_validate(written), SLO, Normal(0.001, rate))


def arrivals(rate: float, seconds: float, seed: int, share: float = 1.0) -> list[float]:
    """Return Poisson arrivals at `rate`, and from BEGIN on at a share of it."""
    draw, t, times = random.Random(seed), 0.0, []
    while (t := t + draw.expovariate(rate if t < BEGIN or not share else rate * share)) < seconds:
        times.append(t)
    return [t for t in times if share or t < BEGIN]


def first_alarm(fold: Silence, times: list[float], until: float) -> float | None:
    """Return the time of the first alarm if the detector is polled every 20 ms with the new outcomes."""
    rest = iter([*times, until + 1])
    following, now = next(rest), 0.0
    while now < until:
        now += 0.02
        while following <= now:
            if fold.observe(following, False):
                return now
            following = next(rest)
        if fold.wait(now):
            return now
    return None


@pytest.mark.parametrize("rate", [12.0, 60.0, 100.0])
def test_silence_is_heard(rate: float) -> None:
    """If arrivals stop, the alarm comes after the limit and at most one poll later."""
    fold = detector(rate)
    times = arrivals(rate, BEGIN + 10, 1, share=0.0)
    alarm = first_alarm(fold, times, BEGIN + 30)
    assert alarm is not None
    assert 0 < alarm - times[-1] <= fold.limit + 0.021


@pytest.mark.parametrize(
    ("rate", "seconds"), [(60.0, 0.5), (40.0, 0.55), (18.0, 1.15), (12.0, 1.67), (6.0, 3.21)]
)
def test_silence_is_heard_as_soon_as_the_gaps_allow(rate: float, seconds: float) -> None:
    """The limit is within 10 % of the gap that chance makes once in 30 days, or 0.5 s; half of what one sum needs."""
    fold = detector(rate)
    chance = math.log(30 * 86_400 * 0.9 * rate) / (0.9 * rate)
    assert fold.limit == pytest.approx(seconds, abs=0.03)
    assert fold.limit <= max(0.5, 1.1 * chance)
    assert fold.limit <= max(0.5, 0.55 * max(one.limit for one in fold.sums))


def test_half_as_many_are_heard() -> None:
    """If one of two regions falls silent, the alarm comes in a few seconds."""
    alarms = [
        first_alarm(detector(60.0), arrivals(60.0, BEGIN + 30, seed, 0.5), BEGIN + 30) for seed in range(20)
    ]
    delays = [alarm - BEGIN for alarm in alarms if alarm is not None]
    assert len(delays) == 20
    assert 0 < sum(delays) / 20 < 6


def test_a_stall_is_not_silence() -> None:
    """At 100/s a stall of 400 ms, whose answers come at its end, raises no alarm; without `least`
    it would."""
    for least, raises in (("500ms", False), ("0ms", True)):
        times = [t for t in arrivals(100.0, 100.0, 3) if not BEGIN < t < BEGIN + 0.4]
        fold = detector(100.0, least=least, share="10%")
        assert (first_alarm(fold, times, 100.0) is not None) is raises


def test_errors_are_no_silence() -> None:
    """Two hours of bad outcomes at the normal rate raise no alarm."""
    assert first_alarm(detector(20.0), arrivals(20.0, 7200.0, 2), 7200.0) is None


def test_delay_is_the_theoretical_limit() -> None:
    """If designed for silence alone, it raises after ln(outcomes in 30 days) gaps: 0.19 s at 100/s,
    as in theory."""
    fold = detector(100.0, share="0.01%", margin="0%", least="0ms")
    assert fold.limit == pytest.approx(0.194, abs=0.001)


def test_false_alarms_are_rarer_than_designed() -> None:
    """In the time of ten false alarms by design there are at most ten."""
    fold, draw, t, alarms = detector(50.0, quiet="200s", margin="0%", least="0ms"), random.Random(7), 0.0, 0
    while (t := t + draw.expovariate(50.0)) < 2000:
        if fold.observe(t, True):
            alarms += 1
            fold.reset()
    assert 0 < alarms <= 10


def test_waiting_begins_after_a_reset() -> None:
    """Silence begins with the first poll after a reset; polls change nothing until the alarm, which
    comes once."""
    fold = Silence(Sum(fall=0.1, limit=1.0))
    assert [fold.wait(t) for t in (5.0, 5.9, 5.9, 6.0, 7.0)] == [False, False, False, True, False]
    assert not fold.observe(8.0, True)
    fold.reset()
    assert [fold.wait(t) for t in (9.0, 9.9, 10.0)] == [False, False, True]

"""Tests of the CUSUM for latency: stalls raise no alarm, slowness does."""

from __future__ import annotations

import math
import random
import time

import numpy as np
import pytest

from gameday.detect import latency_cusum
from gameday.detect.baseline_rate import Normal
from gameday.detect.latency_cusum import Latency, Parameters, block_maxima, level
from gameday.scenario import Slo

SLO = Slo.model_validate(
    {"name": "browse-speed", "journey": "browse", "sli": "latency", "objective": "99%", "under": "100ms"}
)
P0 = 0.002
RATES = [6.0, 23.0, 60.0]
BEGIN = 100.0

Outcomes = list[tuple[float, bool]]


def detector(rate: float) -> Latency:
    return latency_cusum.make(Parameters(), SLO, Normal(P0, rate))


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    draw, t, times = random.Random(seed), 0.0, []
    while (t := t + draw.expovariate(rate)) < seconds:
        times.append(t)
    return times


def stalled(rate: float, stall: float, seed: int, seconds: float = BEGIN + 20) -> Outcomes:
    """Return outcomes of a fast system with one stall: requests that arrive in the stall are
    answered at its end."""
    end = BEGIN + stall
    answers = [(end if BEGIN <= t < end else t, t) for t in arrivals(rate, seconds, seed)]
    return sorted((answer, answer - t < 0.1) for answer, t in answers)


def first_alarm(fold: Latency, outcomes: Outcomes) -> float | None:
    return next((t for t, good in outcomes if fold.observe(t, good)), None)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("stall", [0.1, 0.2, 0.4])
def test_a_stall_does_not_page(rate: float, stall: float) -> None:
    """One stall of 100 to 400 ms, at any phase, raises no alarm."""
    for seed in range(30):
        assert first_alarm(detector(rate), stalled(rate, stall, seed)) is None


def test_a_stall_does_not_page_however_short_the_quiet() -> None:
    """Even if false alarms may be frequent, the bins of one stall of 400 ms can't reach the limit."""
    parameters = Parameters.model_validate({"quiet": "1min"})
    for seed in range(30):
        fold = latency_cusum.make(parameters, SLO, Normal(P0, 60.0))
        assert first_alarm(fold, stalled(60.0, 0.4, seed)) is None


@pytest.mark.parametrize("length", [4, 5, 6])
def test_a_burst_does_not_page(length: int) -> None:
    """Occasional bursts of four to six slow answers raise no alarm."""
    outcomes = [(n / 23, n % 1000 >= length) for n in range(20_000)]
    assert first_alarm(detector(23.0), outcomes) is None


@pytest.mark.parametrize("rate", RATES)
def test_slowness_pages_soon(rate: float) -> None:
    """If every answer becomes slow, the mean delay is at most two seconds, at any rate."""
    delays = []
    for seed in range(30):
        outcomes = [(t, t < BEGIN) for t in arrivals(rate, BEGIN + 20, seed)]
        alarm = first_alarm(detector(rate), outcomes)
        assert alarm is not None
        delays.append(alarm - BEGIN)
    assert min(delays) > 0
    assert sum(delays) / len(delays) < 2


def test_a_share_of_slow_answers_pages_too() -> None:
    """If a fifth of the answers are slow, the alarm comes in a few seconds."""
    delays = []
    for seed in range(30):
        draw = random.Random(seed)
        outcomes = [(t, t < BEGIN or draw.random() > 0.2) for t in arrivals(23.0, BEGIN + 60, seed)]
        alarm = first_alarm(detector(23.0), outcomes)
        assert alarm is not None
        delays.append(alarm - BEGIN)
    assert min(delays) > 0
    assert sum(delays) / len(delays) < 5


def test_quiet_hours_stay_quiet() -> None:
    """Six hours of independent outcomes that are bad as often as normal raise no alarm."""
    draw, fold = random.Random(5), detector(23.0)
    assert not any(fold.observe(n / 23, draw.random() >= P0) for n in range(6 * 3600 * 23))


def test_bursts_of_the_steady_state_raise_the_limit() -> None:
    """If a slow second now and then is normal, the learnt limit keeps hours of the same state
    quiet.

    The limit without learning would page; a calm steady state, or one too short to judge, changes
    nothing.
    """
    calm = [(n / 23, n % 200 != 7) for n in range(230)]
    bursts = [(t, not (7 <= t % 15 < 8.2)) for t in (n / 23 for n in range(23 * 30))]
    hours = [(t + 30 * n, good) for n in range(240) for t, good in bursts]
    p0 = sum(not good for _, good in bursts) / len(bursts)
    plain, calmly, shortly, learnt = (
        latency_cusum.make(Parameters(), SLO, Normal(p0, 23.0, 1, steady))
        for steady in ((), calm, bursts[:60], bursts)
    )
    assert plain.limit == calmly.limit == shortly.limit < learnt.limit
    assert first_alarm(plain, hours) is not None
    assert first_alarm(learnt, hours) is None


def test_maxima_are_of_blocks() -> None:
    """Each second of the clock has its own maximum of the sum; a second without outcomes has none."""
    fold = Latency(weight=10, limit=10**9, cap=20, bin=0.25)
    steady = [(0.1, False), (0.2, True), (0.3, False), (1.1, True), (3.1, True), (3.2, True)]
    assert block_maxima(fold, 1.0, steady) == [19, 18, 17]


@pytest.mark.parametrize("maxima", [5, 10, 30, 300])
@pytest.mark.parametrize("blocks", [1e6, 1e8])
def test_the_level_is_exceeded_as_rarely_as_stated(maxima: int, blocks: float) -> None:
    """In 95 % of steady states of any length the level of N blocks is exceeded once in N blocks or more rarely."""
    draws = np.random.default_rng(3).gumbel(1000.0, 200.0, (2000, maxima))
    right = 1000.0 + 200.0 * math.log(blocks)  # P(X > x) = 1/N
    covered = np.mean([level([round(one) for one in row], blocks) >= right for row in draws.tolist()])
    assert 0.94 <= covered <= 0.985


def test_too_few_maxima_have_no_level() -> None:
    """Four seconds of a steady state say nothing of its bursts."""
    assert level([5, 5, 5, 5], 1000.0) == 0.0


def test_a_design_for_frequent_slow_answers_is_bounded() -> None:
    """If half of the answers are slow in the normal state, the detector is made within a second and raises if all are."""
    loose = SLO.model_copy(update={"objective": 0.5})
    begun = time.process_time()
    fold = latency_cusum.make(Parameters(), loose, Normal(301.5 / 601, 60.0))
    assert time.process_time() - begun < 1
    assert first_alarm(fold, [(t / 60, t % 2 == 0) for t in range(60 * 3600)]) is None
    fold.reset()
    assert first_alarm(fold, [(t / 60, False) for t in range(600)]) is not None


def test_a_bin_is_capped() -> None:
    """Within one bin the sum stops at the cap and continues in the next; good outcomes still count
    against bad ones."""
    fold = Latency(weight=10, limit=55, cap=20, bin=1.0)
    assert not any(fold.observe(0.5, False) for _ in range(100))
    assert not any(fold.observe(1.5, False) for _ in range(100))
    assert fold.observe(2.5, False) is False
    assert fold.observe(2.6, False) is True
    assert fold.observe(2.7, False) is False
    fold.reset()
    assert not any(fold.observe(3.5, False) for _ in range(100))


def test_bins_are_of_the_clock() -> None:
    """A bin's edge separates two bins; an outcome out of order falls into the open bin."""
    fold = Latency(weight=10, limit=30, cap=20, bin=1.0)
    assert not any(fold.observe(t, False) for t in (0.9, 0.95, 0.99))
    assert fold.observe(1.01, False)
    fold.reset()
    assert not any(fold.observe(t, False) for t in (1.2, 0.9, 1.3, 0.8))

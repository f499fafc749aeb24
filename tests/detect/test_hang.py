"""Tests of the detector of requests that hang: a freeze is noticed, stalls and slow answers aren't."""

from __future__ import annotations

import random

import pytest

from gameday.detect import hang
from gameday.detect.baseline_rate import Normal
from gameday.detect.hang import Hang, Parameters
from gameday.scenario import Slo

SLO = Slo.model_validate({"name": "checkout", "sli": "availability", "objective": "99.5%"})
BEGIN = 30.0
POLL_S = 0.02
OVERDUE_S = 0.3

Requests = list[tuple[float, float]]
"""(planned, end), in order of planned time."""


def made(rate: float, **written: str) -> Hang:
    fold = hang.make(Parameters.model_validate(written), SLO, Normal(0.001, rate, 4))
    assert fold is not None
    return fold


def arrivals(rate: float, until: float, seed: int) -> list[float]:
    draw, t, times = random.Random(seed), 0.0, []
    while (t := t + draw.expovariate(rate)) < until:
        times.append(t)
    return times


def first_alarm(fold: Hang, requests: Requests, until: float) -> float | None:
    """Return the time of the first alarm if the watch polls every 20 ms and tells of requests that wait for 0.3 s."""
    told, now = set[float](), 0.0
    ends = sorted((end, planned) for planned, end in requests)
    done = 0
    while now < until:
        now += POLL_S
        for planned, end in requests:
            if planned <= now - OVERDUE_S and end > now and planned not in told:
                told.add(planned)
                fold.overdue(planned)
        while done < len(ends) and ends[done][0] <= now:
            fold.answered(ends[done][1], ends[done][0])
            done += 1
        if fold.wait(now):
            return now
    return None


def frozen(rate: float, seed: int, share: float, until: float = BEGIN + 3) -> Requests:
    """Return requests answered in 20 ms, of which `share` get no answer from BEGIN on until a time-out of 2 s."""
    draw = random.Random(seed + 1000)
    return [
        (t, t + (2.0 if t >= BEGIN and draw.random() < share else 0.02)) for t in arrivals(rate, until, seed)
    ]


@pytest.mark.parametrize("rate", [18.0, 60.0])
def test_a_freeze_is_noticed_before_the_time_out(rate: float) -> None:
    """If no request is answered any more, the alarm comes after 0.45 to 0.6 s in the mean, and never much later."""
    delays = []
    for seed in range(15):
        alarm = first_alarm(made(rate), frozen(rate, seed, 1.0), BEGIN + 3)
        assert alarm is not None
        delays.append(alarm - BEGIN)
    assert min(delays) >= 0.45
    assert sum(delays) / len(delays) <= 0.6
    assert max(delays) <= 0.9


def test_half_of_the_requests_are_enough() -> None:
    """If one of two regions freezes, the alarm comes within a second in the mean."""
    delays = []
    for seed in range(15):
        alarm = first_alarm(made(60.0), frozen(60.0, seed, 0.5), BEGIN + 3)
        assert alarm is not None
        delays.append(alarm - BEGIN)
    assert sum(delays) / len(delays) <= 0.75


@pytest.mark.parametrize("stall", [0.2, 0.4])
@pytest.mark.parametrize("rate", [18.0, 60.0])
def test_a_stall_is_no_hang(rate: float, stall: float) -> None:
    """If all answers of a stall of up to 400 ms come at its end, there is no alarm."""
    for seed in range(15):
        times = arrivals(rate, BEGIN + 2, seed)
        requests = [(t, (BEGIN + stall if BEGIN <= t < BEGIN + stall else t) + 0.01) for t in times]
        assert first_alarm(made(rate), requests, BEGIN + 2) is None


def test_one_request_that_hangs_is_chance() -> None:
    """Single requests that time out now and then raise nothing."""
    requests = [(t, t + (2.0 if n % 400 == 7 else 0.02)) for n, t in enumerate(arrivals(20.0, 60.0, 3))]
    assert first_alarm(made(20.0), requests, 62.0) is None


def test_slow_answers_of_the_steady_state_are_learnt() -> None:
    """If requests take up to 500 ms in the steady state, the same later raises nothing, and a freeze still does."""
    draw = random.Random(4)
    latencies = [draw.uniform(0.1, 0.5) for _ in range(600)]
    slow = [(t, t + draw.uniform(0.1, 0.5)) for t in arrivals(60.0, 20.0, 5)]
    plain, learnt = made(60.0), made(60.0)
    learnt.learn(latencies)
    assert learnt.after == pytest.approx(1.0, abs=0.03)
    assert first_alarm(plain, slow, 20.0) is not None
    assert first_alarm(learnt, slow, 20.0) is None
    learnt.reset()
    assert first_alarm(learnt, frozen(60.0, 1, 1.0), BEGIN + 3) is not None


def test_it_raises_once_until_reset() -> None:
    """After the alarm it is quiet until a reset, which forgets the waiting requests."""
    fold = made(60.0)
    for n in range(20):
        fold.overdue(n / 60)
    assert [fold.wait(t) for t in (0.4, 0.8, 0.9)] == [False, True, False]
    assert fold.waiting() == (20, 0.0)
    fold.reset()
    assert not fold.wait(1.0)
    assert fold.waiting() == (0, None)


def test_waiting_changes_nothing_until_the_alarm() -> None:
    """Polls in between don't change when the alarm comes, so that a replay with fewer polls raises the same."""
    often, rarely = made(60.0), made(60.0)
    for fold in (often, rarely):
        for n in range(20):
            fold.overdue(n / 60)
    assert not any(often.wait(t / 1000) for t in range(440))
    assert often.wait(0.5)
    assert rarely.wait(0.5)


def test_wrong_answers_cannot_hang() -> None:
    """An SLO on correctness counts answered requests alone, so it has no such detector."""
    correctness = SLO.model_copy(update={"sli": "correctness"})
    assert hang.make(Parameters(), correctness, Normal(0.001, 60.0)) is None

"""Tests of the ends of outages: hangs, partial hangs, and how often the bounds of weak faults cover the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from gameday.recording.samples import RECORD, ErrorKind, Records, Samples
from gameday.scenario import Slo
from gameday.slo import Course, course

SHOP = Slo(name="shop", sli="availability", objective="99.5%")  # type: ignore[arg-type]
SPEED = Slo(name="speed", sli="latency", objective="99%", under="300ms")  # type: ignore[arg-type]
RATE, TIMEOUT_S, ANSWER_S = 60, 2.0, 0.01
UNTIL = 60.0


def records(until: float = UNTIL) -> Records:
    """Return requests 60 times a second, planned evenly from half a step on, answered after 10 ms."""
    table = np.zeros(round(until * RATE), RECORD)
    table["planned"] = table["start"] = (np.arange(len(table)) + 0.5) / RATE
    table["end"], table["correct"] = table["planned"] + ANSWER_S, 1
    return table


def judged(slo: Slo, table: Records, until: float = UNTIL) -> Course:
    return course(
        slo, Samples(table, ("buy",), ("step",), ("us-east",), ("pricing-1.0.0",)), 0.0, until, 15.0
    )


def frozen(since: float, until: float, every: int = 1) -> Records:
    """Return requests of which every `every`th one, planned while the shop is frozen, waits for its end or times out."""
    table = records()
    planned = table["planned"]
    waits = (planned >= since) & (planned < until) & (np.arange(len(table)) % every == 0)
    late = waits & (until - planned >= TIMEOUT_S)
    table["end"][waits] = np.where(late, planned + TIMEOUT_S, until + ANSWER_S)[waits]
    table["error"][late] = ErrorKind.TIMEOUT
    return table


@pytest.mark.parametrize("lasts", [2.3, 3.0, 4.9, 10.0])
@pytest.mark.parametrize("slo", [SHOP, SPEED], ids=["availability", "latency"])
def test_a_hang_lasts_until_its_requests_end(slo: Slo, lasts: float) -> None:
    """A shop frozen from 20 s on has a TTR of the whole freeze, though only its first requests timed out."""
    result = judged(slo, frozen(20.0, 20.0 + lasts))
    assert result.effect == pytest.approx(20.0, abs=1 / RATE)
    assert result.recovered == pytest.approx(20.0 + lasts, abs=0.03)


def test_a_hang_shorter_than_the_time_out_is_slow() -> None:
    """After 1.5 s all are answered: availability holds, latency was in breach until they were."""
    table = frozen(20.0, 21.5)
    assert judged(SHOP, table).outages == ()
    assert judged(SPEED, table).recovered == pytest.approx(21.5, abs=0.03)


@pytest.mark.parametrize("every", [2, 4])
def test_a_partial_hang_lasts_as_long(every: int) -> None:
    """Requests that were answered meanwhile, of another region, don't end the hang of the others."""
    result = judged(SHOP, frozen(20.0, 24.0, every))
    assert result.effect == pytest.approx(20.0, abs=every / RATE)
    assert result.recovered == pytest.approx(24.0, abs=every / RATE + 0.03)


def test_a_refusal_ends_with_the_next_good_answer() -> None:
    """Refusals are answered at once: recovered is midway between the last of them and the next good answer."""
    table = records()
    refused = (table["planned"] >= 20.0) & (table["planned"] < 30.0)
    table["error"][refused] = ErrorKind.CONNECTION
    result = judged(SHOP, table)
    assert (result.effect, result.recovered) == pytest.approx((20.0, 30.0 + ANSWER_S))
    (outage,) = result.outages
    assert (outage.effect_error, outage.recovered_error) == pytest.approx((0.5 / RATE, 0.5 / RATE), rel=0.05)


def test_an_outage_after_a_long_one_has_its_own_clocks() -> None:
    """More windows were in breach than there are requests, and the last outage is judged by its own."""
    table = records()
    for begin, end in ((16.0, 50.0), (56.0, 58.0)):
        refused = (table["planned"] >= begin) & (table["planned"] < end)
        table["error"][refused], table["status"][refused] = ErrorKind.STATUS, 503
    slo = Slo(name="shop", sli="availability", objective="99.5%", window="2s")  # type: ignore[arg-type]
    outages = judged(slo, table).outages
    assert [outage.effect for outage in outages] == pytest.approx([16.0, 56.0])
    assert outages[0].recovered == pytest.approx(50.0 + ANSWER_S)


@dataclass(frozen=True)
class Coverage:
    """How many of `n` outages were seen, and how often the bound of each clock covered its truth."""

    n: int
    effect: float
    recovered: float


def coverage(share: float, runs: int) -> Coverage:
    """Return the coverage over random outages of 60 s, in each of which a share of the requests is bad."""
    random, hits = np.random.default_rng(7), []
    for _ in range(runs):
        begin = 20.0 + random.random()
        table = records(110.0)
        planned = table["planned"] + random.uniform(-0.3, 0.3, len(table)) / RATE
        table["planned"] = table["start"] = planned
        table["end"] = planned + ANSWER_S
        during = (planned >= begin) & (planned < begin + 60.0)
        table["error"][during & (random.random(len(table)) < share)] = ErrorKind.STATUS
        for one in judged(SHOP, table, 110.0).outages[:1]:
            ended = abs((one.recovered or 0.0) - begin - 60.0 - ANSWER_S) <= one.recovered_error
            hits.append((abs(one.effect - begin) <= one.effect_error, ended))
    effect, recovered = np.mean(hits, axis=0)
    return Coverage(len(hits), effect, recovered)


@pytest.mark.parametrize("share", [0.015, 0.03, 0.25, 1.0])
def test_the_bounds_cover_the_truth(share: float) -> None:
    """Of 60 seeded outages the bounds cover at least 90 %, at any severity; the benchmark weak.py measures more of them."""
    result = coverage(share, 60)
    assert result.n >= 56
    assert result.effect >= 0.9
    assert result.recovered >= 0.9

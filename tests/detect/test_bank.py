"""Tests of the bank: its delays beside the limit, its budget of false alarms, its design for any p0, and the fold."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from pydantic import ValidationError

from gameday.detect import bank
from gameday.detect.bank import Bank, Parameters, changes_for, row_for
from gameday.detect.baseline_rate import Normal
from gameday.detect.cusum import Cusum
from gameday.detect.latency_cusum import Latency
from gameday.scenario import Slo
from gameday.slo.run_lengths import Design, design
from tests.support.nonempty_all import nonempty_all

SLO = Slo.model_validate({"name": "checkout", "sli": "availability", "objective": "99.5%"})
MONTH = 30 * 86_400
STREAMS = [(0.001, 60.0, 4), (0.001, 18.0, 1), (0.0027, 18.0, 4)]


def made(p0: float, rate: float, streams: int = 1, **written: object) -> Bank:
    return bank.make(Parameters.model_validate(written), SLO, Normal(p0, rate, streams))


def requests_to_alarm(fold: Bank, bad: list[bool]) -> int:
    return 1 + next(n for n, one in enumerate(bad) if fold.observe(0.0, not one))


@pytest.mark.parametrize(("p0", "rate", "streams"), STREAMS)
@pytest.mark.parametrize("p1", [0.03, 0.07, 0.25, 0.6])
def test_its_delay_is_near_the_optimum(p0: float, rate: float, streams: int, p1: float) -> None:
    """In 2,000 simulated outages the mean delay is within 15 % of the CUSUM designed for just that change."""
    fold, draw, delays = made(p0, rate, streams), np.random.default_rng(1), []
    optimum = design(p0, p1, MONTH * rate * streams).mean_delay(p1)
    for _ in range(2000):
        fold.reset()
        delays.append(requests_to_alarm(fold, (draw.random(round(60 / p1)) < p1).tolist()))
    error = float(np.std(delays)) / math.sqrt(len(delays))
    assert np.mean(delays) <= 1.15 * optimum + 2 * error


@pytest.mark.parametrize(("p0", "rate", "streams"), [*STREAMS, (0.001, 60.0, 12)])
def test_if_everything_fails_it_is_optimal(p0: float, rate: float, streams: int) -> None:
    """If every request fails, no rule with the budget is faster than the row."""
    fold = made(p0, rate, streams)
    rarer = sum(p0**-k for k in range(1, fold.row))
    assert rarer < MONTH * rate * streams / bank.ROW_SHARE
    assert requests_to_alarm(fold, [True] * 20) == fold.row


@pytest.mark.parametrize("p0", [1e-5, 2e-4, 0.001, 0.0027, 0.02, 0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("rate", [0.5, 60.0, 1000.0])
def test_the_budget_is_shared(p0: float, rate: float) -> None:
    """For any p0 and rate the false alarms of all members add up to one in the time of `quiet`."""
    fold = made(p0, rate, 4)
    outcomes = MONTH * rate * 4
    row = outcomes / sum(p0**-k for k in range(1, fold.row + 1))
    shares = [outcomes / one.mean_delay(p0) for one in fold.designs]
    assert row <= bank.ROW_SHARE
    assert row + sum(shares) <= 1.002


def test_false_alarms_are_as_rare_as_designed() -> None:
    """In simulated quiet outcomes there are no more alarms than the budget has, within four deviations."""
    n, length = 600_000, 20_000
    fold = made(0.02, 1.0, quiet=f"{length}s")
    alarms = 0
    for bad in (np.random.default_rng(3).random(n) < 0.02).tolist():
        if fold.observe(0.0, not bad):
            alarms += 1
            fold.reset()
    assert 0 < alarms <= n / length + 4 * math.sqrt(n / length)


def test_it_is_its_members_together() -> None:
    """At each outcome it raises exactly if one of separate CUSUMs, or the row, does."""
    designs = (Design(3, 1, 11), Design(10, 7, 24))
    draw = np.random.default_rng(5)
    for _ in range(50):
        fold = Bank(designs, 4)
        members = [Cusum(one.weight, one.limit, one.fall) for one in designs]
        in_a_row = 0
        for bad in (draw.random(400) < 0.3).tolist():
            in_a_row = in_a_row + 1 if bad else 0
            raised = [member.observe(0.0, not bad) for member in members]
            assert fold.observe(0.0, not bad) is (any(raised) or in_a_row == 4)
            if any(raised) or in_a_row == 4:
                break


def test_it_raises_once_until_reset() -> None:
    """The outcome that raises is the only one that does, until a reset; after it the row begins anew."""
    fold = Bank((Design(3, 1, 100),), 2)
    assert [fold.observe(0.0, good) for good in (False, True, False, False, False)] == [
        False,
        False,
        False,
        True,
        False,
    ]
    fold.reset()
    assert [fold.observe(0.0, good) for good in (False, False)] == [False, True]


def test_the_row_takes_no_more_than_its_share() -> None:
    """A row that would take nearly the whole budget is one longer."""
    row, share = row_for(0.001, 6.2e8)
    assert row == 3
    assert share == pytest.approx(0.62, abs=0.01)
    assert row_for(0.001, 9.9e8)[0] == 4


@pytest.mark.parametrize("p0", [1e-5, 0.001, 0.0027, 0.02, 0.3, 0.8])
def test_changes_are_spaced_evenly(p0: float) -> None:
    """From the smallest to the largest each change is at most four times the one before, and above p0."""
    changes = changes_for(p0, row_for(p0, 1e8)[0])
    ratios = [after / before for before, after in itertools.pairwise(changes)]
    assert max(ratios, default=1.0) <= bank.SPACING * 1.001
    assert min(ratios, default=1.0) >= 1
    assert nonempty_all(p0 < change < 1 for change in changes)


def test_named_changes_are_taken() -> None:
    """A scenario may name the changes; those that p0 already reaches are left out."""
    assert len(made(0.001, 60.0, changes=["2%", "30%"]).designs) == 2
    assert len(made(0.02, 60.0, changes=["2%", "30%"]).designs) == 1
    with pytest.raises(ValidationError, match="between 0% and 100%"):
        made(0.001, 60.0, changes=["100%"])


def test_latency_gets_the_fold_over_bins() -> None:
    """Slow answers come in bursts, so a latency SLO has the detector that expects them."""
    slow = Slo.model_validate({"name": "l", "sli": "latency", "objective": "99%", "under": "300ms"})
    assert isinstance(bank.FOR_LATENCY.make(Parameters(), slow, Normal(0.002, 20.0)), Latency)

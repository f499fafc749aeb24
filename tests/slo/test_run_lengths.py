"""Tests of exact run lengths and designs, against scipy's banded solver, enumeration and simulation."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy.linalg import solve_banded

from gameday.slo.run_lengths import (
    LEVELS,
    Design,
    average_run_length,
    design,
    lattice,
    run_lengths,
    threshold_for,
)

CHAINS = [
    (1, 1, 1, 0.3),
    (1, 1, 8, 0.5),
    (3, 1, 10, 0.2),
    (19, 1, 57, 0.001),
    (19, 1, 57, 0.9),
    (24, 1, 167, 0.01),
    (254, 1, 900, 0.001),
    (12, 5, 70, 0.2),
    (2, 7, 20, 0.7),
    (1, 9, 12, 0.6),
    (10, 12, 100, 0.5),
]


def solved(rise: int, fall: int, threshold: int, p: float) -> float:
    """Return the same mean from the chain's equations, solved by scipy as a banded system."""
    states = np.arange(threshold)
    chain = np.eye(threshold)
    np.add.at(chain, (states, np.maximum(0, states - fall)), p - 1)
    stays = states[states + rise < threshold]
    chain[stays, stays + rise] -= p
    lower, upper = min(fall, threshold - 1), min(rise, threshold - 1)
    bands = np.zeros((lower + upper + 1, threshold))
    for row in range(threshold):
        for column in range(max(0, row - lower), min(threshold, row + upper + 1)):
            bands[upper + row - column, column] = chain[row, column]
    return float(solve_banded((lower, upper), bands, np.ones(threshold))[0])


@pytest.mark.parametrize(("rise", "fall", "threshold", "p"), CHAINS)
def test_run_lengths_are_those_of_the_chain(rise: int, fall: int, threshold: int, p: float) -> None:
    """The pass over the levels gives the same result as the banded system of equations."""
    length = average_run_length(rise, fall, threshold, p)
    assert length == pytest.approx(solved(rise, fall, threshold, p), rel=1e-6)


@pytest.mark.parametrize(
    ("rise", "fall", "threshold", "p"), [(3, 1, 10, 0.2), (12, 5, 70, 0.3), (1, 4, 6, 0.7)]
)
def test_run_lengths_are_those_of_a_simulation(rise: int, fall: int, threshold: int, p: float) -> None:
    """The mean of 20,000 simulated sums is the computed one, within four deviations."""
    draw, sums = np.random.default_rng(2), np.zeros(20_000, int)
    took, runs = np.zeros(20_000), np.ones(20_000, bool)
    while runs.any():
        took += runs
        bad = draw.random(20_000) < p
        sums = np.where(bad, sums + rise, np.maximum(0, sums - fall))
        runs &= sums < threshold
    deviation = took.std() / math.sqrt(len(took))
    assert took.mean() == pytest.approx(average_run_length(rise, fall, threshold, p), abs=4 * deviation)


def test_rare_alarms_keep_their_digits() -> None:
    """The mean time to n bad outcomes in a row is exact at 1e-30, where solvers of equations have no digits left."""
    exact = sum(0.001**-k for k in range(1, 11))
    assert average_run_length(1, 10**6, 10, 0.001) == pytest.approx(exact, rel=1e-12)
    assert average_run_length(20, 20, 200, 0.001) > 1e25


@pytest.mark.parametrize(
    ("p0", "p1"),
    [
        (0.001, 0.01),
        (0.001, 0.999),
        (1e-6, 1e-3),
        (2e-5, 2e-4),
        (0.02, 0.06),
        (0.06, 0.072),
        (0.2, 0.4),
        (0.5, 0.75),
        (0.9, 0.99),
    ],
)
@pytest.mark.parametrize("length", [1e4, 6.2e8])
def test_every_design_keeps_its_budget(p0: float, p1: float, length: float) -> None:
    """For rare and frequent bad outcomes the threshold is the smallest that keeps to the budget, found within 2 s."""
    begun = time.process_time()
    chosen = design(p0, p1, length)
    assert time.process_time() - begun < 2
    assert chosen.mean_delay(p0) >= length * 0.999
    assert 1 / p1 <= chosen.mean_delay(p1) <= chosen.mean_delay(p0)
    if chosen.step == 1 and chosen.threshold > 1:
        lower = Design(chosen.rise, chosen.fall, chosen.threshold - 1)
        assert lower.mean_delay(p0) < length


@pytest.mark.parametrize(("p0", "p1", "requests"), [(0.2, 0.4, 162.8), (0.06, 0.072, 10_522)])
def test_known_delays_of_frequent_bad_outcomes(p0: float, p1: float, requests: float) -> None:
    """At 60/s and four streams the delays are those of scipy's solution of the same chain."""
    chosen = design(p0, p1, 30 * 86_400 * 60.0 * 4)
    assert chosen.mean_delay(p1) == pytest.approx(requests, rel=0.001)
    if chosen.threshold < 500:
        assert solved(chosen.rise, chosen.fall, chosen.threshold, p1) == pytest.approx(requests, rel=0.001)


@pytest.mark.parametrize(("p0", "p1"), [(0.0, 0.1), (0.1, 0.1), (0.2, 0.1), (0.1, 1.0)])
def test_ratios_that_do_not_rise_have_no_design(p0: float, p1: float) -> None:
    """A change that isn't one, and certainty, are rejected."""
    with pytest.raises(ValueError, match="asked for"):
        lattice(p0, p1)


def test_a_sum_that_drifts_up_has_no_threshold() -> None:
    """If bad outcomes outweigh good ones in the normal state, the search ends at once with an error."""
    with pytest.raises(ValueError, match="aren't rare"):
        threshold_for(3, 1, 0.5, 1e9)
    with pytest.raises(ValueError, match=r"tell them apart|aren't rare"):
        design(0.001, 0.001 * (1 + 1e-9), 1e9)
    assert LEVELS >= 100_000


@pytest.mark.parametrize(("rise", "fall", "p"), [(0, 1, 0.1), (1, 0, 0.1), (1, 1, 0.0), (1, 1, 1.1)])
def test_invalid_chains_are_rejected(rise: int, fall: int, p: float) -> None:
    """A weight of zero, and a probability outside 0…1, are rejected."""
    with pytest.raises(ValueError, match="no run length"):
        next(run_lengths(rise, fall, p))


def test_the_sum_always_drifts_down_at_the_normal_ratio() -> None:
    """Rounding the steps of close ratios would let the sum drift up; then no threshold would keep the budget."""
    pairs = [(p0 / 100, p1 / 100) for p0 in range(1, 80) for p1 in range(p0 + 1, min(p0 + 8, 100))]
    for p0, p1 in pairs:
        rise, fall = lattice(p0, p1)
        assert rise * p0 < fall * (1 - p0), (p0, p1)

"""Tests of medians and rank tests, against brute-force enumeration and figures worked out by hand."""

from __future__ import annotations

import itertools
import math
from math import inf
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameday.analysis.trials import statistics
from gameday.analysis.trials.statistics import (
    critical,
    hodges_lehmann,
    holm,
    mann_whitney,
    median,
    reachable,
    success_rate,
    trials_needed,
    weighted_holm,
)

few = st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, inf]), min_size=1, max_size=5)


def by_enumeration(base: list[float], new: list[float]) -> float:
    """Return the exact p: the share of all assignments in which new exceeds base as often, ties
    counting half."""

    def above(chosen: tuple[int, ...]) -> float:
        rest = [i for i in range(len(pool)) if i not in chosen]
        return sum((pool[j] > pool[i]) + 0.5 * (pool[j] == pool[i]) for j in chosen for i in rest)

    pool = base + new
    observed = above(tuple(range(len(base), len(pool))))
    ways = list(itertools.combinations(range(len(pool)), len(new)))
    return sum(above(chosen) >= observed for chosen in ways) / len(ways)


@pytest.mark.parametrize(
    ("n", "low", "high", "coverage"),
    [(5, 1, 5, 0.938), (6, 1, 6, 0.969), (8, 2, 7, 0.930), (10, 2, 9, 0.979), (11, 3, 9, 0.935)],
)
def test_the_interval_of_a_median_is_of_order_statistics(
    n: int, low: int, high: int, coverage: float
) -> None:
    """The interval is that of the known table: its order statistics and their coverage."""
    estimate = median([float(i) for i in range(n, 0, -1)])
    assert estimate.value == (n + 1) / 2
    assert estimate.interval is not None
    assert (estimate.interval.low, estimate.interval.high) == (low, high)
    assert estimate.interval.coverage == pytest.approx(coverage, abs=0.0006)


def test_the_interval_has_the_stated_coverage() -> None:
    """Of 4,000 skewed samples of eight, 93 % of the intervals contain the true median."""
    samples = np.random.default_rng(5).lognormal(size=(4000, 8))
    intervals = [median(sample).interval for sample in samples]
    inside = [interval is not None and interval.low <= 1.0 <= interval.high for interval in intervals]
    assert np.mean(inside) == pytest.approx(0.930, abs=0.012)


def test_fewer_than_five_have_no_interval_but_say_how_many_it_takes() -> None:
    """Four trials contain the median in only 87.5 %, so there is no interval."""
    estimate = median([1.0, 2.0, 3.0, 4.0])
    assert (estimate.value, estimate.interval, estimate.needed) == (2.5, None, 5)
    assert median([]) == statistics.Median(0, None, None)


def test_a_trial_that_never_recovered_is_the_largest_value() -> None:
    """An infinite value raises the median and opens the interval; with half of them the median is
    infinite."""
    estimate = median([1.0, 2.0, 3.0, 4.0, inf])
    assert estimate.value == 3.0
    assert estimate.interval is not None
    assert estimate.interval.high == inf
    assert median([1.0, 2.0, inf, inf]).value == inf
    assert median([inf] * 5).value == inf


def test_a_missing_value_is_refused() -> None:
    """NaN is rejected, since it has no order."""
    with pytest.raises(ValueError, match="NaN"):
        median([1.0, math.nan])


def test_ten_of_ten_prove_less_than_all() -> None:
    """Ten successes of ten leave a rate of 74.1 % credible; no trial leaves any rate."""
    rate = success_rate(10, 10)
    assert rate.ratio == 1.0
    assert rate.at_least == pytest.approx(0.741, abs=0.0005)
    assert (success_rate(0, 0).ratio, success_rate(0, 0).at_least) == (None, 0.0)


@given(few, few)
@settings(max_examples=150, deadline=None)
def test_the_rank_test_is_exact_with_ties_and_infinities(base: list[float], new: list[float]) -> None:
    """p equals the enumeration of every assignment of the values to the sides."""
    assert mann_whitney(base, new) == pytest.approx(by_enumeration(base, new), abs=1e-12)


def test_the_smallest_p_is_one_over_all_ways() -> None:
    """Five against five: all above gives 1 in 252, all below 1, all equal 1."""
    low, high = [1.0, 2, 3, 4, 5], [6.0, 7, 8, 9, 10]
    assert mann_whitney(low, high) == pytest.approx(1 / 252)
    assert mann_whitney(high, low) == 1.0
    assert mann_whitney([inf] * 5, [inf] * 5) == 1.0
    assert mann_whitney(low, [inf] * 5) == pytest.approx(1 / 252)


def test_thirty_a_side_are_still_exact() -> None:
    """The smallest p is one in C(60, 30), and p and its mirror image overlap in one case."""
    low, high = list(range(30)), list(range(30, 60))
    assert mann_whitney(low, high) == pytest.approx(1 / math.comb(60, 30), rel=1e-9)
    assert mann_whitney(low, high) + mann_whitney(high, low) == pytest.approx(1 + 1 / math.comb(60, 30))


def test_many_trials_are_approximated_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the size where enumeration ends, the approximation is within 3 % of p, with and without ties."""
    random = np.random.default_rng(2)
    smooth = random.random(60), random.random(60) + 0.08
    tied = np.floor(9 * random.random(60)), np.floor(9 * random.random(60) + 0.7)
    for base, new in (smooth, tied):
        exact = mann_whitney(base, new)
        monkeypatch.setattr(statistics, "EXACT", 10)
        assert mann_whitney(base, new) == pytest.approx(exact, rel=0.03)
        monkeypatch.undo()


@pytest.mark.parametrize("levels", [None, 9])
def test_the_approximation_is_the_textbook_s(levels: int | None) -> None:
    """p is normal, corrected for continuity and ties (Hollander and Wolfe, Nonparametric
    Statistical Methods, 4.1)."""
    random = np.random.default_rng(3)
    n, m = 70, 90
    base, new = random.random(n), random.random(m) + 0.05
    if levels:
        base, new = np.floor(levels * base), np.floor(levels * new)
    above = float(sum((x > base).sum() + 0.5 * (x == base).sum() for x in new))
    ties = np.unique(np.concatenate((base, new)), return_counts=True)[1]
    shrunk = float((ties**3 - ties).sum()) / ((n + m) * (n + m - 1))
    deviation = math.sqrt(n * m / 12 * (n + m + 1 - shrunk))
    p = 1 - NormalDist(n * m / 2, deviation).cdf(above - 0.5)
    assert mann_whitney(base, new) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.01, 0.02, 0.025, 0.03, 0.04, 0.05, 0.1, 0.2])
def test_the_critical_value_of_many_trials_is_the_textbook_s(alpha: float) -> None:
    """The critical value is the largest U whose normal tail, corrected for continuity, is below α."""
    n, m = 65, 75
    null = NormalDist(n * m / 2, math.sqrt(n * m * (n + m + 1) / 12))
    largest = critical(n, m, alpha)
    assert null.cdf(largest + 0.5) < alpha <= null.cdf(largest + 1.5)


def test_no_trials_are_no_comparison() -> None:
    """Both tests reject a side without values."""
    for test in (mann_whitney, hodges_lehmann):
        with pytest.raises(ValueError, match="without trials"):
            test([], [1.0])


def test_the_shift_is_the_median_of_all_differences() -> None:
    """(1, 2, 4) and (3, 7): differences −1, 1, 2, 3, 5, 6, median 2.5; too few values for an interval."""
    shift = hodges_lehmann([1.0, 2.0, 4.0], [3.0, 7.0])
    assert (shift.value, shift.interval) == (2.5, None)


def test_the_interval_of_a_shift_inverts_the_rank_test() -> None:
    """Shifted by a value inside the interval, new isn't significant at 2.5 % either way; by one
    outside it is."""
    base, new = [10.0, 12.1, 9.3, 11.7, 10.9], [12.5, 13.3, 11.2, 14.9, 12.8]
    interval = hodges_lehmann(base, new).interval
    assert interval is not None
    assert interval.coverage == pytest.approx(1 - 2 * 4 / 252)  # P(U ≤ 2) = 4/252
    for inside, outside in [
        (interval.low + 1e-9, interval.low - 1e-9),
        (interval.high - 1e-9, interval.high + 1e-9),
    ]:
        assert least_p(base, [value - inside for value in new]) > 0.025
        assert least_p(base, [value - outside for value in new]) <= 0.025


def least_p(base: list[float], new: list[float]) -> float:
    return min(mann_whitney(base, new), mann_whitney(new, base))


def test_the_interval_of_a_shift_has_the_stated_coverage() -> None:
    """Of 2,000 pairs of samples, six a side and shifted by 1, the stated share of intervals
    contains 1."""
    random = np.random.default_rng(8)
    intervals = [
        hodges_lehmann(random.normal(size=6), random.normal(size=6) + 1).interval for _ in range(2000)
    ]
    inside = [interval is not None and interval.low <= 1 <= interval.high for interval in intervals]
    assert intervals[0] is not None
    assert np.mean(inside) == pytest.approx(intervals[0].coverage, abs=0.012)


def test_two_trials_that_never_recovered_are_alike() -> None:
    """∞ − ∞ = 0: no shift between infinite sides; to infinite is +∞, from infinite −∞."""
    assert hodges_lehmann([inf] * 5, [inf] * 5).value == 0.0
    assert hodges_lehmann([1.0] * 5, [inf] * 5).value == inf
    assert hodges_lehmann([inf] * 5, [1.0] * 5).value == -inf
    assert hodges_lehmann([1.0, inf], [1.0, inf]).value == 0.0


@given(few, few)
@settings(max_examples=100, deadline=None)
def test_a_shift_is_always_a_value_and_mirrors(base: list[float], new: list[float]) -> None:
    """A shift is never NaN; exchanging the sides changes its sign."""
    shift = hodges_lehmann(base, new).value
    assert not math.isnan(shift)
    assert hodges_lehmann(new, base).value == -shift


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    """0.01 × 3, 0.02 × 2, and the last is at least the one before; capped at 1."""
    assert holm([0.02, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_too_few_trials_can_never_reach_alpha() -> None:
    """Five a side reach 1/252: enough for 12 tests at 5 %, not for 13; at 1 % one test needs five."""
    assert [trials_needed(0.05, tests) for tests in (12, 13)] == [5, 6]
    assert trials_needed(0.01) == 5
    assert not reachable(3, 3, 0.01)
    assert reachable(4, 8, 0.01)
    assert not reachable(0, 50, 0.01)


def test_the_critical_value_is_the_last_that_passes() -> None:
    """Five a side: P(U ≤ 4) = 12/252 is under 5 %, P(U ≤ 5) isn't; three a side are never under 1 %."""
    assert (critical(5, 5, 0.05), critical(3, 3, 0.01)) == (4, -1)


def test_weighted_holm_is_holm_if_all_weights_are_equal() -> None:
    """Equal weights give Holm's adjusted p; the factor is the number of tests that are left."""
    ps = [0.02, 0.001, 0.5, 0.004]
    results = weighted_holm(ps, [0.25] * 4)
    assert [p for p, _ in results] == pytest.approx(holm(ps))
    assert [factor for _, factor in results] == pytest.approx([2, 4, 1, 3])


def test_a_test_of_more_weight_is_adjusted_less() -> None:
    """With weights 0.8 and 0.2 the first has p/0.8; once it is rejected, the second has its own p."""
    first, second = weighted_holm([0.004, 0.009], [0.8, 0.2])
    assert first == pytest.approx((0.005, 1.25))
    assert second == pytest.approx((0.009, 1.0))
    with pytest.raises(ValueError, match="above 0"):
        weighted_holm([0.1], [0.0])

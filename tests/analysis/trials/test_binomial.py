"""Tests of binomial tails and bounds, against sums of exact fractions and solutions by hand."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from scipy import stats

from gameday.analysis.trials.binomial import at_most, fisher, fisher_least, lower_bound, upper_bound


def tail(k: int, n: int, p: Fraction) -> float:
    return float(sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0)))


@pytest.mark.parametrize("p", [Fraction(1, 1000), Fraction(1, 20), Fraction(1, 2), Fraction(9, 10)])
@pytest.mark.parametrize("n", [1, 7, 200])
def test_the_tail_is_the_sum_of_its_terms(n: int, p: Fraction) -> None:
    """P(X ≤ k) equals the exact fraction from end to end, in both halves."""
    for k in range(-1, n + 1, 1 + n // 12):
        assert at_most(k, n, float(p)) == pytest.approx(tail(k, n, p), rel=1e-9, abs=1e-300)


def test_certain_outcomes_need_no_sum() -> None:
    """A ratio of 0 or 1 leaves one outcome."""
    assert (at_most(0, 5, 0.0), at_most(4, 5, 1.0), at_most(5, 5, 1.0)) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize("n", [10, 600, 100_000])
def test_no_error_bounds_the_ratio_by_about_three_over_n(n: int) -> None:
    """The bound solves (1 − p)ⁿ = 5 %; 600 requests, 10 s at 60/s, leave 0.5 %."""
    assert upper_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n), rel=1e-9)
    assert upper_bound(0, 600) == pytest.approx(0.005, rel=0.01)


@pytest.mark.parametrize(("errors", "n"), [(1, 10), (9, 10), (3, 600), (500, 1000), (70_000, 1_000_000)])
def test_the_bound_leaves_the_rest_of_the_confidence(errors: int, n: int) -> None:
    """At the bound as few errors have probability 5 %, or 1 % at 99 % confidence."""
    for confidence in (0.95, 0.99):
        bound = upper_bound(errors, n, confidence)
        assert bound > errors / n
        assert at_most(errors, n, bound) == pytest.approx(1 - confidence, rel=1e-6)


def test_bounds_at_the_ends() -> None:
    """If all failed or nothing was seen, any ratio is possible; ten successes leave at least
    0.05^(1/10) = 74.1 %."""
    assert (upper_bound(5, 5), upper_bound(0, 0), lower_bound(0, 0)) == (1.0, 1.0, 0.0)
    assert lower_bound(10, 10) == pytest.approx(0.05**0.1)


@pytest.mark.parametrize(("errors", "n", "confidence"), [(3, 2, 0.95), (-1, 5, 0.95), (1, 5, 1.0)])
def test_what_makes_no_bound_is_refused(errors: int, n: int, confidence: float) -> None:
    """More errors than requests, or a certainty."""
    with pytest.raises(ValueError, match="no bound"):
        upper_bound(errors, n, confidence)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (3, 12), (20, 20), (1, 1)])
def test_fisher_is_that_of_scipy(n: int, m: int) -> None:
    """Every table of n against m trials has scipy's one-sided p, and the least p is that of the most extreme table."""
    for base in range(n + 1):
        for new in range(m + 1):
            expected = stats.fisher_exact([[new, m - new], [base, n - base]], alternative="greater").pvalue
            assert fisher(base, n, new, m) == pytest.approx(expected)
            assert fisher_least(base + new, n, m) <= fisher(base, n, new, m) + 1e-12
    with pytest.raises(ValueError, match="no shares"):
        fisher(n + 1, n, 0, m)

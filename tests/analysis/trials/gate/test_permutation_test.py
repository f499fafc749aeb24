"""Tests of the permutation tests: against scipy, by enumeration, and by simulation of their size."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from scipy import stats

from gameday.analysis.trials.gate.permutation_test import DRAWS, least_p, pairs, two_samples

RANDOM = np.random.default_rng(7)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_one_metric_has_the_p_of_a_permutation_test() -> None:
    """Without outliers one column gives exactly scipy's permutation test of the difference of means."""
    for _ in range(20):
        values = RANDOM.permutation(np.linspace(1, 2, 11) ** 1.37)
        base, new = values[:5], values[5:] + 0.0377
        expected = stats.permutation_test(
            (new, base),
            lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
            alternative="greater",
            vectorized=True,
            n_resamples=np.inf,
        )
        assert two_samples(base[:, None], new[:, None]) == [pytest.approx(expected.pvalue)]


def test_pairs_have_the_p_of_sign_flips() -> None:
    """One column of pairs gives exactly scipy's permutation test of the differences' signs."""
    for _ in range(20):
        base = RANDOM.permutation(np.linspace(1, 2, 9) ** 1.37)
        new = base + RANDOM.permutation(np.linspace(-0.2, 0.4, 9) ** 3)
        expected = stats.permutation_test(
            (new - base,),
            lambda x, axis: np.mean(x, axis=axis),
            permutation_type="samples",
            alternative="greater",
            vectorized=True,
            n_resamples=np.inf,
        )
        assert pairs(base[:, None], new[:, None]) == [pytest.approx(expected.pvalue)]


def test_sides_that_are_apart_reach_the_least_p() -> None:
    """Complete separation gives 1/C(n + m, n), as large as it is, and infinite values count as the largest."""
    base, new = column(1.0, 1.1, 1.2, 1.15, 1.05), column(2.0, 2.1, inf, 2.2, 2.3)
    assert two_samples(base, new) == [pytest.approx(1 / 252)]
    assert two_samples(new, base) == [1.0]
    assert least_p(5, 5) == pytest.approx(1 / 252)


def test_the_metric_that_moved_is_named_and_no_other() -> None:
    """Of four metrics one is 60 % larger; it is significant over all of them, the others are not."""
    base = RANDOM.lognormal(0, 0.1, (8, 4))
    new = RANDOM.lognormal(0, 0.1, (8, 4))
    new[:, 2] *= 1.6
    ps = two_samples(base, new)
    assert ps[2] < 0.001
    assert min(ps[:2] + ps[3:]) > 0.01


def test_equal_values_and_missing_ones_are_no_difference() -> None:
    """A constant metric has p = 1, and so has one without values; a missing value moves nothing."""
    base, new = np.array([[1.0, nan, 1.0], [1.0, nan, 2.0]]), np.array([[1.0, nan, nan], [1.0, nan, 1.5]])
    assert two_samples(base, new) == [1.0, 1.0, pytest.approx(1.0)]
    assert pairs(np.ones((9, 1)), np.ones((9, 1))) == [1.0]


def test_many_trials_are_drawn_with_a_fixed_seed() -> None:
    """Above the limit of enumeration p is at least 1/(draws + 1), and the same every time."""
    base, new = RANDOM.normal(0, 1, (30, 1)), RANDOM.normal(9, 1, (30, 1))
    assert two_samples(base, new) == two_samples(base, new) == [pytest.approx(1 / (DRAWS + 1))]


@pytest.mark.parametrize("side", [4, 6])
def test_the_size_holds_over_all_metrics_together(side: int) -> None:
    """Of 400 comparisons of equal sides with five skewed metrics at most α = 10 % have any p below α."""
    random = np.random.default_rng(side)
    rejected = 0
    for _ in range(400):
        both = random.lognormal(0, [0.1, 0.5, 1.0, 0.3, 0.2], (2 * side, 5))
        rejected += min(two_samples(both[:side], both[side:])) <= 0.1
    assert rejected <= stats.binom.ppf(0.999, 400, 0.1)


def test_a_side_without_trials_is_refused() -> None:
    """There is nothing to compare, and pairs need as many trials on either side."""
    with pytest.raises(ValueError, match="without trials"):
        two_samples(np.empty((0, 1)), column(1.0))
    with pytest.raises(ValueError, match="as many"):
        pairs(column(1.0), column(1.0, 2.0))

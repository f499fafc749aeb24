"""Tests of power: the detectable increase, against the known table and against simulated comparisons."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from gameday.analysis.trials.power import detectable, spread
from gameday.analysis.trials.statistics import hodges_lehmann, mann_whitney, median


@pytest.mark.parametrize(("n", "increase"), [(5, 0.31), (10, 0.20)])
def test_the_known_table(n: int, increase: float) -> None:
    """CV 15 %, α = 5 %, power 80 %: 31 % with five a side, 20 % with ten, by the rank test alone."""
    assert detectable(n, n, 0.15, 0.05) == pytest.approx(increase, abs=0.01)


@pytest.mark.parametrize(
    ("n", "m", "alpha", "threshold"), [(10, 10, 0.01, 0.15), (6, 9, 0.05, 0.0), (7, 7, 0.01, 0.3)]
)
def test_at_that_effect_four_in_five_comparisons_find_it(
    n: int, m: int, alpha: float, threshold: float
) -> None:
    """Of 600 fresh draws at the stated increase the tests reject 80 %, within sampling error."""
    increase = detectable(n, m, 0.2, alpha, threshold=threshold)
    random = np.random.default_rng(99)
    sigma, rejections = np.sqrt(np.log1p(0.2**2)), 0
    for _ in range(600):
        base, new = random.lognormal(0, sigma, n), random.lognormal(0, sigma, m) * (1 + increase)
        middle = median(base).value or 0.0
        rejections += mann_whitney(base, new) < alpha and hodges_lehmann(base, new).value > threshold * middle
    assert rejections / 600 == pytest.approx(0.8, abs=0.05)


def test_too_few_trials_find_nothing() -> None:
    """Three a side never reach 1 %, whatever the increase."""
    assert detectable(3, 3, 0.15, 0.01) == inf


def test_without_noise_the_threshold_is_detectable() -> None:
    """If trials never vary, the detectable increase is the threshold."""
    assert detectable(5, 5, 0.0, 0.01) == pytest.approx(0.0)
    assert detectable(5, 5, 0.0, 0.01, threshold=0.15) == pytest.approx(0.15)


def test_the_spread_is_pooled_within_the_sides() -> None:
    """Ratios to each side's mean are pooled: ±10 % twice is √(4 × 0.01 / 2) = 14.1 %; infinite
    values are left out."""
    assert spread([9.0, 11.0], [90.0, 110.0, inf]) == pytest.approx(0.02**0.5)
    assert spread([9.0], [inf, inf]) is None

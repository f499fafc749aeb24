"""Mann-Whitney's and Fisher's tests against enumeration and known values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from gameday.slo.mann_whitney import fisher_larger, p_larger


def test_the_normal_form_agrees_with_enumeration() -> None:
    """For samples of 7 and 8, p is within 0.01 of the exact share of orders that are as extreme."""
    sample, other = [3.1, 4.2, 5.9, 6.6, 7.0, 8.1, 9.2], [1.0, 2.2, 3.0, 3.3, 4.0, 5.0, 6.0, 6.5]
    values = sorted(sample + other)
    observed = sum(a > b for a in sample for b in other)
    chosen = list(itertools.combinations(range(15), 7))
    as_extreme = sum(
        sum(a > b for a in picked for b in range(15) if b not in picked) >= observed
        for picked in map(set, chosen)
    )
    assert len(values) == 15
    assert p_larger(sample, other) == pytest.approx(as_extreme / len(chosen), abs=0.01)


def test_ties_and_empty_samples() -> None:
    """Equal samples show nothing, nor do empty ones."""
    assert p_larger([1.0] * 10, [1.0] * 10) == 1.0
    assert p_larger([], [1.0]) == p_larger([1.0], []) == 1.0
    assert p_larger([1.0, 2.0] * 20, [1.0, 2.0] * 20) == pytest.approx(0.5, abs=0.02)


def test_under_no_difference_p_is_uniform() -> None:
    """One in twenty is below 5 %."""
    random = np.random.default_rng(5)
    low = sum(
        p_larger(random.exponential(size=30).tolist(), random.exponential(size=90).tolist()) < 0.05
        for _ in range(400)
    )
    assert 8 <= low <= 36


def test_fishers_test_is_the_hypergeometric_tail() -> None:
    """Against the sum of the hypergeometric distribution by whole numbers."""
    wanted = sum(math.comb(8, k) * math.comb(22, 10 - k) for k in range(5, 9)) / math.comb(30, 10)
    assert fisher_larger(5, 10, 3, 20) == pytest.approx(wanted)
    assert fisher_larger(0, 10, 0, 10) == pytest.approx(1.0)
    assert fisher_larger(3, 0, 0, 10) == 1.0


def test_a_certain_event_has_the_probability_one() -> None:
    """The sum of all terms of the tail is rounded; p is never over 1."""
    certain = [fisher_larger(0, n, bad, 20) for n in range(1, 40) for bad in (0, 1, 5, 20)]
    assert max(certain) <= 1.0
    assert min(certain) == pytest.approx(1.0)

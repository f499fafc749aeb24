"""Statistics of a few trials, distribution-free: medians with intervals, and rank tests of two sides.

A trial that never recovered is +∞: the largest value, equal to any other ∞, and never dropped. Every result is exact
or states its accuracy. `comparison` decides what is judged, and at which level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gameday.analysis.trials.binomial import at_most, lower_bound

Values = Sequence[float] | npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]

LEAST_COVERAGE = 0.925
"""Coverage of a median's interval: what rounds to 93 %."""
LEAST_TRIALS = 5
"""The fewest trials whose extremes cover the median that well."""
EXACT = 120
"""Trials of both sides up to which rank tests are enumerated; above, the normal approximation is used."""


@dataclass(frozen=True)
class Interval:
    """A closed interval; its ends may be infinite. `coverage`: the probability that it contains the true value."""

    low: float
    high: float
    coverage: float


@dataclass(frozen=True)
class Median:
    """The median of n values. `value` is None if n is 0, `interval` is None if n is below `needed`."""

    n: int
    value: float | None
    interval: Interval | None
    needed: int = LEAST_TRIALS


@dataclass(frozen=True)
class Rate:
    """A success rate: `ratio` is None if n is 0; `at_least` is its one-sided Clopper–Pearson bound."""

    successes: int
    n: int
    ratio: float | None
    at_least: float
    confidence: float


@dataclass(frozen=True)
class Shift:
    """The distance of one side above the other. `interval` is None if there are too few values."""

    value: float
    interval: Interval | None


def median(values: Values) -> Median:
    """Return the median with the narrowest interval [x(k), x(n+1−k)] of order statistics that covers it in 93 %.

    Raise ValueError for a NaN.
    """
    ordered = _ordered(values)
    n = len(ordered)
    if n == 0:
        return Median(0, None, None)
    k = 0
    while _coverage(n, k + 1) >= LEAST_COVERAGE:
        k += 1
    interval = Interval(float(ordered[k - 1]), float(ordered[n - k]), _coverage(n, k)) if k else None
    return Median(n, _middle(ordered), interval)


def success_rate(successes: int, n: int, confidence: float = 0.95) -> Rate:
    """Return the success rate with its bound. Raise ValueError unless 0 ≤ successes ≤ n."""
    bound = lower_bound(successes, n, confidence)
    return Rate(successes, n, successes / n if n else None, bound, confidence)


def mann_whitney(base: Values, new: Values) -> float:
    """Return the one-sided p of the rank test (Mann and Whitney 1947): is `new` larger than `base`?

    Exact, ties included, for up to EXACT values together; above, the normal approximation with corrections for ties and
    continuity. Raise ValueError if a side is empty or holds a NaN.
    """
    if not (len(base) and len(new)):
        raise ValueError("a side without trials can't be compared")
    doubled = _doubled_ranks(np.concatenate((_ordered(base), _ordered(new))))
    observed = int(doubled[len(base) :].sum())
    if len(doubled) > EXACT:
        return _normal_tail(doubled, len(new), observed)
    chances = _rank_sums(tuple(sorted(map(int, doubled))), len(new))
    return min(1.0, float(chances[observed:].sum()))


def hodges_lehmann(base: Values, new: Values, confidence: float = 0.95) -> Shift:
    """Return the median of all differences new − base, with the interval of shifts that the rank test doesn't reject.

    ∞ − ∞ is 0: two trials that never recovered are equal. The interval covers at least `confidence`: exactly its
    `coverage` without ties, more with ties. Raise ValueError if a side is empty or holds a NaN. Source: Hodges and
    Lehmann 1963.
    """
    if not (len(base) and len(new)):
        raise ValueError("a side without trials can't be compared")
    differences = _differences(_ordered(base), _ordered(new))
    below = _below(len(base), len(new))
    k = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))  # P(U ≤ k − 1) is still small enough
    if k == 0:
        return Shift(_middle(differences), None)
    interval = Interval(float(differences[k - 1]), float(differences[-k]), 1 - 2 * float(below[k - 1]))
    return Shift(_middle(differences), interval)


def holm(ps: Sequence[float]) -> list[float]:
    """Return the p values adjusted for multiple tests (Holm 1979): comparing each with α keeps the family at α."""
    adjusted, worst = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        worst = max(worst, min(1.0, ps[i] * (len(ps) - rank)))
        adjusted[i] = worst
    return adjusted


def weighted_holm(ps: Sequence[float], weights: Sequence[float]) -> list[tuple[float, float]]:
    """Return for each test (adjusted p, factor) of Holm's procedure with weights (Holm 1979, section 3).

    Comparing each adjusted p with α keeps the family at α. `factor` is what p was multiplied by at its step: a test that
    is a family of its own multiplies the adjusted p values inside it by the same. Raise ValueError for a weight of 0.
    """
    if any(weight <= 0 for weight in weights):
        raise ValueError("each test needs a weight above 0")
    results, worst, left = [(0.0, 0.0)] * len(ps), 0.0, sum(weights)
    for i in sorted(range(len(ps)), key=lambda i: ps[i] / weights[i]):
        factor = left / weights[i]
        worst = max(worst, min(1.0, ps[i] * factor))
        results[i] = (worst, factor)
        left -= weights[i]
    return results


def reachable(n: int, m: int, alpha: float, tests: int = 1) -> bool:
    """Return True if n against m trials can reach p < α at all, at the strictest of Holm's steps over `tests`."""
    return n > 0 and m > 0 and tests / math.comb(n + m, n) < alpha


def trials_needed(alpha: float, tests: int = 1) -> int:
    """Return the fewest trials a side at which the exact test can reach p < α, with Holm over `tests`."""
    n = 1
    while not reachable(n, n, alpha, tests):
        n += 1
    return n


def critical(n: int, m: int, alpha: float) -> int:
    """Return the largest U (pairs in which base is above new) at which p < α; −1 if there is none."""
    return int(np.searchsorted(_below(n, m), alpha, side="left")) - 1


def _ordered(values: Values) -> Floats:
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if np.isnan(ordered).any():
        raise ValueError("a value is NaN: leave it out, or use infinity for what never came")
    return ordered


def _middle(ordered: Floats) -> float:
    """Return the median; it is infinite if one of the two middle values is."""
    n = len(ordered)
    low, high = float(ordered[(n - 1) // 2]), float(ordered[n // 2])
    return low if low == high else (low + high) / 2


def _coverage(n: int, k: int) -> float:
    """Return the coverage of [x(k), x(n+1−k)] for the median."""
    return 1 - 2 * at_most(k - 1, n, 0.5) if 2 * k <= n else 0.0


def _differences(base: Floats, new: Floats) -> Floats:
    """Return all differences, sorted. Finite ones lie between −∞ and +∞, so the middle is always defined."""
    with np.errstate(invalid="ignore"):
        differences = np.subtract.outer(new, base).ravel()
    return np.sort(np.where(np.isnan(differences), 0.0, differences))


def _doubled_ranks(values: Floats) -> npt.NDArray[np.int64]:
    """Return twice the rank of each value, a whole number; ties share the mean of their ranks."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.int64] = (2 * np.cumsum(counts) - counts + 1)[which.ravel()]
    return ranks


@lru_cache(maxsize=256)
def _rank_sums(doubled: tuple[int, ...], m: int) -> Floats:
    """Return P(sum = s) for s = 0, 1, 2, … if m of these ranks are drawn at random."""
    ways = np.zeros((m + 1, sum(doubled) + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, :-rank].copy()
    chances: Floats = ways[m] / math.comb(len(doubled), m)
    return chances


@lru_cache(maxsize=256)
def _below(n: int, m: int) -> Floats:
    """Return P(U ≤ u) for u = 0 … n·m if both sides have the same distribution, without ties."""
    if n + m <= EXACT:
        least = m * (m + 1)
        chances = _rank_sums(tuple(range(2, 2 * (n + m) + 1, 2)), m)
        return np.cumsum(chances[least : least + 2 * n * m + 1 : 2])
    mean, deviation = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return np.array([_phi((u + 0.5 - mean) / deviation) for u in range(n * m + 1)])


def _normal_tail(doubled: npt.NDArray[np.int64], m: int, observed: int) -> float:
    """Approximate P(rank sum of m ≥ observed), with the variance of drawing without replacement."""
    n = len(doubled) - m
    deviation = math.sqrt(n * m / len(doubled) * float(np.var(doubled, ddof=1)))
    return _phi((m * float(doubled.mean()) + 1 - observed) / deviation) if deviation else 1.0


def _phi(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2

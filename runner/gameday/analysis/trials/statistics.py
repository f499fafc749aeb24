"""Statistics of a few trials, without a distribution assumed: medians with intervals, and one side against the other.

A trial that never recovered is +∞: the largest value, equal to any other ∞, and never dropped. Everything is exact or
says how near it is. What is judged, and at which level, is left to `compare`.
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

LEAST_COVERAGE = 0.925  # of a median's interval: what rounds to 93 %
LEAST_TRIALS = 5  # the fewest whose extremes cover the median that well
EXACT = (
    120  # trials, both sides together, up to which rank tests are enumerated; the normal approximation above
)


@dataclass(frozen=True)
class Interval:
    """Closed; the ends may be infinite. `coverage`: the probability that such an interval holds the true value."""

    low: float
    high: float
    coverage: float


@dataclass(frozen=True)
class Median:
    """Of n values. `value` is None where n is 0, `interval` where n is under `needed`."""

    n: int
    value: float | None
    interval: Interval | None
    needed: int = LEAST_TRIALS


@dataclass(frozen=True)
class Rate:
    """`ratio` of n that succeeded, None where n is 0; `at_least`: its Clopper–Pearson bound, one-sided."""

    successes: int
    n: int
    ratio: float | None
    at_least: float
    confidence: float


@dataclass(frozen=True)
class Shift:
    """By how much one side lies above the other. `interval` is None where there are too few values for one."""

    value: float
    interval: Interval | None


def median(values: Values) -> Median:
    """With the narrowest interval [x(k), x(n+1−k)] of order statistics that covers it in 93 % of cases."""
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
    """Raises ValueError unless 0 ≤ successes ≤ n."""
    bound = lower_bound(successes, n, confidence)
    return Rate(successes, n, successes / n if n else None, bound, confidence)


def mann_whitney(base: Values, new: Values) -> float:
    """One-sided p: how often, were both sides alike, `new` would rank as high against `base` as it does, or higher.

    Exact, ties included, for up to 120 values together; above that the normal approximation, corrected for ties and
    continuity. Raises ValueError where a side is empty or holds a NaN.
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
    """The median of all differences new − base, and the interval of shifts that the rank test wouldn't reject.

    ∞ − ∞ is 0: two trials that never recovered are alike. The interval covers at least `confidence`, exactly its
    `coverage` where there are no ties, more where there are. Raises ValueError where a side is empty or holds a NaN.
    """
    if not (len(base) and len(new)):
        raise ValueError("a side without trials can't be compared")
    differences = _differences(_ordered(base), _ordered(new))
    below = _below(len(base), len(new))
    k = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))  # P(U ≤ k − 1) is small enough still
    if k == 0:
        return Shift(_middle(differences), None)
    interval = Interval(float(differences[k - 1]), float(differences[-k]), 1 - 2 * float(below[k - 1]))
    return Shift(_middle(differences), interval)


def holm(ps: Sequence[float]) -> list[float]:
    """Each p, adjusted for there being several: what is below α is found at a level of α for all together."""
    adjusted, worst = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        worst = max(worst, min(1.0, ps[i] * (len(ps) - rank)))
        adjusted[i] = worst
    return adjusted


def reachable(n: int, m: int, alpha: float, tests: int = 1) -> bool:
    """Whether n against m trials can come below α at all, with the strictest of Holm's steps over so many tests."""
    return n > 0 and m > 0 and tests / math.comb(n + m, n) < alpha


def trials_needed(alpha: float, tests: int = 1) -> int:
    """The fewest trials a side at which an exact test can come below α, with Holm over so many tests."""
    n = 1
    while not reachable(n, n, alpha, tests):
        n += 1
    return n


def critical(n: int, m: int, alpha: float) -> int:
    """The largest U, pairs in which base is above new, at which p < α; −1 where no U will do."""
    return int(np.searchsorted(_below(n, m), alpha, side="left")) - 1


def _ordered(values: Values) -> Floats:
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if np.isnan(ordered).any():
        raise ValueError("a value is missing: leave it out, or give infinity where it never came")
    return ordered


def _middle(ordered: Floats) -> float:
    """The median; infinite where one of the two in the middle is."""
    n = len(ordered)
    low, high = float(ordered[(n - 1) // 2]), float(ordered[n // 2])
    return low if low == high else (low + high) / 2


def _coverage(n: int, k: int) -> float:
    """Of [x(k), x(n+1−k)] for the median."""
    return 1 - 2 * at_most(k - 1, n, 0.5) if 2 * k <= n else 0.0


def _differences(base: Floats, new: Floats) -> Floats:
    """All of them, sorted. Finite ones lie between −∞ and +∞ wherever both occur, so the middle is always defined."""
    with np.errstate(invalid="ignore"):
        differences = np.subtract.outer(new, base).ravel()
    return np.sort(np.where(np.isnan(differences), 0.0, differences))


def _doubled_ranks(values: Floats) -> npt.NDArray[np.int64]:
    """Twice the rank of each, ties sharing the mean of theirs: whole numbers."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.int64] = (2 * np.cumsum(counts) - counts + 1)[which.ravel()]
    return ranks


@lru_cache(maxsize=256)
def _rank_sums(doubled: tuple[int, ...], m: int) -> Floats:
    """P(sum = s) for s = 0, 1, 2, …, where m of these ranks are drawn, all draws alike."""
    ways = np.zeros((m + 1, sum(doubled) + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, :-rank].copy()
    chances: Floats = ways[m] / math.comb(len(doubled), m)
    return chances


@lru_cache(maxsize=256)
def _below(n: int, m: int) -> Floats:
    """P(U ≤ u) for u = 0 … n·m, were both sides alike and without ties."""
    if n + m <= EXACT:
        least = m * (m + 1)
        chances = _rank_sums(tuple(range(2, 2 * (n + m) + 1, 2)), m)
        return np.cumsum(chances[least : least + 2 * n * m + 1 : 2])
    mean, deviation = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return np.array([_phi((u + 0.5 - mean) / deviation) for u in range(n * m + 1)])


def _normal_tail(doubled: npt.NDArray[np.int64], m: int, observed: int) -> float:
    """P(rank sum of m ≥ observed), approximately; the variance is that of drawing without replacement."""
    n = len(doubled) - m
    deviation = math.sqrt(n * m / len(doubled) * float(np.var(doubled, ddof=1)))
    return _phi((m * float(doubled.mean()) + 1 - observed) / deviation) if deviation else 1.0


def _phi(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2

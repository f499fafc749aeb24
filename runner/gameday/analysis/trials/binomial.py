"""Exact binomial tails, and the Clopper–Pearson bounds on a ratio that follow from them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

STEPS = 60  # halvings of [0, 1]: enough for the precision of a double


def at_most(k: int, n: int, p: float) -> float:
    """Return P(X ≤ k) of a binomial X with n draws of probability p; 0 ≤ p ≤ 1."""
    if k >= n or p <= 0:
        return 1.0 if k >= 0 else 0.0
    if k < 0 or p >= 1:
        return 0.0
    if k > n * p:  # the shorter tail keeps its digits
        return 1.0 - at_most(n - k - 1, n, 1 - p)
    log_last = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p)
    down = np.arange(k, 0, -1)
    log_steps = np.cumsum(np.log(down) - np.log(n - down + 1) + math.log1p(-p) - math.log(p))
    return math.exp(log_last + (n - k) * math.log1p(-p)) * (1 + float(np.exp(log_steps).sum()))


def upper_bound(errors: int, n: int, confidence: float = 0.95) -> float:
    """Return the one-sided upper bound of a ratio after `errors` among `n` (Clopper and Pearson 1934); 1 if n is 0.

    Raise ValueError unless 0 ≤ errors ≤ n and 0 < confidence < 1.
    """
    if not (0 <= errors <= n and 0 < confidence < 1):
        raise ValueError(f"{errors} among {n} at a confidence of {confidence:g} make no bound")
    if errors == n:
        return 1.0
    return _falls_below(lambda p: at_most(errors, n, p), 1 - confidence)


def lower_bound(successes: int, n: int, confidence: float = 0.95) -> float:
    """Return the one-sided lower bound of a ratio after `successes` among `n`; 0 if n is 0."""
    return 1.0 - upper_bound(n - successes, n, confidence)


def _falls_below(tail: Callable[[float], float], level: float) -> float:
    """Return where a falling function on [0, 1] crosses `level`."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > level else (low, middle)
    return high


def fisher(base: int, n: int, new: int, m: int) -> float:
    """Return the one-sided p of Fisher's exact test: is the share `new` of m larger than `base` of n?

    Raise ValueError unless 0 ≤ base ≤ n and 0 ≤ new ≤ m.
    """
    if not (0 <= base <= n and 0 <= new <= m):
        raise ValueError(f"{base} of {n} and {new} of {m} are no shares")
    events = base + new
    ways = [math.comb(m, k) * math.comb(n, events - k) for k in range(min(m, events) + 1) if events - k <= n]
    first = max(0, events - n)
    return sum(ways[new - first :]) / sum(ways)


def fisher_least(events: int, n: int, m: int) -> float:
    """Return the least p that Fisher's test can reach with `events` on both sides together."""
    new = min(events, m)
    return fisher(events - new, n, new, m)

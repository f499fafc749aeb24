"""Verdict of one window, by the number of its requests and how many of them are bad."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np

Verdict = Literal["ok", "breach", "unknown"]

MINIMUM = 20
"""Requests in a window; with fewer its verdict is unknown."""
SIGNIFICANCE = 0.01


@lru_cache(maxsize=200_000)
def critical(n: int, objective: float) -> int:
    """Return the smallest number of bad requests among `n` that is a breach; n + 1 if none is.

    The binomial tail is summed exactly, from the mean up to 12 standard deviations and 60 requests above it, where the
    rest is negligible.
    """
    q = 1.0 - objective
    low = int(n * q)
    high = min(n, low + 60 + int(12 * math.sqrt(n * q)))
    k = np.arange(low, high)
    log_first = math.lgamma(n + 1) - math.lgamma(low + 1) - math.lgamma(n - low + 1)
    log_first += low * math.log(q) + (n - low) * math.log1p(-q)
    log_steps = np.log((n - k) / (k + 1)) + math.log(q) - math.log1p(-q)
    mass = np.exp(log_first + np.concatenate(([0.0], np.cumsum(log_steps))))
    tail = np.cumsum(mass[::-1])[::-1]
    rare = np.flatnonzero((tail < SIGNIFICANCE) & (np.arange(low, high + 1) > n * q))
    return low + int(rare[0]) if len(rare) else n + 1


def verdict(bad: int, n: int, objective: float) -> Verdict:
    """Judge one window: breach iff bad/n > 1 − objective and P(X ≥ bad | n, 1 − objective) < 1 %; unknown iff n < 20."""
    if n < MINIMUM:
        return "unknown"
    return "breach" if bad >= critical(n, objective) else "ok"

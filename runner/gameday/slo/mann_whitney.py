"""Mann-Whitney's test of whether one sample tends to be larger than another (Mann and Whitney 1947), in its normal form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def p_larger(sample: Sequence[float], other: Sequence[float]) -> float:
    """Return the one-sided p that `sample` tends to be larger than `other`; 1.0 if one of them is empty.

    Ties share their ranks, and the variance is corrected for them; the normal approximation is continuity-corrected.
    """
    n, m = len(sample), len(other)
    if not n or not m:
        return 1.0
    values = np.concatenate((np.asarray(sample, float), np.asarray(other, float)))
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    size = n + m
    ties = float((counts.astype(float) ** 3 - counts).sum())
    variance = n * m / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance <= 0:
        return 1.0
    z = (u - n * m / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def fisher_larger(bad: int, n: int, other_bad: int, other_n: int) -> float:
    """Return the one-sided p of Fisher's exact test that `bad` of `n` is a larger share than `other_bad` of `other_n`."""
    total_bad, total = bad + other_bad, n + other_n
    most = min(total_bad, n)
    logs = [_log_choose(total_bad, k) + _log_choose(total - total_bad, n - k) for k in range(bad, most + 1)]
    return (
        min(1.0, math.fsum(math.exp(log - _log_choose(total, n)) for log in logs)) if n and other_n else 1.0
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) if 0 <= k <= n else -math.inf

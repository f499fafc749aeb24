"""Permutation tests of several metrics at once, exact at any number of trials, whatever the metrics' distributions.

If both sides come from the same code, the labels "base" and "new" are exchangeable: every way to deal them out is as
probable as the one observed. The statistic of a metric is the standardised difference of the sides' means; the largest
over all metrics is compared with its distribution over all deals, so that the p values hold for all metrics together
(step-down max-T; Westfall and Young 1993, algorithm 2.8).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_DEALS = 200_000
"""Deals that are enumerated; above, DRAWS random ones are taken, with a fixed seed."""
DRAWS = 50_000
SEED = 1
OUTLIER = 4.0
"""Values further from the median than so many robust standard deviations count as just that far, infinite ones too."""
TOLERANCE = 1e-9


def two_samples(base: Floats, new: Floats) -> list[float]:
    """Return for each column the adjusted one-sided p that new is larger. Rows are trials; NaN is a missing value.

    Raise ValueError if a side has no trial.
    """
    n, m = len(base), len(new)
    if not (n and m):
        raise ValueError("a side without trials can't be compared")
    scores = _scores(np.concatenate((base, new)))
    exact = math.comb(n + m, m) <= MOST_DEALS
    deals = _all_deals(n + m, m) if exact else _random_deals(n + m, m)
    return _step_down(scores[n:].sum(axis=0), deals @ scores, exact)


def pairs(base: Floats, new: Floats) -> list[float]:
    """Return for each column the adjusted one-sided p that new is larger, for rows that belong together.

    Under the null hypothesis the two values of a pair are exchangeable, so that each difference may have either sign.
    Raise ValueError if the sides differ in length or are empty.
    """
    n = len(base)
    if not n or n != len(new):
        raise ValueError("pairs need as many trials on either side, and at least one")
    scores = _scores(np.concatenate((base, new)))
    differences = scores[n:] - scores[:n]
    size = np.sqrt((differences**2).sum(axis=0))
    differences = differences / np.where(size > 0, size, 1.0)
    exact = 2**n <= MOST_DEALS
    signs = _all_signs(n) if exact else _random_signs(n)
    return _step_down(differences.sum(axis=0), signs @ differences, exact)


def least_p(n: int, m: int) -> float:
    """Return the least p that `two_samples` can reach with n against m trials."""
    return 1 / math.comb(n + m, n)


def _scores(values: Floats) -> Floats:
    """Return standardised values: mean 0 and length 1 for each column, outliers cut off, 0 if a value is missing.

    They depend on all trials together and not on their labels, so that the test stays exact.
    """
    return np.column_stack([_column(column) for column in values.T])


def _column(column: Floats) -> Floats:
    known = ~np.isnan(column)
    finite = column[np.isfinite(column)]
    middle = float(np.median(finite)) if len(finite) else 0.0
    spread = 1.4826 * float(np.median(np.abs(finite - middle))) if len(finite) else 0.0
    spread = spread or (float(np.ptp(finite)) if len(finite) else 0.0) or 1.0
    cut = np.clip((np.where(known, column, middle) - middle) / spread, -OUTLIER, OUTLIER)
    cut = np.where(known, cut - cut[known].mean() if known.any() else 0.0, 0.0)
    length = math.sqrt(float((cut**2).sum()))
    scores: Floats = cut / length if length > TOLERANCE else np.zeros(len(column))
    return scores


def _step_down(observed: Floats, dealt: Floats, exact: bool) -> list[float]:
    """Return the adjusted p of each column: how often a deal's largest statistic of the columns that are left reaches it."""
    order = sorted(range(len(observed)), key=lambda j: -observed[j])
    adjusted, worst, extra = [1.0] * len(observed), 0.0, 0 if exact else 1
    for rank, j in enumerate(order):
        largest = dealt[:, order[rank:]].max(axis=1)
        reached = int((largest >= observed[j] - TOLERANCE).sum())
        worst = max(worst, (reached + extra) / (len(dealt) + extra))
        adjusted[j] = worst
    return adjusted


@lru_cache(maxsize=16)
def _all_deals(total: int, m: int) -> Floats:
    return _matrix(combinations(range(total), m), math.comb(total, m), total)


@lru_cache(maxsize=16)
def _random_deals(total: int, m: int) -> Floats:
    order = np.random.default_rng(SEED).random((DRAWS, total)).argsort(axis=1)[:, :m]
    deals = np.zeros((DRAWS, total))
    np.put_along_axis(deals, order, 1.0, axis=1)
    return deals


def _matrix(chosen: Iterator[tuple[int, ...]], rows: int, total: int) -> Floats:
    deals = np.zeros((rows, total))
    for row, columns in enumerate(chosen):
        deals[row, list(columns)] = 1.0
    return deals


@lru_cache(maxsize=16)
def _all_signs(n: int) -> Floats:
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)


@lru_cache(maxsize=16)
def _random_signs(n: int) -> Floats:
    bits = np.random.default_rng(SEED).integers(0, 2, (DRAWS, n))
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)

"""Power of a comparison: the smallest increase that this many trials with this spread would show."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gameday.analysis.trials.statistics import Values, critical

Floats = npt.NDArray[np.float64]

DRAWS = 2000
"""Simulated comparisons: a power of 80 % is then known to 1 % (one standard error)."""
PAIRS = 2_000_000
"""Pairs of values compared at once; above, there are fewer draws."""
SEED = 1


def spread(base: Values, new: Values) -> float | None:
    """Return the pooled coefficient of variation within the sides, of the finite values; None if there are too few."""
    squares, free = 0.0, 0
    for values in (base, new):
        finite = np.asarray(values, dtype=np.float64)
        finite = finite[np.isfinite(finite)]
        if len(finite) > 1 and finite.mean() > 0:
            squares += float(((finite / finite.mean() - 1) ** 2).sum())
            free += len(finite) - 1
    return math.sqrt(squares / free) if free else None


@lru_cache(maxsize=512)
def detectable(
    n: int, m: int, cv: float, alpha: float, *, power: float = 0.8, threshold: float = 0.0, seed: int = SEED
) -> float:
    """Return the smallest relative increase found in `power` of all comparisons of n against m trials; inf if none is.

    Found means p < α by the exact rank test, and a Hodges–Lehmann shift over `threshold` of base's median. The result
    is simulated with a fixed seed, from log-normal values with the coefficient of variation `cv`; it is accurate to
    about 3 %.
    """
    most = critical(n, m, alpha)
    if most < 0:
        return math.inf
    draws = max(200, min(DRAWS, PAIRS // (n * m)))
    sigma = math.sqrt(math.log1p(cv * cv))
    noise = np.exp(sigma * np.random.default_rng(seed).standard_normal((draws, n + m)))
    enough = _enough(noise[:, :n], noise[:, n:], most, threshold)
    return max(0.0, float(np.quantile(enough, power)))


def _enough(base: Floats, new: Floats, most: int, threshold: float) -> Floats:
    """Return for each draw, one a row, the least increase of new at which new is found to be above base.

    An increase e puts new above base in the pairs with base/new < 1 + e. The test allows `most` other pairs, and the
    shift is over the threshold once half of all pairs are past it.
    """
    pairs = base.shape[1] * new.shape[1]
    ratios = (base[:, :, None] / new[:, None, :]).reshape(len(base), pairs)
    by_rank = np.partition(ratios, pairs - 1 - most, axis=1)[:, pairs - 1 - most]
    raised = base + threshold * np.median(base, axis=1, keepdims=True)
    by_shift = np.median((raised[:, :, None] / new[:, None, :]).reshape(len(base), pairs), axis=1)
    enough: Floats = np.maximum(by_rank, by_shift if threshold > 0 else by_rank) - 1
    return enough

"""Change point of a sequence of good and bad requests: where it most likely is, and how far off that may be at 95 %.

Before the change a request is bad with probability p0, from it on with probability p1, the share of bad ones in the
stretch that is in breach. The most likely change point is the one with the largest sum of log-likelihood ratios from it
on (Page 1955, Hinkley 1970). Its error follows from the posterior over all change points with a flat prior over time,
averaged over a grid of p0 and p1, since neither is known exactly. The end of an excursion is its onset with time reversed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Times = npt.NDArray[np.float64]

QUIET = 5.0
"""p0 is the allowed share of bad requests, divided by this."""
LEAST, MOST = 1.2, 0.99
"""p1 is at least LEAST times the allowed share, and at most MOST."""
ROUNDS = 6
"""Change point and p1 depend on each other; after so many rounds they no longer change."""
COVERAGE = 0.97
"""Posterior probability inside the bound. The stretch is chosen because it is bad, so 97 % cover the truth in 95 %."""
QUIETER = (1.0, 0.25)
"""Factors on p0 in the posterior."""
LOUDER = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
"""Factors on p1 in the posterior …"""
FAINT = (1.3, 1.7, 2.2)
"""… and factors on the allowed share, since a weak fault is noticed where it happens to be strong."""
NEAR = 50_000
"""Requests on either side of the change point that the posterior covers."""


@dataclass(frozen=True)
class ChangePoint:
    """`index`: the first bad request after the change. `p1`: the share of bad ones from it on."""

    index: int
    p1: float


def change_point(bad_at: Indices, first: int, breach: int, until: int, allowed: float) -> ChangePoint:
    """Return the most likely change point at or before the request at index `breach`.

    `bad_at` are the indices of the bad requests, ascending. The window that ends with `breach` begins at `first`; p1 is
    the share of bad ones from the change up to index `until` (exclusive). `allowed` is 1 − objective.
    """
    before = bad_at[: np.searchsorted(bad_at, breach, side="right")]
    until = max(until, breach + 1)
    begin, before_that = first, -1
    for _ in range(ROUNDS):
        share = float(np.searchsorted(bad_at, until) - np.searchsorted(bad_at, begin)) / (until - begin)
        p1 = min(max(share, LEAST * allowed), MOST)
        begin = _most_likely(before, allowed / QUIET, p1)
        if begin == before_that:
            break
        before_that = begin
    return ChangePoint(begin, p1)


def _most_likely(bad_at: Indices, p0: float, p1: float) -> int:
    """Return the bad request before which the sum of log-likelihood ratios is lowest, the last one of several."""
    rise, fall = math.log(p1 / p0), math.log((1 - p1) / (1 - p0))
    earlier = np.arange(len(bad_at))
    before = rise * earlier + fall * (bad_at - earlier)
    return int(bad_at[len(before) - 1 - int(np.argmin(before[::-1]))])


def bound(t: Times, bad: npt.NDArray[np.bool_], since: float, at: float, p1: float, allowed: float) -> float:
    """Return ± seconds around the stamp `at` that cover the true time of the change in 95 % of cases.

    `t` and `bad` are the requests around the change, in order of time; the change isn't before `since`.
    """
    edges = np.concatenate(([min(since, t[0])], t))
    log = _log_posterior(bad, p1, allowed)
    mass = np.exp(log - log.max()) * np.diff(edges)
    total = np.concatenate(([0.0], np.cumsum(mass)))
    total /= total[-1]
    low, high = 0.0, float(edges[-1] - edges[0])
    for _ in range(40):
        middle = (low + high) / 2
        inside = np.interp(at + middle, edges, total) - np.interp(at - middle, edges, total)
        low, high = (low, middle) if inside >= COVERAGE else (middle, high)
    return high


def _log_posterior(bad: npt.NDArray[np.bool_], p1: float, allowed: float) -> Times:
    """Return the logarithm of the likelihood that the request at each index is the first after the change."""
    n = len(bad)
    earlier = np.concatenate(([0], np.cumsum(bad)))[:n]
    good_earlier = np.arange(n) - earlier
    later, good_later = int(bad.sum()) - earlier, n - int(bad.sum()) - good_earlier
    shares = [p1 * factor for factor in LOUDER] + [allowed * factor for factor in FAINT]
    likely = np.full(n, -np.inf)
    for quieter, share in product(QUIETER, shares):
        p0, loud = quieter * allowed / QUIET, min(max(share, LEAST * allowed), MOST)
        log = earlier * math.log(p0) + good_earlier * math.log1p(-p0)
        likely = np.logaddexp(likely, log + later * math.log(loud) + good_later * math.log1p(-loud))
    return likely

"""Measured against true: how far from the real cut and restoration the clocks of each outage lie. Pure.

The truth are stamps of the link server; what is measured comes from `gameday.slo` and from the watch's alerts, as in any
run. Beside it stands what statistics in buckets of one second would have said. How all this came about is `outages`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.slo import Outage, select

BUCKET_S = 1.0
"""Locust's own statistics count by the second in which an answer came."""
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """One outage as it really was, in seconds since the run's start."""

    cut: float
    restored: float


@dataclass(frozen=True)
class Measured:
    """What was made of one outage; None where it wasn't seen, or not as one.

    `next_cut`, `next_restored`: planned time of the first request at or after the truth, the soonest that any
    measurement by requests could tell.
    """

    truth: Truth
    effect: float | None
    recovered: float | None
    detect: float | None
    bucket_effect: float | None
    bucket_recovered: float | None
    next_cut: float | None
    next_restored: float | None


@dataclass(frozen=True)
class Spread:
    """Of errors in seconds: quantiles of their size, and their median with its sign, positive where measured late."""

    median: float
    p95: float
    max: float
    bias: float


def spread(errors: Iterable[float | None]) -> Spread | None:
    """Of those that are known; None where none is."""
    errors = np.array([error for error in errors if error is not None])
    if not len(errors):
        return None
    size = np.abs(errors)
    median, p95 = np.percentile(size, (50, 95))
    return Spread(float(median), float(p95), float(size.max()), float(np.median(errors)))


def apart(measured: float | None, true: float | None) -> float | None:
    """The error in seconds, positive where measured late; None where one isn't known."""
    return None if measured is None or true is None else measured - true


def beyond(measured: float | None, true: float, following: float | None) -> float | None:
    """Seconds by which a time lies outside of what the gap between requests explains; 0 from `true` to `following`."""
    if measured is None or following is None:
        return None
    return min(0.0, measured - true) + max(0.0, measured - following)


def measured(
    truths: Sequence[Truth], outages: Sequence[Outage], pages: Sequence[float], slo: Slo, samples: Samples
) -> list[Measured]:
    """Each true outage with what was measured of it. `truths` and `pages` (times of alerts that page) are in order."""
    planned, failed = samples.records["planned"], _failed(slo, samples)
    found = []
    for truth, (since, until) in zip(truths, _grounds(truths), strict=True):
        own = [each for each in outages if since <= each.effect < until]
        one = own[0] if len(own) == 1 else None
        first, last = _buckets(samples.records["end"][failed & (planned >= since) & (planned < until)])
        found.append(
            Measured(
                truth,
                one.effect if one else None,
                one.recovered if one else None,
                next((t for t in pages if truth.cut <= t < until), None),
                first,
                last,
                _next(planned, truth.cut),
                _next(planned, truth.restored),
            )
        )
    return found


def _grounds(truths: Sequence[Truth]) -> list[tuple[float, float]]:
    """What belongs to each: from the middle of the quiet time before it to the middle of that after it."""
    edges = [(one.restored + two.cut) / 2 for one, two in itertools.pairwise(truths)]
    return list(zip([-math.inf, *edges], [*edges, math.inf], strict=True))[: len(truths)]


def _failed(slo: Slo, samples: Samples) -> npt.NDArray[np.bool_]:
    counts, good = select(slo, samples)
    return counts & ~good


def _buckets(ends: Times) -> tuple[float | None, float | None]:
    """Begin of the first bucket with a failure, and of the first one after them without."""
    if not len(ends):
        return None, None
    first, last = np.floor(ends.min() / BUCKET_S), np.floor(ends.max() / BUCKET_S)
    return float(first * BUCKET_S), float((last + 1) * BUCKET_S)


def _next(planned: Times, t: float) -> float | None:
    at = int(np.searchsorted(planned, t))
    return float(planned[at]) if at < len(planned) else None

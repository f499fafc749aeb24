"""Deviations of the measured clocks from the true ones, for each outage. Pure.

The true times are the link server's stamps; the measured ones come from `gameday.slo` and from alerts, as in any run.
For comparison it also computes what statistics in buckets of one second would say.
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
"""Locust's own statistics count by the second in which an answer arrived."""
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The true times of one outage, in seconds since the run's start."""

    cut: float
    restored: float


@dataclass(frozen=True)
class Measured:
    """The measured times of one outage; None if it wasn't measured, or not as a single outage.

    `next_cut` and `next_restored` are the planned times of the first request at or after the true time, `last_cut` and
    `last_restored` those of the last request before it: no measurement by requests can be closer than this gap.
    """

    truth: Truth
    effect: float | None
    recovered: float | None
    detect: float | None
    bucket_effect: float | None
    bucket_recovered: float | None
    next_cut: float | None
    next_restored: float | None
    last_cut: float | None
    last_restored: float | None


@dataclass(frozen=True)
class Spread:
    """Spread of errors in seconds: quantiles of their size, and their signed median (`bias`), positive if measured late."""

    median: float
    p95: float
    max: float
    bias: float


def spread(errors: Iterable[float | None]) -> Spread | None:
    """Return the spread of the known errors, None if no error is known."""
    errors = np.array([error for error in errors if error is not None])
    if not len(errors):
        return None
    size = np.abs(errors)
    median, p95 = np.percentile(size, (50, 95))
    return Spread(float(median), float(p95), float(size.max()), float(np.median(errors)))


def apart(measured: float | None, true: float | None) -> float | None:
    """Return the error in seconds, positive if measured late; None if a time isn't known."""
    return None if measured is None or true is None else measured - true


def beyond(measured: float | None, last: float | None, following: float | None) -> float | None:
    """Return how many seconds a time lies outside the gap between requests, 0 from `last` to `following`."""
    if measured is None or last is None or following is None:
        return None
    return min(0.0, measured - last) + max(0.0, measured - following)


def measured(
    truths: Sequence[Truth], outages: Sequence[Outage], pages: Sequence[float], slo: Slo, samples: Samples
) -> list[Measured]:
    """Return what was measured of each true outage. `truths` and `pages` (times of paging alerts) are in order."""
    planned, failed = samples.records["planned"], _failed(slo, samples)
    results = []
    for truth, (since, until) in zip(truths, _grounds(truths), strict=True):
        own = [outage for outage in outages if since <= outage.effect < until]
        one = own[0] if len(own) == 1 else None
        first, last = _buckets(samples.records["end"][failed & (planned >= since) & (planned < until)])
        results.append(
            Measured(
                truth,
                one.effect if one else None,
                one.recovered if one else None,
                next((t for t in pages if truth.cut <= t < until), None),
                first,
                last,
                _next(planned, truth.cut),
                _next(planned, truth.restored),
                _last(planned, truth.cut),
                _last(planned, truth.restored),
            )
        )
    return results


def _grounds(truths: Sequence[Truth]) -> list[tuple[float, float]]:
    """Return the span of each outage: from the middle of the quiet time before it to the middle of that after it."""
    edges = [(one.restored + two.cut) / 2 for one, two in itertools.pairwise(truths)]
    return list(zip([-math.inf, *edges], [*edges, math.inf], strict=True))[: len(truths)]


def _failed(slo: Slo, samples: Samples) -> npt.NDArray[np.bool_]:
    counts, good = select(slo, samples)
    return counts & ~good


def _buckets(ends: Times) -> tuple[float | None, float | None]:
    """Return the begin of the first bucket with a failure, and of the first bucket after all failures."""
    if not len(ends):
        return None, None
    first, last = np.floor(ends.min() / BUCKET_S), np.floor(ends.max() / BUCKET_S)
    return float(first * BUCKET_S), float((last + 1) * BUCKET_S)


def _next(planned: Times, t: float) -> float | None:
    at = int(np.searchsorted(planned, t))
    return float(planned[at]) if at < len(planned) else None


def _last(planned: Times, t: float) -> float | None:
    at = int(np.searchsorted(planned, t))
    return float(planned[at - 1]) if at else None

"""Numbers over time from the samples of a run, counted exactly with numpy in bins of planned send
time.

Pure. Requests are in order of planned time, so a bin is a stretch of them. It is half-open: [start
+ i·width, start + (i+1)·width). A ratio or a percentile of an empty bin is NaN (a gap), never 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gameday.recording.samples import ErrorKind, Records, Samples, among

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

WIDTHS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3600.0)
MAX_BINS = 180
OUTCOMES = ("good", "failed", "wrong", "not sent")
QUANTILES = (0.50, 0.95, 0.99)
FAILED = (ErrorKind.STATUS, ErrorKind.TIMEOUT, ErrorKind.CONNECTION)


@dataclass(frozen=True)
class Bins:
    """`n` bins of `width` seconds from `start` on."""

    start: float
    width: float
    n: int

    @property
    def edges(self) -> Floats:
        """Return the n + 1 edges in seconds."""
        return self.start + self.width * np.arange(self.n + 1, dtype=np.float64)

    def places(self, planned: Floats) -> list[tuple[int, int]]:
        """Return (first, end) of the requests in each bin: first ≤ i < end. `planned` is sorted."""
        at = np.searchsorted(planned, self.edges).tolist()
        return list(itertools.pairwise(at))


def bins_over(since: float, until: float, at_least: float = 0.0) -> Bins:
    """Return bins that cover [since, until]: the finest of `WIDTHS`, not under `at_least`, that
    gives at most `MAX_BINS`. A damaged sample may lie years ahead: if none does, all bins are `MAX_BINS`."""
    length = max(until - since, 1.0)
    fits = (width for width in WIDTHS if width >= at_least and length / width <= MAX_BINS)
    width = next(fits, max(at_least, length / MAX_BINS))
    return Bins(since, width, min(max(1, math.ceil(length / width)), MAX_BINS))


def counts(bins: Bins, planned: Floats, which: Mask) -> Floats:
    """Return how many of the requests in `which` were planned in each bin."""
    return np.array([np.count_nonzero(which[first:end]) for first, end in bins.places(planned)], np.float64)


def rates(bins: Bins, planned: Floats, which: Mask) -> Floats:
    """Return requests per second; an empty bin is 0. `planned` is sorted.

    The load rarely begins and ends on the edge of a bin. A rate is over the part of its bin between
    the first and the last planned request, but over at least half a bin, so that a few requests
    don't make a peak.
    """
    first, last = (planned[0], planned[-1]) if len(planned) else (0.0, 0.0)
    edges = bins.edges
    loaded = np.minimum(edges[1:], last) - np.maximum(edges[:-1], first)
    per_second: Floats = counts(bins, planned, which) / np.clip(loaded, bins.width / 2, bins.width)
    return per_second


def ratio(bins: Bins, planned: Floats, counted: Mask, bad: Mask) -> Floats:
    """Return bad over counted in each bin; NaN if nothing was counted."""
    n = counts(bins, planned, counted)
    hits = counts(bins, planned, counted & bad)
    ratios: Floats = np.divide(hits, n, out=np.full(bins.n, np.nan), where=n > 0)
    return ratios


def quantiles(
    bins: Bins, planned: Floats, values: Floats, which: Mask, q: Sequence[float] = QUANTILES
) -> list[Floats]:
    """Return nearest-rank quantiles in each bin: the smallest value with at least a share q at or
    under it; NaN if empty."""
    result = [np.full(bins.n, np.nan) for _ in q]
    for bin_, (first, end) in enumerate(bins.places(planned)):
        part = values[first:end]
        kept = np.compress(which[first:end] & np.isfinite(part), part)
        if len(kept):
            ranks = [max(math.ceil(share * len(kept) - 1e-9) - 1, 0) for share in q]
            kept.partition(sorted(set(ranks)))
            for found, rank in zip(result, ranks, strict=True):
                found[bin_] = kept[rank]
    return result


def outcome_masks(records: Records) -> dict[str, Mask]:
    """Assign every record to exactly one of OUTCOMES: failed has no good answer, wrong has an
    answer with wrong content."""
    error = records["error"]
    failed = among(error, FAILED)
    not_sent = error == ErrorKind.NOT_SENT
    wrong = ~failed & ~not_sent & ((error == ErrorKind.WRONG) | (records["correct"] == 0))
    return {"good": ~(failed | not_sent | wrong), "failed": failed, "wrong": wrong, "not sent": not_sent}


def latency(records: Records) -> Floats:
    """Return seconds from the planned send time to the end; NaN if the request was never sent."""
    return np.asarray(records["end"] - records["planned"], dtype=np.float64)


def members(names: Sequence[str], of: Iterable[str], column: npt.NDArray[np.integer]) -> Mask:
    """Return which records have any of the names `of`; a name of several words (several releases
    took part) has each."""
    wanted = set(of)
    return among(column, [number for number, name in enumerate(names) if wanted & set(name.split())])


def releases_of(samples: Samples, service: str) -> list[str]:
    """Return the releases of a service that took part in any answer, sorted: `<service>-<version>`."""
    seen: set[str] = set()
    for number in np.flatnonzero(np.bincount(samples.records["release"])).tolist():
        seen.update(name for name in samples.releases[number].split() if name.rpartition("-")[0] == service)
    return sorted(seen)

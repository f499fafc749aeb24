"""Samples → verdicts of the SLOs and the course of each: when it broke, when it held again. Pure, and the only judge.

The live engine and the analysis from disk call the same code. A window slides over planned time without a step: it is
worst just after a bad request enters it or just before one leaves it, so the windows that end at a request, together
with those that begin at one, stand for all. Which alert, which responder, which clock: that is `runner.measure`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from runner.samples import ErrorKind, Samples
from runner.scenario import Slo

Verdict = Literal["ok", "breach", "unknown"]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Times = npt.NDArray[np.float64]

MINIMUM = 20  # requests in a window; with fewer its verdict is unknown
SIGNIFICANCE = 0.01
REFERENCE_QUIET = 5.0  # the reference CUSUM takes a fifth of the allowed error ratio as the state before …
REFERENCE_LOUD = 5.0  # … and five times it, at least REFERENCE_LEAST, as the state after
REFERENCE_LEAST = 0.05
REFERENCE_MOST = 0.99


@lru_cache(maxsize=200_000)
def critical(n: int, objective: float) -> int:
    """The smallest number of bad requests among `n` that is a breach; n + 1 where none is.

    The binomial tail is summed exactly from the mean upwards, to where nothing is left of it (12 deviations and 60).
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
    """Of one window: breach iff bad/n > 1 − objective and P(X ≥ bad | n, 1 − objective) < 1 %; unknown iff n < 20."""
    if n < MINIMUM:
        return "unknown"
    return "breach" if bad >= critical(n, objective) else "ok"


def select(slo: Slo, samples: Samples) -> tuple[Flags, Flags]:
    """(counts, good), both over all records: which requests the SLO speaks of, and which of them were good for it."""
    records = samples.records
    error = records["error"]
    counts = error != ErrorKind.NOT_SENT
    if slo.journey is not None:
        known = [i for i, name in enumerate(samples.journeys) if name == slo.journey]
        counts &= np.isin(records["journey"], known)
    if slo.sli == "availability":
        good = ~np.isin(error, (ErrorKind.STATUS, ErrorKind.TIMEOUT, ErrorKind.CONNECTION))
    elif slo.sli == "correctness":
        counts &= records["correct"] != 2
        good = records["correct"] != 0
    else:
        fast = (records["end"] - records["planned"]) < slo.under
        counts &= ~(fast & np.isin(error, (ErrorKind.STATUS, ErrorKind.CONNECTION)))
        good = fast & (error != ErrorKind.TIMEOUT)
    return counts, good & counts


@dataclass(frozen=True)
class Outage:
    """One stretch of an SLO not holding; `recovered` is None where it didn't hold again."""

    effect: float
    recovered: float | None


@dataclass(frozen=True)
class Course:
    """How one SLO fared over the judged time.

    `n` requests counted, `bad` of them; seconds in breach; outages in order; (k, 2) the begin and end of each window
    that held too few requests to be judged; `known`: whether the last window of all held enough.
    """

    name: str
    n: int
    bad: int
    breached_s: float
    outages: tuple[Outage, ...]
    thin: Times
    known: bool

    def verdict(self, besides: Sequence[Outage] = ()) -> Verdict:
        """Breach where it ever was; unknown where a window was, but for those that touch an outage of `besides`."""
        if self.outages:
            return "breach"
        unknown = np.ones(len(self.thin), dtype=np.bool_)
        for outage in besides:
            until = math.inf if outage.recovered is None else outage.recovered
            unknown &= (self.thin[:, 1] < outage.effect) | (self.thin[:, 0] >= until)
        return "unknown" if unknown.any() else "ok"

    @property
    def effect(self) -> float | None:
        return self.outages[0].effect if self.outages else None

    @property
    def recovered(self) -> float | None:
        return self.outages[-1].recovered if self.outages else None


@dataclass(frozen=True)
class _Stream:
    """The requests that one SLO counts, since ≤ planned ≤ end, in planned order."""

    slo: Slo
    since: float
    end: float
    t: Times
    bad: Flags


@dataclass(frozen=True)
class _Windows:
    """Windows of a stream in breach: index of the first and the last request, ordered by the last."""

    first: Indices
    last: Indices


def _stream(slo: Slo, samples: Samples, since: float, end: float) -> _Stream:
    planned = samples.records["planned"]
    low, high = np.searchsorted(planned, since), np.searchsorted(planned, end, side="right")
    part = Samples(samples.records[low:high], samples.journeys, samples.steps, samples.regions, samples.releases)
    counts, good = select(slo, part)
    return _Stream(slo, since, end, part.records["planned"][counts], ~good[counts])


def _in_breach(stream: _Stream, first: Indices, last: Indices) -> Flags:
    """Which of the windows [first, last] are in breach."""
    below = np.concatenate(([0], np.cumsum(stream.bad)))
    n = last + 1 - first
    bad = below[last + 1] - below[first]
    suspect = np.flatnonzero((n >= MINIMUM) & (bad > n * (1 - stream.slo.objective)))
    sizes, which = np.unique(n[suspect], return_inverse=True)
    limits = np.array([critical(int(size), stream.slo.objective) for size in sizes], dtype=np.intp)
    breach = np.zeros(len(n), dtype=np.bool_)
    breach[suspect] = bad[suspect] >= limits[which]
    return breach


def _ending(stream: _Stream) -> tuple[Indices, Indices]:
    """The window (t − w, t] that ends at each request."""
    t = stream.t
    return np.searchsorted(t, t - stream.slo.window, side="right"), np.searchsorted(t, t, side="right") - 1


def _beginning(stream: _Stream) -> tuple[Indices, Indices]:
    """The window [t, t + w) that begins at each request."""
    t = stream.t
    return np.searchsorted(t, t), np.searchsorted(t, t + stream.slo.window, side="left") - 1


def _breaches(stream: _Stream) -> _Windows:
    """Every window in breach, ordered by its last request."""
    firsts, lasts = zip(_ending(stream), _beginning(stream), strict=True)
    first, last = np.concatenate(firsts), np.concatenate(lasts)
    found = np.flatnonzero(_in_breach(stream, first, last))
    found = found[np.argsort(last[found], kind="stable")]
    return _Windows(first[found], last[found])


def _onset(bad: Flags, objective: float) -> int:
    """Index of the first bad request of the last excursion of the reference CUSUM over `bad`."""
    allowed = 1 - objective
    p0, p1 = allowed / REFERENCE_QUIET, min(max(REFERENCE_LOUD * allowed, REFERENCE_LEAST), REFERENCE_MOST)
    total = np.cumsum(np.where(bad, math.log(p1 / p0), math.log((1 - p1) / (1 - p0))))
    up = total > np.minimum(np.minimum.accumulate(total), 0.0)
    last = int(np.flatnonzero(up)[-1])
    zeros = np.flatnonzero(~up[:last])
    return int(zeros[-1]) + 1 if len(zeros) else 0


def _held_again(stream: _Stream, first: int, until: int, effect: float) -> float:
    """Just after the last bad request of the outage whose last window in breach begins at index `first`.

    Only requests up to index `until` are looked at. Never before `effect`: where errors are so few that the reference
    CUSUM keeps falling back to zero, the first and the last excursion may lie the wrong way round.
    """
    backwards = stream.bad[first : until + 1][::-1]
    last_bad = stream.t[until - _onset(backwards, stream.slo.objective)]
    after = int(np.searchsorted(stream.t, last_bad, side="right"))
    held = stream.t[after] if after < len(stream.t) else np.nextafter(last_bad, math.inf)
    return max(float(held), effect)


def _known(stream: _Stream, since: float, end: float) -> bool:
    """Whether the last window before `end`, made only of requests since `since`, has enough of them."""
    low = np.searchsorted(stream.t, max(since, end - stream.slo.window))
    return bool(np.searchsorted(stream.t, end, side="right") - low >= MINIMUM)


def _outages(stream: _Stream, windows: _Windows, inject: float) -> list[Outage]:
    """Splits the breaches at every recovery that lasted at least one whole window."""
    if not len(windows.last):
        return []
    t, slo = stream.t, stream.slo
    latest = np.maximum.accumulate(windows.first)
    gaps = np.flatnonzero(np.diff(windows.last) > 1)
    gaps = gaps[t[windows.last[gaps + 1]] - t[latest[gaps]] >= slo.window]
    outages: list[Outage] = []
    effect = max(inject, float(t[_first_bad(stream, 0, int(windows.last[0]))]))
    for gap in gaps:
        breached = int(windows.last[gap + 1])
        onset = _first_bad(stream, int(np.searchsorted(t, t[breached] - slo.window, side="right")), breached)
        if not stream.bad[latest[gap] : onset].any():  # the same excursion still
            continue
        recovered = _held_again(stream, int(latest[gap]), onset - 1, effect)
        if t[onset] - recovered >= slo.window and _known(stream, recovered, float(t[onset - 1])):
            outages.append(Outage(effect, recovered))
            effect = max(inject, float(t[onset]))
    recovered = _held_again(stream, int(latest[-1]), len(t) - 1, effect)
    return [*outages, Outage(effect, recovered if _known(stream, recovered, stream.end) else None)]


def _first_bad(stream: _Stream, begin: int, breach: int) -> int:
    """Index of the first bad request of the excursion that led to the breach at index `breach`, run from `begin` on."""
    return begin + _onset(stream.bad[begin : breach + 1], stream.slo.objective)


def _breached_seconds(stream: _Stream, inject: float) -> float:
    """How long the window ending now was in breach, from `inject` on."""
    breach = _in_breach(stream, *_ending(stream))
    edges = np.maximum(np.append(stream.t, stream.end), inject)
    return float(np.diff(edges)[breach].sum())


def _thin(stream: _Stream) -> Times:
    """(k, 2): begin and end of every whole window with too few requests. A window is thinnest just after one leaves."""
    t, window = stream.t, stream.slo.window
    starts = np.concatenate(([stream.since], t[t + window <= stream.end]))
    ends = np.minimum(starts + window, stream.end)
    low = np.searchsorted(t, starts, side="right")
    few = np.searchsorted(t, ends, side="right") - low < MINIMUM
    return np.column_stack((starts, ends))[few]


def course(slo: Slo, samples: Samples, since: float, end: float, inject: float | None = None) -> Course:
    """The course of `slo` over since ≤ planned ≤ end, all in seconds since the run's start.

    With `inject`, only breaches at or after it count. `samples` are sorted by planned time, complete up to `end`.
    """
    stream = _stream(slo, samples, since, end)
    windows = _breaches(stream)
    if inject is not None:
        late = stream.t[windows.last] >= inject
        windows = _Windows(windows.first[late], windows.last[late])
    from_ = since if inject is None else inject
    outages = tuple(_outages(stream, windows, from_))
    bad = int(stream.bad.sum())
    known = _known(stream, since, end)
    return Course(slo.name, len(stream.t), bad, _breached_seconds(stream, from_), outages, _thin(stream), known)


def holding_since(slos: Sequence[Slo], samples: Samples, since: float, end: float) -> float | None:
    """Planned time from which every SLO holds to `end`; None while one of them doesn't, or can't be judged.

    `since` where none was ever in breach. `end` is the time up to which the samples are complete.
    """
    held = since
    for slo in slos:
        stream = _stream(slo, samples, since, end)
        outages = _outages(stream, _breaches(stream), since)
        recovered = outages[-1].recovered if outages else since
        if recovered is None or not _known(stream, recovered, end):
            return None
        held = max(held, recovered)
    return held

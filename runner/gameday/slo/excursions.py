"""Excursions of an SLO: its outages over a run, from its windows in breach and a reference CUSUM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.slo.breach_windows import Indices, Stream, Times, Windows
from gameday.slo.verdicts import Verdict

REFERENCE_QUIET = 5.0
"""The reference CUSUM takes a fifth of the allowed error ratio as p0, the state before the change …"""
REFERENCE_LOUD = 5.0
"""… and five times that ratio as p1, the state after it, within REFERENCE_LEAST and REFERENCE_MOST."""
REFERENCE_LEAST = 0.05
REFERENCE_MOST = 0.99


@dataclass(frozen=True)
class Outage:
    """A time in which an SLO didn't hold, in seconds since the run's start; `recovered` is None if it never held again."""

    effect: float
    recovered: float | None


@dataclass(frozen=True)
class Course:
    """How one SLO fared over the judged time.

    `n` requests count, `bad` of them are bad; `breached_s` is in seconds; `outages` are in order. `thin` has shape
    (k, 2): begin and end of each window with too few requests to be judged. `known` is True if the last window of all
    has enough.
    """

    name: str
    n: int
    bad: int
    breached_s: float
    outages: tuple[Outage, ...]
    thin: Times
    known: bool

    def verdict(self, besides: Sequence[Outage] = ()) -> Verdict:
        """Return breach if there ever was one, else unknown if a window was; ignore windows in outages of `besides`."""
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


def _onset(bad_at: Indices, objective: float) -> int:
    """Return the index of the first bad request of the CUSUM's last excursion; `bad_at` are the indices of the bad ones.

    The sum is lowest just before a bad request. If the sum without its floor was never lower before, the CUSUM is zero
    there, and an excursion begins with that request. The last such request begins the last excursion.
    """
    allowed = 1 - objective
    p0, p1 = allowed / REFERENCE_QUIET, min(max(REFERENCE_LOUD * allowed, REFERENCE_LEAST), REFERENCE_MOST)
    rise, fall = math.log(p1 / p0), math.log((1 - p1) / (1 - p0))
    bad_before = np.arange(len(bad_at))
    before = rise * bad_before + fall * (bad_at - bad_before)
    begins = before <= np.minimum.accumulate(before)
    return int(bad_at[np.flatnonzero(begins)[-1]])


def _first_bad(stream: Stream, begin: int, breach: int) -> int:
    """Return the index of the first bad request of the excursion that led to the breach at index `breach`.

    The CUSUM runs from index `begin` on.
    """
    low, high = np.searchsorted(stream.bad_at, (begin, breach + 1))
    return begin + _onset(stream.bad_at[low:high] - begin, stream.slo.objective)


def _held_again(stream: Stream, first: int, until: int, effect: float) -> float:
    """Return the time just after the last bad request of an outage whose last window in breach begins at `first`.

    Only requests up to index `until` count. The time is never before `effect`: if errors are so few that the reference
    CUSUM keeps falling back to zero, the last excursion may end before the first one begins.
    """
    low, high = np.searchsorted(stream.bad_at, (first, until + 1))
    last_bad = stream.t[until - _onset(until - stream.bad_at[low:high][::-1], stream.slo.objective)]
    after = int(np.searchsorted(stream.t, last_bad, side="right"))
    held = stream.t[after] if after < len(stream.t) else np.nextafter(last_bad, math.inf)
    return max(float(held), effect)


def _outages(stream: Stream, windows: Windows, inject: float) -> list[Outage]:
    """Split the breaches at every recovery that lasted at least one whole window."""
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
        low, high = stream.below(np.array((latest[gap], onset)))
        if low == high:  # the same excursion still
            continue
        recovered = _held_again(stream, int(latest[gap]), onset - 1, effect)
        if t[onset] - recovered >= slo.window and stream.known(recovered, float(t[onset - 1])):
            outages.append(Outage(effect, recovered))
            effect = max(inject, float(t[onset]))
    recovered = _held_again(stream, int(latest[-1]), len(t) - 1, effect)
    return [*outages, Outage(effect, recovered if stream.known(recovered, stream.end) else None)]


def _breached_seconds(stream: Stream, ending: Indices, inject: float) -> float:
    """Return for how many seconds from `inject` on the latest window was in breach; `ending` are the requests where it was."""
    after = np.where(
        ending + 1 < len(stream.t), stream.t[np.minimum(ending + 1, len(stream.t) - 1)], stream.end
    )
    return float((np.maximum(after, inject) - np.maximum(stream.t[ending], inject)).sum())


def course(slo: Slo, samples: Samples, since: float, end: float, inject: float | None = None) -> Course:
    """Return the course of `slo` over since ≤ planned ≤ end, all in seconds since the run's start.

    With `inject`, only breaches at or after it count. `samples` are sorted by planned time and complete up to `end`.
    """
    stream = Stream.of(slo, samples, since, end)
    windows = stream.breaches()
    breached_s = _breached_seconds(stream, windows.ending, since if inject is None else inject)
    if inject is not None:
        late = stream.t[windows.last] >= inject
        windows = Windows(windows.first[late], windows.last[late], windows.ending)
    outages = tuple(_outages(stream, windows, since if inject is None else inject))
    n, bad, known = len(stream.t), len(stream.bad_at), stream.known(since, end)
    return Course(slo.name, n, bad, breached_s, outages, stream.thin(), known)


def holding_since(slos: Sequence[Slo], samples: Samples, since: float, end: float) -> float | None:
    """Return the planned time from which every SLO holds to `end`; None if one of them doesn't or can't be judged.

    If none was ever in breach, return `since`. The samples are complete up to `end`.
    """
    held = since
    for slo in slos:
        stream = Stream.of(slo, samples, since, end)
        outages = _outages(stream, stream.breaches(), since)
        recovered = outages[-1].recovered if outages else since
        if recovered is None or not stream.known(recovered, end):
            return None
        held = max(held, recovered)
    return held

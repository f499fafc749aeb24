"""Excursions of an SLO: its outages over a run, from its windows in breach and the change points at their ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.slo.breach_windows import Indices, Stream, Times, Windows
from gameday.slo.change_point import NEAR, ChangePoint, bound, change_point
from gameday.slo.verdicts import Verdict

REACH = 2.0
"""Windows on either side of a breach whose requests tell the share of bad ones there."""
ROUNDS = 3
"""How often the two ends of an excursion are found, each with the other one of the round before."""


@dataclass(frozen=True)
class Outage:
    """A time in which an SLO didn't hold, in seconds since the run's start; `recovered` is None if it never held again.

    The errors are ± seconds that cover the true time in 95 % of cases, by the spacing of the requests alone.
    """

    effect: float
    recovered: float | None
    effect_error: float = 0.0
    recovered_error: float = 0.0


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


@dataclass(frozen=True)
class _Excursion:
    """An excursion by indices of requests: its first and its last bad one, and the share of bad ones near either end."""

    onset: ChangePoint
    end: ChangePoint


def _excursion(stream: Stream, windows: Windows, low: int, high: int) -> _Excursion:
    """Return the excursion of these windows in breach, among the requests low ≤ i < `high`.

    Either end is found with the share of bad requests between it and the other one, at most REACH windows away, so both
    are found again until they agree.
    """
    first, last = windows.earliest(), windows.latest()
    begin, stop = max(first[0], low), min(last[1] + 1, high)
    reach, allowed = REACH * stream.slo.window, 1 - stream.slo.objective
    near = int(np.searchsorted(stream.t, stream.t[first[1]] + reach, side="right"))
    far = int(np.searchsorted(stream.t, stream.t[last[0]] - reach))
    bad_at = stream.bad_at[slice(*np.searchsorted(stream.bad_at, (low, high)))]
    backwards = (high - 1 - bad_at)[::-1]
    for _ in range(ROUNDS):
        onset = change_point(bad_at, begin, first[1], min(near, stop), allowed)
        mirrored = change_point(backwards, high - stop, high - 1 - last[0], high - max(far, begin), allowed)
        end = ChangePoint(high - 1 - mirrored.index, mirrored.p1)
        begin, stop = min(onset.index, first[1]), max(end.index, last[0]) + 1
    return _Excursion(onset, end)


def _outage(stream: Stream, excursion: _Excursion, around: tuple[int, int], since: float) -> Outage:
    """Return the outage of an excursion, without an effect before `since`.

    The requests within `around` tell how far its clocks may be off. `recovered` is never before `effect`: if errors are
    so few that the likelihood of a change is flat, the end of the excursion may come before its onset.
    """
    effect = stream.before(excursion.onset.index, since)
    ended, answered = stream.answers(excursion.end.index)
    return Outage(
        effect,
        max((ended + answered) / 2, effect),
        _effect_error(stream, excursion, around[0], since, effect),
        max(_recovered_error(stream, excursion, around[1]), (answered - ended) / 2),
    )


def _effect_error(stream: Stream, excursion: _Excursion, low: int, since: float, effect: float) -> float:
    t, at = stream.t, excursion.onset.index
    first, last = max(low, at - NEAR), min(len(t), max(excursion.end.index, at) + 1, at + NEAR)
    since = max(since, float(t[first - 1])) if first else since
    allowed = 1 - stream.slo.objective
    return bound(t[first:last], stream.bad(first, last), since, effect, excursion.onset.p1, allowed)


def _recovered_error(stream: Stream, excursion: _Excursion, high: int) -> float:
    """Return the error of the planned time between the last bad request and the next one, by time reversed."""
    t, at = stream.t, excursion.end.index
    first, last = max(0, min(excursion.onset.index, at), at - NEAR), min(high, at + NEAR)
    until = float(t[last]) if last < len(t) else stream.end
    planned = float(t[at] + t[min(at + 1, len(t) - 1)]) / 2
    backwards, bad = -t[first:last][::-1], stream.bad(first, last)[::-1]
    return bound(backwards, bad, -until, -planned, excursion.end.p1, 1 - stream.slo.objective)


def _outages(stream: Stream, windows: Windows, since: float) -> list[Outage]:
    """Split the breaches at every recovery that lasted at least one whole window; no effect is before `since`."""
    if not len(windows.last):
        return []
    t, slo, n = stream.t, stream.slo, len(stream.t)
    latest = np.maximum.accumulate(windows.first)
    gaps = np.flatnonzero(np.diff(windows.last) > 1)
    gaps = gaps[t[windows.last[gaps + 1]] - t[latest[gaps]] >= slo.window]
    outages: list[Outage] = []
    begin, quiet_from = 0, int(np.searchsorted(t, since))
    low = quiet_from
    for gap in gaps:
        high = int(np.searchsorted(t, t[windows.last[gap + 1]] - slo.window, side="right"))
        group, later = windows.part(begin, int(gap) + 1), windows.part(int(gap) + 1, len(windows.last))
        if high <= group.earliest()[1] or not stream.bad(group.latest()[0], high).any():
            continue  # the same excursion still
        excursion = _excursion(stream, group, low, high)
        after = excursion.end.index + 1
        onset = _excursion(stream, later, after, n).onset.index
        outage = _outage(stream, excursion, (quiet_from, onset), since)
        if outage.recovered is None or not stream.known(outage.recovered, float(t[onset - 1])):
            continue
        if stream.before(onset, since) - outage.recovered >= slo.window:
            outages.append(outage)
            begin, low, quiet_from, since = int(gap) + 1, onset, after, outage.recovered
    outage = _outage(
        stream, _excursion(stream, windows.part(begin, len(windows.last)), low, n), (quiet_from, n), since
    )
    known = outage.recovered is not None and stream.known(outage.recovered, stream.end)
    return [*outages, outage if known else replace(outage, recovered=None, recovered_error=0.0)]


def _breached_seconds(stream: Stream, ending: Indices, inject: float) -> float:
    """Return for how many seconds from `inject` on the latest window was in breach; `ending` are the requests where it was."""
    after = np.where(
        ending + 1 < len(stream.t), stream.t[np.minimum(ending + 1, len(stream.t) - 1)], stream.end
    )
    return float((np.maximum(after, inject) - np.maximum(stream.t[ending], inject)).sum())


def course(slo: Slo, samples: Samples, since: float, end: float, inject: float | None = None) -> Course:
    """Return the course of `slo` over since ≤ planned ≤ end, all in seconds since the run's start.

    With `inject`, bad requests planned before it are part of no outage: what was over by then isn't the fault's. `samples` are sorted by planned time and complete up to `end`.
    """
    stream = Stream.of(slo, samples, since, end)
    begin = since if inject is None else inject
    harmed = stream.since_then(begin)
    windows = harmed.breaches()
    outages = tuple(_outages(harmed, windows, begin))
    breached_s = _breached_seconds(harmed, windows.ending, begin)
    n, bad, known = len(stream.t), len(stream.bad_at), stream.known(since, end)
    return Course(slo.name, n, bad, breached_s, outages, stream.thin(), known)


def holding_since(
    slos: Sequence[Slo], samples: Samples, since: float, end: float, inject: float | None = None
) -> float | None:
    """Return the planned time from which every SLO holds to `end`; None if one of them doesn't or can't be judged.

    If none was ever in breach, return `inject`, or `since` without one. The samples are complete up to `end`; with
    `inject`, bad requests planned before it don't count.
    """
    held = begin = since if inject is None else inject
    for slo in slos:
        stream = Stream.of(slo, samples, since, end).since_then(begin)
        outages = _outages(stream, stream.breaches(), begin)
        recovered = outages[-1].recovered if outages else begin
        if recovered is None or not stream.known(max(recovered, begin), end):
            return None
        held = max(held, recovered)
    return held

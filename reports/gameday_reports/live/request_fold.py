"""Fold of a run's samples: requests by second and kind, latency by journey, SLOs, and for how long users are hurt.

It advances on a fixed grid of half seconds, at which only requests that ended by then count. So a moment looks the same
while the run is in progress and afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gameday.recording.samples import RECORD, ErrorKind, Records, Samples
from gameday.scenario.scenario_model import Slo
from gameday.slo import select, verdict

STEP_S = 0.5
"""The grid on which SLOs are judged."""
SETTLED_S = 0.25
"""How old a request must be to count in the verdict of an SLO."""
LATENCY_S = 3.0
"""Seconds of answers that one value of latency covers."""
KINDS = ("ok", "slow", "wrong", "failed")
"""Kinds of requests in the order in which they are stacked."""
CALM_S = 3.0
"""Seconds without a bad request after which users count as probably well, while an SLO's window still remembers."""


@dataclass(frozen=True)
class SloMark:
    """An SLO at a moment. `spent` is the share of the error budget used since the steady state began; None before."""

    name: str
    state: str
    requests: int
    bad: int
    spent: float | None


@dataclass(frozen=True)
class Hurt:
    """A time in which users were hurt: from the first bad request to the last one; `until` is None while it lasts."""

    since: float
    last_bad: float
    until: float | None = None


@dataclass
class RequestFold:
    """Requests up to the moment `now`, a multiple of `STEP_S`."""

    slos: Sequence[Slo]
    now: float = 0.0
    steady_since: float | None = None
    seconds: dict[int, dict[str, int]] = field(default_factory=dict)
    """Second in which requests ended → kind → count."""
    latency: dict[int, dict[str, float]] = field(default_factory=dict)
    """Second → journey → 95th percentile of the answers' latency in the `LATENCY_S` before its end, in seconds."""
    flow: dict[str, float] = field(default_factory=dict)
    """Region → requests/s that it answered in the last `LATENCY_S`."""
    marks: dict[str, SloMark] = field(default_factory=dict)
    hurts: list[Hurt] = field(default_factory=list)
    _waiting: Records = field(default_factory=lambda: np.empty(0, RECORD))
    _recent: Records = field(default_factory=lambda: np.empty(0, RECORD))
    _names: Samples | None = None
    _spent: dict[str, tuple[int, int]] = field(default_factory=dict)
    """SLO → (requests, bad) since the steady state began."""
    _second: int = 0

    def add(self, samples: Samples) -> None:
        """Add records, committed in any order; names must keep their numbers from call to call."""
        self._names = samples
        records = np.asarray(samples.records)
        if len(records):
            self._waiting = np.concatenate((self._waiting, records))

    def advance(self, until: float) -> None:
        """Advance on the grid up to the last step that isn't after `until`."""
        last = math.floor(until / STEP_S + 1e-9)
        for step in range(round(self.now / STEP_S) + 1, last + 1):
            self._step(step * STEP_S)

    def rate(self) -> float:
        """Return the answered requests per second of the last whole second."""
        return float(sum(self.seconds.get(self._second - 1, {}).values()))

    @property
    def hurting(self) -> Hurt | None:
        """Return the time of hurt that goes on; None if no SLO is in breach."""
        return self.hurts[-1] if self.hurts and self.hurts[-1].until is None else None

    def _step(self, now: float) -> None:
        self.now = now
        known = self._take(now)
        if known is not None and len(known):
            self._recent = np.concatenate((self._recent, known))
            self._count(known)
        if self._names is None:
            return
        self._forget(now)
        while self._second + 1 <= now:
            self._second += 1
            self._measure_latency(self._second)
        self._judge(now)

    def _take(self, now: float) -> Records | None:
        """Return the waiting records that ended by `now`, in a fixed order."""
        if not len(self._waiting):
            return None
        ended = _ends(self._waiting) <= now
        known, self._waiting = self._waiting[ended], self._waiting[~ended]
        return known[np.lexsort((known["planned"], _ends(known)))]

    def _forget(self, now: float) -> None:
        longest = max((slo.window for slo in self.slos), default=10.0) + SETTLED_S + 30.0
        if len(self._recent) and self._recent["planned"].min() < now - 2 * longest:
            self._recent = self._recent[self._recent["planned"] >= now - longest]

    def _count(self, known: Records) -> None:
        """Count records by the second in which they ended, and add them to the SLOs' budgets."""
        assert self._names is not None
        kinds = self._kinds(known)
        for second, kind in zip(np.floor(_ends(known)).astype(int).tolist(), kinds.tolist(), strict=True):
            row = self.seconds.setdefault(second, dict.fromkeys(KINDS, 0))
            row[KINDS[kind]] += 1
        if self.steady_since is None:
            return
        counted = self._names.part(known[known["planned"] >= self.steady_since])
        for slo in self.slos:
            counts, good = select(slo, counted)
            n, bad = self._spent.get(slo.name, (0, 0))
            total = int(counts.sum())
            self._spent[slo.name] = (n + total, bad + total - int(good.sum()))

    def _kinds(self, known: Records) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the index in `KINDS` of each record: the gravest kind that applies."""
        assert self._names is not None
        kinds = np.zeros(len(known), np.int64)
        for slo in self.slos:
            if slo.sli == "latency":
                counts, good = select(slo, self._names.part(known))
                kinds[counts & ~good] = KINDS.index("slow")
        kinds[(known["correct"] == 0) | (known["error"] == ErrorKind.WRONG)] = KINDS.index("wrong")
        failed = (known["error"] != ErrorKind.NONE) & (known["error"] != ErrorKind.WRONG)
        kinds[failed] = KINDS.index("failed")
        return kinds

    def _measure_latency(self, second: int) -> None:
        assert self._names is not None
        ends = self._recent["end"]
        recent = self._recent[(ends > second - LATENCY_S) & (ends <= second)]
        took = recent["end"] - recent["planned"]
        journeys, regions = recent["journey"], recent["region"]
        row = {
            name: round(float(np.quantile(took[journeys == number], 0.95)), 4)
            for number, name in enumerate(self._names.journeys)
            if np.count_nonzero(journeys == number)
        }
        if row:
            self.latency[second] = row
        answered = recent["status"] > 0
        self.flow = {
            name: round(float(np.count_nonzero(answered & (regions == number))) / LATENCY_S, 1)
            for number, name in enumerate(self._names.regions)
            if name
        }

    def _judge(self, now: float) -> None:
        """Judge every SLO over its last window, and begin or end a time of hurt."""
        assert self._names is not None
        first_bad, last_bad = math.inf, -math.inf
        breached = False
        planned = self._recent["planned"]
        for slo in self.slos:
            end = now - SETTLED_S
            window = self._recent[(planned > end - slo.window) & (planned <= end)]
            counts, good = select(slo, self._names.part(window))
            n = int(counts.sum())
            bad = counts & ~good
            state = verdict(int(bad.sum()), n, slo.objective)
            total, spent = self._spent.get(slo.name, (0, 0))
            share = spent / (total * (1 - slo.objective)) if total and slo.objective < 1 else None
            self.marks[slo.name] = SloMark(slo.name, state, n, int(bad.sum()), share)
            if state == "breach":
                breached = True
                first_bad = min(first_bad, float(window["planned"][bad].min()))
                last_bad = max(last_bad, float(np.nanmax(_ends(window[bad]))))
        if self.steady_since is not None and now >= self.steady_since:
            self._update_hurt(breached, first_bad, last_bad)

    def _update_hurt(self, breached: bool, first_bad: float, last_bad: float) -> None:
        current = self.hurting
        if breached and current is None:
            self.hurts.append(Hurt(first_bad, last_bad))
        elif breached and current is not None:
            self.hurts[-1] = replace(current, last_bad=max(current.last_bad, last_bad))
        elif current is not None:
            self.hurts[-1] = replace(current, until=current.last_bad)


def _ends(records: Records) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return when each request ended; the planned time of one that was never sent."""
    ends = records["end"]
    result: np.ndarray[tuple[int], np.dtype[np.float64]] = np.where(np.isnan(ends), records["planned"], ends)
    return result


def stacked(seconds: Mapping[int, Mapping[str, int]], since: int, until: int) -> list[list[int]]:
    """Return for each second since ≤ s < until the counts in the order of `KINDS`."""
    return [[seconds.get(second, {}).get(kind, 0) for kind in KINDS] for second in range(since, until)]

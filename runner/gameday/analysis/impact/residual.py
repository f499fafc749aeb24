"""What still fails at the end of a run: every journey, region and release against its own steady state.

An SLO covers what it names, and only above its allowance. Each journey, each pair of journey and home region, and each
such pair on one release is tested by Fisher's exact test, one-sided, at a family-wise error of 0.1 % (Bonferroni). What
the last seconds can't show is bounded: so many of the requests may still fail.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.impact.bad_requests import FAILED, GOOD, SLOW, WRONG, kinds
from gameday.analysis.impact.impact import during
from gameday.analysis.model.harm_models import Residual, ResidualPlace
from gameday.analysis.trials.binomial import upper_bound
from gameday.recording.samples import Records

FAMILY = 0.001
"""Probability that a run in which nothing changed has any place that counts as still failing."""
VERBS = {FAILED: "failed", WRONG: "were answered wrongly", SLOW: "were too slow"}
SLIS = {FAILED: "availability", WRONG: "correctness", SLOW: "latency"}

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """The requests of a stretch of a run: the code of each one's journey, home region and release, and its kind."""

    journey: Codes
    region: Codes
    release: Codes
    kind: Codes

    @classmethod
    def of(cls, analysis: Analysis, since: float, until: float) -> Part:
        run = analysis.run
        records = during(run.samples.records, since, None, until)
        home = _homes(analysis, records)
        columns = records["journey"], home, records["release"], kinds(run.scenario.slos, run.samples, records)
        return cls(*(np.asarray(column).astype(np.int64) for column in columns))

    def choose(self, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return the kinds of the chosen requests."""
        return self.kind[which]

    @cached_property
    def places(self) -> list[tuple[int, ...]]:
        """Return every journey, (journey, region) and (journey, region, release) that has a request."""
        rows = np.unique(np.column_stack((self.journey, self.region, self.release)), axis=0).tolist()
        return sorted({tuple(row[:depth]) for row in rows for depth in (1, 2, 3)}, key=lambda p: (len(p), p))

    def at(self, place: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Return which requests are of a place."""
        which = np.ones(len(self.kind), np.bool_)
        for column, code in zip((self.journey, self.region, self.release), place, strict=False):
            which &= column == code
        return which


def residual(analysis: Analysis) -> Residual:
    """Return what still fails in the last `hold` seconds of a run, and what they rule out; all None if nothing was judged."""
    run = analysis.run
    if run.trigger is None or run.steady_from is None or run.stopped is not None or not run.judged:
        return Residual()
    since = max(run.end - run.scenario.hold, run.trigger.t, analysis.clocks.recovered or 0.0)
    if since >= run.end:
        return Residual()
    last = Part.of(analysis, since, run.end)
    bad = int((last.kind != GOOD).sum())
    return Residual(
        since=since,
        requests=len(last.kind),
        bad=bad,
        at_most=upper_bound(bad, len(last.kind)) if len(last.kind) else None,
        places=tuple(_still_bad(analysis, last)),
    )


def thin_ends(analysis: Analysis) -> tuple[str, ...]:
    """Return the SLOs whose last window has too few requests to judge, if nothing shows that anything still fails."""
    thin = tuple(course.name for course in analysis.courses if not course.known)
    shown = any(
        course.known and course.outages and course.outages[-1].recovered is None
        for course in analysis.courses
    )
    return () if not thin or shown or residual(analysis).places else thin


def fisher(bad: int, n: int, bad_before: int, n_before: int) -> float:
    """Return the probability of at least `bad` bad ones among `n`, if all n + n_before were alike (Fisher 1935)."""
    total, drawn = n + n_before, bad + bad_before

    def log_choose(items: int, chosen: int) -> float:
        return math.lgamma(items + 1) - math.lgamma(chosen + 1) - math.lgamma(items - chosen + 1)

    whole = log_choose(total, drawn)
    logs = (
        log_choose(n, k) + log_choose(n_before, drawn - k) - whole
        for k in range(max(bad, drawn - n_before), min(n, drawn) + 1)
    )
    return min(1.0, math.fsum(math.exp(log) for log in logs))


def _still_bad(analysis: Analysis, last: Part) -> Iterator[ResidualPlace]:
    """Yield the places that are worse than in their steady state, none inside of another one that is."""
    run = analysis.run
    steady = Part.of(analysis, run.steady_from or 0.0, run.trigger.t if run.trigger else run.end)
    failing: list[tuple[int, ...]] = []
    for place in last.places:
        if any(place[: len(wider)] == wider for wider in failing):
            continue
        now = last.choose(last.at(place))
        before = steady.choose(steady.at(place))
        if not len(before):  # a release that wasn't there
            before = steady.choose(steady.at(place[:2]))
        bad, bad_before = int((now != GOOD).sum()), int((before != GOOD).sum())
        if (
            bad
            and len(before)
            and fisher(bad, len(now), bad_before, len(before)) <= FAMILY / len(last.places)
        ):
            failing.append(place)
            yield _described(analysis, place, now)


def _described(analysis: Analysis, place: tuple[int, ...], now: npt.NDArray[np.int64]) -> ResidualPlace:
    run = analysis.run
    names = (run.samples.journeys, run.homes.names if run.homes else ("",), run.samples.releases)
    journey, region, release = (
        names[i][place[i]] if i < len(place) and names[i] else "" for i in range(len(names))
    )
    kind = int(np.bincount(now, minlength=4)[SLOW:].argmax()) + SLOW
    covering = [
        slo.name for slo in run.scenario.slos if slo.sli == SLIS[kind] and slo.journey in (None, journey)
    ]
    return ResidualPlace(
        journey=journey,
        region=region,
        release=release,
        requests=len(now),
        bad=int((now != GOOD).sum()),
        did=VERBS[kind],
        slos=tuple(covering),
    )


def _homes(analysis: Analysis, records: Records) -> npt.NDArray[np.integer]:
    homes = analysis.run.homes
    return np.zeros(len(records), np.int64) if homes is None else homes.of(records["user"])

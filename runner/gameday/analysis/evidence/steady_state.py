"""Preconditions of a judgement: the steady state held, and the load was sent and recorded as planned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gameday.analysis.evidence import sample_completeness
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.evidence.sample_completeness import Missing
from gameday.recording.journal_events import AlertRaised, LoadStopped, SteadyStateJudged
from gameday.recording.samples import ErrorKind, Records

LATE_S = 0.05
"""A request is late if it is sent so many seconds after it was planned."""
CHUNK = 1 << 18
"""Requests in one piece of a computation."""
MOST_LATE = 0.01
"""Share of the requests in steady state that may be late."""
LEAST_ACHIEVED = 0.98
"""Share of the planned requests that must be sent."""


@dataclass(frozen=True)
class Steady:
    """`met` is None if the run ended before the steady state was judged; `why` says why `met` isn't True."""

    met: bool | None
    why: str


@dataclass(frozen=True)
class Sent:
    """Counts of planned requests: achieved (sent at all), late (sent over 50 ms after plan), not sent.

    `attempts` counts how often the achieved ones were sent, with the retries of clients. `missing` left no record at
    all; None if the load's plan is missing.
    """

    planned: int
    achieved: int
    late: int
    not_sent: int
    attempts: int
    missing: int | None = None


def steady_state(run: Run) -> Steady:
    """Judge the steady state again, with every answer in: no breach and no page before the first fault."""
    event = run.journal.first(SteadyStateJudged)
    if event is None or run.steady_from is None:
        return Steady(None, "the run ended before the steady state was judged")
    if not event.met:
        return Steady(False, event.why or "the SLOs didn't hold")
    until = run.trigger.t if run.trigger else run.end
    for alert in run.journal.of(AlertRaised):
        if alert.pages and run.steady_from <= alert.t < until:
            return Steady(False, f"{alert.detector} paged for {alert.slo} at {alert.t:.1f} s")
    broken = run.broken_before
    return Steady(not broken, f"in breach before the fault: {', '.join(broken)}" if broken else "")


def sent(run: Run, lost: Missing | None) -> Sent:
    """Count the requests planned until the load was stopped, including those that left no record (`lost`)."""
    recorded = _count(_planned(run, 0.0, run.end))
    if lost is None:
        return recorded
    return replace(recorded, planned=recorded.planned + len(lost.times), missing=len(lost.times))


def doubts(run: Run, lost: Missing | None, total: Sent) -> list[str]:
    """Return why the load doesn't allow a judgement, in plain sentences; `total` is the result of `sent`."""
    reasons = list(sample_completeness.doubts(run, lost))
    if total.not_sent:
        reasons.append(f"{total.not_sent} planned requests were never sent: the load had no room for them")
    if total.achieved < LEAST_ACHIEVED * total.planned:
        reasons.append(
            f"only {total.achieved} of {total.planned} planned requests were sent (98 % are needed)"
        )
    until = run.trigger.t if run.trigger else run.end
    early = _count(_planned(run, run.steady_from or 0.0, until))
    if early.late > MOST_LATE * early.planned:
        reasons.append(
            f"{early.late} of {early.planned} requests of the steady state were sent over 50 ms late (1 % may be)"
        )
    stopped = run.journal.first(LoadStopped)
    if stopped and stopped.clean is False:
        reasons.append(f"the load didn't end as it should: {stopped.why or 'no reason given'}")
    return reasons


def _planned(run: Run, since: float, until: float) -> Records:
    records = run.samples.records
    low, high = (
        np.searchsorted(records["planned"], since),
        np.searchsorted(records["planned"], until, side="right"),
    )
    return records[low:high]


def _count(records: Records) -> Sent:
    never = int((records["error"] == ErrorKind.NOT_SENT).sum())
    start, planned = records["start"], records["planned"]
    late = sum(
        int((start[i : i + CHUNK] - planned[i : i + CHUNK] > LATE_S).sum())
        for i in range(0, len(start), CHUNK)
    )
    del start
    achieved = len(records) - never
    # Shards of versions that didn't record retries have 0 attempts.
    retries = int((np.maximum(records["attempts"], 1) - 1).sum())
    return Sent(len(records), achieved, late, never, attempts=achieved + retries)

"""Completeness of the samples: lost samples would make any outage look smaller than it was.

There are three witnesses: the shard's own count, the counts that polls journalled during the run, and the load's
schedule, after which every planned request must have left a record, whether it was sent or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.evidence.schedule import Times
from gameday.recording.journal_events import LoadStarted, Poll
from gameday.recording.samples import ErrorKind

MARGIN_S = 0.05
"""Seconds before the end that aren't checked: the load may not have sent what it planned for its last moment."""
NO_STEP = -1
CHUNK = 1 << 18
"""Times looked up in one piece."""


@dataclass(frozen=True)
class Missing:
    """Planned times of requests without a record, ascending; `planned` is how many the schedule has until the end."""

    planned: int
    times: Times


def missing(run: Run) -> Missing | None:
    """Find the missing requests: first ones of journeys, and those due after a good answer. None if there is no plan."""
    if run.schedule is None:
        return None
    until = run.end - MARGIN_S
    recorded, planned, times = run.samples.records["planned"], 0, [np.empty(0)]
    for due_until in (run.schedule.begins, partial(_followers, run, run.schedule.think_time)):
        due = due_until(until)
        planned += len(due)
        times.append(due[~_among(due, recorded)])
    return Missing(planned, np.sort(np.concatenate(times)))


def doubts(run: Run, lost: Missing | None) -> Iterator[str]:
    """Yield what is known to be lost, in plain sentences; `lost` is the result of `missing`."""
    yield from _cut_short(run)
    yield from _seen_and_gone(run)
    if lost is None and run.journal.of(LoadStarted):
        yield "whether all that was planned was recorded can't be told: samples/load.json is gone"
    if lost is not None and len(lost.times):
        first = f"the first of them planned at {lost.times[0]:.1f} s"
        yield f"{len(lost.times)} of {lost.planned} planned requests left no record, {first}"


def _cut_short(run: Run) -> Iterator[str]:
    for shard in run.shards:
        if shard.held < shard.committed:
            yield f"{shard.name} is cut short: {shard.held} of its {shard.committed} records are there"


def _seen_and_gone(run: Run) -> Iterator[str]:
    """Yield shards that have fewer records than polls saw during the run."""
    committed = {shard.name: shard.committed for shard in run.shards}
    seen = {event.shard: event.count for event in run.journal.of(Poll)}
    for name, count in seen.items():
        if committed.get(name, 0) < count:
            yield f"{count} records of {name} were seen while the load ran, {committed.get(name, 0)} are left"


def _followers(run: Run, think_time: float, until: float) -> Times:
    """Return the planned times of requests due after a good answer to an earlier request of the same journey."""
    records, samples = run.samples.records, run.samples
    steps = {name: number for number, name in enumerate(samples.steps)}
    goes_on = np.zeros(len(records), dtype=np.bool_)
    for number, journey in enumerate(samples.journeys):
        if shape := run.scenario.shapes.get(journey):
            goes_on |= (records["journey"] == number) & (
                records["step"] != steps.get(shape.steps[-1], NO_STEP)
            )
    goes_on &= records["error"] == ErrorKind.NONE
    due: Times = records["end"][goes_on] + think_time
    return due[due <= until]


def _among(wanted: Times, recorded: Times) -> npt.NDArray[np.bool_]:
    """Return which of `wanted` are in `recorded`, to the bit; `recorded` is sorted."""
    if not len(recorded):
        return np.zeros(len(wanted), dtype=np.bool_)
    hits = np.empty(len(wanted), dtype=np.bool_)
    for first in range(0, len(wanted), CHUNK):
        part = wanted[first : first + CHUNK]
        at = np.minimum(np.searchsorted(recorded, part), len(recorded) - 1)
        hits[first : first + CHUNK] = recorded[at] == part
    return hits

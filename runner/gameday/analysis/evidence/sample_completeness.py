"""Is everything there that was to be recorded? Samples that were lost would make any outage look smaller than it was.

Three witnesses: the shard's own count, the counts that the polls journalled while the run went on, and the load's
schedule, after which every request planned must have left a record, be it sent or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.evidence.schedule import STEPS, Times
from gameday.recording.journal_events import LoadStarted, Poll
from gameday.recording.samples import ErrorKind

MARGIN_S = 0.05  # before the end: what the load planned for its last moment may not have left it
NO_STEP = -1
CHUNK = 1 << 18  # looked up at a time


@dataclass(frozen=True)
class Missing:
    """Planned times, rising, of requests without a record; `planned` is how many the schedule had till the end."""

    planned: int
    times: Times


def missing(run: Run) -> Missing | None:
    """The first requests of journeys, and those that had to follow a good answer. None where there is no plan."""
    if run.schedule is None:
        return None
    until = run.end - MARGIN_S
    there, planned, times = run.samples.records["planned"], 0, [np.empty(0)]
    for kind in (run.schedule.begins, partial(_followers, run, run.schedule.think_time)):
        due = kind(until)
        planned += len(due)
        times.append(due[~_among(due, there)])
    return Missing(planned, np.sort(np.concatenate(times)))


def doubts(run: Run, found: Missing | None) -> Iterator[str]:
    """What is known to be gone, in plain sentences; `found` is what is missing."""
    yield from _cut_short(run)
    yield from _seen_and_gone(run)
    if found is None and run.journal.of(LoadStarted):
        yield "whether all that was planned was recorded can't be told: samples/load.json is gone"
    if found is not None and len(found.times):
        first = f"the first of them planned at {found.times[0]:.1f} s"
        yield f"{len(found.times)} of {found.planned} planned requests left no record, {first}"


def _cut_short(run: Run) -> Iterator[str]:
    for shard in run.shards:
        if shard.held < shard.committed:
            yield f"{shard.name} is cut short: {shard.held} of its {shard.committed} records are there"


def _seen_and_gone(run: Run) -> Iterator[str]:
    """Records that the runner saw while the load wrote them."""
    committed = {shard.name: shard.committed for shard in run.shards}
    seen = {event.shard: event.count for event in run.journal.of(Poll)}
    for name, count in seen.items():
        if committed.get(name, 0) < count:
            yield f"{count} records of {name} were seen while the load ran, {committed.get(name, 0)} are left"


def _followers(run: Run, think_time: float, until: float) -> Times:
    """Planned times of the requests that had to come after a good answer to another of the same journey."""
    records, samples = run.samples.records, run.samples
    steps = {name: number for number, name in enumerate(samples.steps)}
    goes_on = np.zeros(len(records), dtype=np.bool_)
    for number, journey in enumerate(samples.journeys):
        if journey in STEPS:
            goes_on |= (records["journey"] == number) & (
                records["step"] != steps.get(STEPS[journey][-1], NO_STEP)
            )
    goes_on &= records["error"] == ErrorKind.NONE
    due: Times = records["end"][goes_on] + think_time
    return due[due <= until]


def _among(wanted: Times, there: Times) -> npt.NDArray[np.bool_]:
    """Which of `wanted` are in `there`, to the bit; `there` is sorted."""
    if not len(there):
        return np.zeros(len(wanted), dtype=np.bool_)
    found = np.empty(len(wanted), dtype=np.bool_)
    for first in range(0, len(wanted), CHUNK):
        part = wanted[first : first + CHUNK]
        found[first : first + CHUNK] = there[np.minimum(np.searchsorted(there, part), len(there) - 1)] == part
    return found

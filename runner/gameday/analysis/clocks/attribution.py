"""Attribution: when an outage was over, as far as answers show, and when an operation first had an effect.

Requests alone don't show the exact end of an outage: the next request is served some time later, and if only some
requests are bad, several good ones in a row may be chance. Any operation that can't be separated in time from the end
may have caused it. `clocks` and `durations` choose among the candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gameday.analysis.clocks.full_recovery import stranded_releases
from gameday.analysis.clocks.operation_results import harmful_changes, own_change
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import Operation
from gameday.recording.journal_events import (
    FaultReverted,
    FenceConfirmed,
    InstanceReady,
    JournalEvent,
    RegionSeen,
    TrafficDrained,
    TrafficReturned,
)
from gameday.recording.samples import Samples
from gameday.scenario.units import seconds
from gameday.slo import Course, Outage, select

PATIENCE_S = 10.0
"""An event later than this after a recovery is unrelated to it, and an operation done earlier than this before it."""
DOUBT = 0.05
"""Good answers in a row show that an outage is over if their probability during the outage is below this."""


@dataclass(frozen=True)
class End:
    """The end of the last outage, by the SLO that held again last. Times are seconds since the run's start.

    `recovered`: the clock. `p1`: the share of the SLO's requests that were bad during its outage. `evidence`: when each
    good request since `recovered` showed that the outage was over, ascending: at its answer, but not before half of
    the bad requests planned with it would have been answered.
    """

    recovered: float
    p1: float
    evidence: npt.NDArray[np.float64]

    @classmethod
    def of(cls, run: Run, courses: Sequence[Course]) -> End | None:
        """Return the end of the last outage; None if some SLO didn't hold again, or none was ever broken."""
        ends = [(course.outages[-1], course.name) for course in courses if course.outages]
        if not ends or any(outage.recovered is None for outage, _ in ends):
            return None
        return cls._of(run, *max(ends, key=lambda end: end[0].recovered or 0.0))

    @classmethod
    def at(cls, run: Run, courses: Sequence[Course], recovered: float | None) -> End | None:
        """Return the end of the outage that some SLO's recovery at that time ended."""
        for course in courses:
            for outage in course.outages:
                if recovered is not None and outage.recovered == recovered:
                    return cls._of(run, outage, course.name)
        return None

    @classmethod
    def _of(cls, run: Run, outage: Outage, name: str) -> End:
        slo, samples = run.scenario.slo(name), run.samples
        recovered = outage.recovered or 0.0
        low, high = np.searchsorted(samples.records["planned"], (outage.effect, recovered + PATIENCE_S))
        part = samples.records[low:high]
        counts, good = select(
            slo, Samples(part, samples.journeys, samples.steps, samples.regions, samples.releases)
        )
        planned, end = part["planned"], part["end"]
        bad = counts & ~good
        during = planned <= planned[bad & (planned < recovered)].max(initial=outage.effect)
        took = end[bad & during] - planned[bad & during]
        long = float(np.median(took)) if len(took) else 0.0
        again = good & ~during
        evidence = np.sort(np.maximum(end[again], planned[again] + long))
        return cls(recovered, len(took) / max(1, int((counts & during).sum())), evidence)

    def allows(self, t: float) -> bool:
        """Return True if the outage may have lasted until `t`: too few good answers before `t` contradict it."""
        answers = int(np.searchsorted(self.evidence, t))
        return t <= self.recovered or (t - self.recovered < PATIENCE_S and (1 - self.p1) ** answers >= DOUBT)


def first_effect(run: Run, operation: Operation) -> float | None:
    """Return when an operation first changed the system, as far as the journal shows; else when it was done.

    The first sign of a rollback is the first ready instance of the previous release, that of a restart the first ready
    instance of the service.
    """
    until = run.end if operation.done is None else operation.done
    signs = [event.t for event in _signs(run, operation) if operation.t <= event.t <= until]
    return min(signs, default=operation.done)


def _signs(run: Run, operation: Operation) -> Sequence[JournalEvent]:
    journal, target = run.journal, operation.target
    match operation.name:
        case "rollback":
            change = own_change(run, operation)
            release = change.release if change else ""
            return [event for event in journal.of(InstanceReady) if event.release == release]
        case "restart":
            return [event for event in journal.of(InstanceReady) if event.service == target]
        case "failover":
            return [event for event in journal.of(TrafficDrained) if event.region == target]
        case "rejoin":
            return [event for event in journal.of(TrafficReturned) if event.region == target]
        case "promote":  # from then on no other database can take a write
            return journal.of(FenceConfirmed)
    return ()


def in_vain(run: Run, operation: Operation, recovered: float) -> bool:
    """Return True for a rollback to a release that can't run on the migrated schema."""
    change = own_change(run, operation) if operation.name == "rollback" else None
    return change is not None and any(
        release.since == change.t for release in stranded_releases(run, recovered)
    )


def undone(run: Run, operation: Operation, until: float) -> bool:
    """Return True if the operation was undone before `until`: its region got traffic again, or was down again."""
    since = operation.t if operation.done is None else operation.done
    for event in run.journal.of(TrafficReturned, RegionSeen):
        if event.region == operation.target and since < event.t <= until:
            if operation.name == "failover" and isinstance(event, TrafficReturned):
                return True
            if operation.name == "rejoin" and isinstance(event, RegionSeen) and not event.up:
                return True
    return False


def revert_ordered(run: Run, reverted: FaultReverted) -> float:
    """Return when the revert of a fault began; `reverted` is stamped only when all is done.

    Journals of older versions lack that. It is then `for` after the injection was ordered.
    """
    if reverted.ordered is not None:
        return reverted.ordered
    fault = run.journal.fault(reverted.fault)
    entry = fault.intended.entry if fault else None
    if fault is None or reverted.by != "schedule" or entry is None or entry >= len(run.scenario.timeline):
        return reverted.t
    spec = run.scenario.timeline[entry].spec
    lasts = spec.get("for") if isinstance(spec, Mapping) else None
    return reverted.t if lasts is None else min(reverted.t, fault.t + seconds(lasts))


def mended_by_schedule(run: Run) -> Sequence[float]:
    """Return the times at which the timeline ordered a good release of a service that runs a faulty one."""
    harmful, broken, times = harmful_changes(run), set[str](), list[float]()
    for change in run.changes:
        if change.id in harmful:
            broken.add(change.started.service)
        elif change.started.service in broken and change.started.by == "timeline":
            times.append(change.t)
    return times

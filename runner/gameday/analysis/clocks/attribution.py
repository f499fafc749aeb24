"""What may have ended an outage: when it was over, as far as answers tell, and when a deed first had an effect.

Requests alone don't say to the moment when an outage ended: who is served next comes some time later, and where only
some requests are bad, several good ones in a row may be luck. What can't be told apart from the end may have brought
it. Which of several did is for `clocks` and `durations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gameday.analysis.clocks.operation_results import harmful_changes, own_change
from gameday.analysis.clocks.restoration import stranded_releases
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

DOUBT = 0.05
"""Good answers in a row prove that an outage is over where they would come so rarely while it still goes on."""


@dataclass(frozen=True)
class End:
    """The end of the last outage, by the SLO that held again last.

    `recovered` as the clock has it. `p1`: the share of its requests that were bad during its outage. `told`: when each
    good request since then had told that it was over: when it was answered, and at the soonest once a bad one planned
    with it would have been (half of the bad ones took so long, or longer). Seconds since the run's start, rising.
    `window`: the SLO's; what came longer after the recovery has nothing to do with it.
    """

    recovered: float
    window: float
    p1: float
    told: npt.NDArray[np.float64]

    @classmethod
    def of(cls, run: Run, courses: Sequence[Course]) -> End | None:
        """None where some SLO didn't hold again, or none was ever broken."""
        ends = [(each.outages[-1], each.name) for each in courses if each.outages]
        if not ends or any(outage.recovered is None for outage, _ in ends):
            return None
        return cls._of(run, *max(ends, key=lambda each: each[0].recovered or 0.0))

    @classmethod
    def _of(cls, run: Run, outage: Outage, name: str) -> End:
        slo, samples = run.scenario.slo(name), run.samples
        recovered = outage.recovered or 0.0
        low, high = np.searchsorted(samples.records["planned"], (outage.effect, recovered + slo.window))
        part = samples.records[low:high]
        counts, good = select(
            slo, Samples(part, samples.journeys, samples.steps, samples.regions, samples.releases)
        )
        planned, end = part["planned"], part["end"]
        during, bad = planned < recovered, counts & ~good
        took = end[bad & during] - planned[bad & during]
        long = float(np.median(took)) if len(took) else 0.0
        again = good & ~during
        told = np.sort(np.maximum(end[again], planned[again] + long))
        return cls(recovered, slo.window, len(took) / max(1, int((counts & during).sum())), told)

    def allows(self, t: float) -> bool:
        """Whether the outage may have gone on until `t`: not where that many good answers speak against it."""
        answers = int(np.searchsorted(self.told, t))
        return t <= self.recovered or (t - self.recovered < self.window and (1 - self.p1) ** answers >= DOUBT)


def first_effect(run: Run, operation: Operation) -> float | None:
    """When the system first was another by it, as far as the journal knows; else when it was done.

    Of a roll-back, the first instance of the release before was ready; of a restart, the first of the service.
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
        case "promote":  # from then on nobody else can take a write, so what comes back comes by it
            return journal.of(FenceConfirmed)
    return ()


def in_vain(run: Run, operation: Operation, recovered: float) -> bool:
    """Whether it was a roll-back to a release that the schema had left behind."""
    change = own_change(run, operation) if operation.name == "rollback" else None
    return change is not None and any(each.since == change.t for each in stranded_releases(run, recovered))


def undone(run: Run, operation: Operation, until: float) -> bool:
    """Whether it stood no more before `until`: the region got its traffic again, or was seen down again."""
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
    """When the timeline ordered a good release of a service that a faulty one had been shipped of."""
    harmful, broken, times = harmful_changes(run), set[str](), list[float]()
    for change in run.changes:
        if change.id in harmful:
            broken.add(change.started.service)
        elif change.started.service in broken and change.started.by == "timeline":
            times.append(change.t)
    return times

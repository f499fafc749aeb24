"""When it broke, who noticed, who acted, when users were well again: the clocks of a run, all from one reading of it.

The courses of the SLOs come from `gameday.slo`; full capacity is `capacity`. What the clocks amount to is `durations`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gameday.analysis.clocks.attribution import End, first_effect, in_vain, undone
from gameday.analysis.clocks.operation_results import carried_out
from gameday.analysis.clocks.restoration import restored_at
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import Operation
from gameday.analysis.model.time_models import Clocks, Relapse
from gameday.recording.journal_events import (
    AlertAcknowledged,
    AlertRaised,
    ChangeDone,
    ChangeFailed,
    ChangeStarted,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    JournalEvent,
    OperationDone,
    OperationFailed,
    OperationIntended,
    RegionSeen,
)
from gameday.slo import Course, Outage, course

DEEDS = (
    *(FaultIntended, FaultInjected, FaultFailed),
    *(ChangeStarted, ChangeDone, ChangeFailed),
    *(OperationIntended, OperationDone, OperationFailed),
)
"""Events that something was done to the system: `hold` counts from the last of them."""


@dataclass(frozen=True)
class Analysis:
    """All that is known of the course of a run; every part of the outcome is told from it."""

    run: Run
    courses: tuple[Course, ...]
    outages: tuple[Outage, ...]
    """Of the system as a whole: times at which some SLO didn't hold, joined where less than a window lies between."""
    clocks: Clocks
    operations: tuple[Operation, ...]
    act: Operation | None
    end: End | None = None
    """Of the last outage, where all SLOs held again."""

    @property
    def relapses(self) -> tuple[Relapse, ...]:
        pairs = zip(self.outages, self.outages[1:], strict=False)
        return tuple(
            Relapse(recovered=one.recovered, breached=two.effect)
            for one, two in pairs
            if one.recovered is not None
        )

    @property
    def until(self) -> float:
        """Where the observation ends: recovered, or else the end of the run."""
        return self.run.end if self.clocks.recovered is None else self.clocks.recovered

    @property
    def unhurt(self) -> bool:
        """Whether a run that went to its end, with a fault or as a control without one, had no effect on anybody."""
        due = self.clocks.inject is not None or not self.run.scenario.timeline
        return self.run.judged and self.run.stopped is None and due and not self.outages

    def genuine(self, alert: AlertRaised) -> Outage | None:
        """The outage that an alert speaks of: one of its SLO, so long as its window still holds requests of it."""
        patience = max(self.run.scenario.load.timeout, *(slo.window for slo in self.run.scenario.slos))
        return speaks_of(alert, self.courses, patience)


def analyse(run: Run) -> Analysis:
    """Courses and clocks of `run`. A run that never reached steady state has neither."""
    trigger = run.trigger
    courses = _courses(run)
    operations = carried_out(run)
    outages = tuple(joined(courses, max(slo.window for slo in run.scenario.slos)))
    blank = Analysis(run, courses, outages, Clocks(), operations, None)
    if trigger is None:
        return blank
    inject, injected = trigger.t, _confirmed(run, trigger)
    if not outages:
        return replace(blank, clocks=Clocks(inject=inject, injected=injected))
    effect = outages[0].effect
    recovered = _recovered(run, courses, outages)
    end = End.of(run, courses)
    act = _ended_it(run, operations, effect, end) if recovered is not None and end is not None else None
    detect, paged = _detected(run, blank, effect, act)
    clocks = Clocks(
        inject=inject,
        injected=injected,
        effect=effect,
        detect=detect,
        paged=paged,
        ack=_taken(run, operations, detect),
        act=act.t if act else None,
        acted=act.done if act else None,
        recovered=recovered,
        restored=restored_at(run, effect, recovered),
    )
    return replace(blank, clocks=clocks, act=act, end=end)


def speaks_of(alert: AlertRaised, courses: Sequence[Course], patience: float) -> Outage | None:
    """The outage of the alert's SLO (of any, where it names none) that spans it or ended up to `patience` s ago."""
    named = [each for each in courses if each.name == alert.slo]
    for outage in (outage for each in named or courses for outage in each.outages):
        until = math.inf if outage.recovered is None else outage.recovered + patience
        if outage.effect <= alert.t <= until:
            return outage
    return None


def _courses(run: Run) -> tuple[Course, ...]:
    if run.steady_from is None or run.end <= run.steady_from:
        return ()
    inject = run.trigger.t if run.trigger else None
    return tuple(course(slo, run.samples, run.steady_from, run.end, inject) for slo in run.scenario.slos)


def joined(courses: Iterable[Course], apart: float) -> Iterable[Outage]:
    """Outages of all SLOs as one sequence; those less than `apart` seconds from each other are one."""
    current: Outage | None = None
    for outage in sorted((o for each in courses for o in each.outages), key=lambda o: o.effect):
        if current is None:
            current = outage
        elif current.recovered is None or outage.effect - current.recovered < apart:
            current = Outage(current.effect, _later(current.recovered, outage.recovered))
        else:
            yield current
            current = outage
    if current is not None:
        yield current


def _later(one: float | None, two: float | None) -> float | None:
    return None if one is None or two is None else max(one, two)


def _confirmed(run: Run, trigger: FaultIntended | ChangeStarted) -> float | None:
    if isinstance(trigger, ChangeStarted):
        change = run.journal.change(trigger.change)
        event: JournalEvent | None = change.done if change else None
    else:
        fault = run.journal.fault(trigger.fault)
        event = fault.injected if fault else None
    return event.t if event else None


def _recovered(run: Run, courses: Sequence[Course], outages: Sequence[Outage]) -> float | None:
    """The end of the last outage, where every SLO is known to hold and `hold` has passed since anything was done."""
    recovered = outages[-1].recovered
    if recovered is None or not all(each.known for each in courses):
        return None
    by_schedule = [event for event in run.journal.of(FaultReverted) if event.by == "schedule"]
    deeds = [*run.journal.of(*DEEDS), *by_schedule]
    last = max((event.t for event in deeds if event.t <= run.end), default=0.0)
    return recovered if run.end - max(last, recovered) >= run.scenario.hold else None


def _ended_it(run: Run, operations: Sequence[Operation], effect: float, end: End) -> Operation | None:
    """The last operation that may have brought the recovery: a right one first, a wrong one never.

    It may have been ordered a moment after `recovered`: a request planned before that waited, and was served by it.
    """
    able = [each for each in operations if effect <= each.t and _may_have(run, each, end)]
    right = [each for each in able if each.right]
    return max(right or able, key=lambda each: each.t, default=None)


def _may_have(run: Run, operation: Operation, end: End) -> bool:
    """Not what was wrong, failed or in vain, changed nothing before the end, was undone, or came a window too soon.

    A request that hung when the outage ended was answered later than `recovered`, by up to the client's time-out.
    """
    if operation.right is False or operation.failed or _too_late(run, operation):
        return False
    if in_vain(run, operation, end.recovered):
        return False
    first, patience = first_effect(run, operation), run.scenario.load.timeout
    if first is None or not end.allows(first) or undone(run, operation, end.recovered + patience):
        return False
    return operation.done is None or end.recovered - operation.done <= end.window


def _too_late(run: Run, operation: Operation) -> bool:
    """A fail-over out of a region that the edge had found down by itself and sent nothing to any more."""
    seen = [
        event
        for event in run.journal.of(RegionSeen)
        if event.region == operation.target and event.t <= operation.t
    ]
    return operation.name == "failover" and bool(seen) and not seen[-1].up


def _detected(
    run: Run, analysis: Analysis, effect: float, act: Operation | None
) -> tuple[float | None, float | None]:
    """(detect, paged). A page that came only after the outage was acted on detected nothing."""
    for alert in run.alerts:
        if alert.raised.pages and alert.t >= effect and analysis.genuine(alert.raised):
            if act is not None and alert.t > act.t:
                return None, None
            return alert.t, alert.delivered.t if alert.delivered else None
    return None, None


def _taken(run: Run, operations: Sequence[Operation], detect: float | None) -> float | None:
    """The first acknowledgement at or after `detect`, or the first operation where that came sooner."""
    if detect is None:
        return None
    event = run.journal.first(AlertAcknowledged, since=detect)
    stamps = [each.t for each in operations if each.t >= detect] + ([event.t] if event else [])
    return min(stamps, default=None)

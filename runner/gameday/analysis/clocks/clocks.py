"""Clocks of a run: when it broke, was detected, was acted on, and when users were well again.

The course of each SLO comes from `gameday.slo`, full capacity from `full_recovery`; `durations` takes the differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gameday.analysis.clocks.attribution import PATIENCE_S, End, first_effect, in_vain, undone
from gameday.analysis.clocks.full_recovery import restored_at
from gameday.analysis.clocks.operation_results import carried_out
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
from gameday.recording.samples import ErrorKind
from gameday.slo import Course, Outage, course, select

LATE_S = 30.0
"""Two scrapes: so late an alert may be about an outage that is over."""
WAITING = "hang"
"""The detector of requests that wait for their answer."""
DEEDS = (
    *(FaultIntended, FaultInjected, FaultFailed),
    *(ChangeStarted, ChangeDone, ChangeFailed),
    *(OperationIntended, OperationDone, OperationFailed),
)
"""Events that something was done to the system: `hold` counts from the last of them."""


@dataclass(frozen=True)
class Analysis:
    """The course of a run; every part of the outcome is computed from it."""

    run: Run
    courses: tuple[Course, ...]
    outages: tuple[Outage, ...]
    """Stretches in which some SLO didn't hold; two with less than a window between them are one."""
    clocks: Clocks
    operations: tuple[Operation, ...]
    act: Operation | None
    end: End | None = None
    """The end of the last outage, if all SLOs held again."""

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
        """Return the end of the observation: `recovered`, or else the end of the run."""
        return self.run.end if self.clocks.recovered is None else self.clocks.recovered

    @property
    def unhurt(self) -> bool:
        """Return True if the run reached its end, as a control run or with a fault, and no SLO was
        ever broken."""
        due = self.clocks.inject is not None or not self.run.scenario.timeline
        return self.run.judged and self.run.stopped is None and due and not self.outages

    def genuine(self, alert: AlertRaised) -> Outage | None:
        """Return the outage that an alert is about; None for a late or a false alarm.

        An alert may come while its window still holds requests of the outage. It is about an outage of another SLO too
        if that outage had made requests bad for its own SLO by then: a responder may act before these are a breach.
        """
        own = speaks_of(alert, self._about(alert), self._patience)
        if own is not None:
            return own
        others = (outage for one in self.courses for outage in one.outages)
        return next((outage for outage in others if self._has_hurt(outage, alert)), None)

    def _has_hurt(self, outage: Outage, alert: AlertRaised) -> bool:
        """Return True if the alert came during the outage, and requests planned in it before were bad for its SLO."""
        begun = outage.effect - outage.effect_error
        if alert.slo is None or not begun <= alert.t <= (outage.recovered or math.inf):
            return False
        samples = self.run.samples
        planned = samples.records["planned"]
        records = samples.records[np.searchsorted(planned, begun) : np.searchsorted(planned, alert.t)]
        part = samples.part(records[records["error"] != ErrorKind.NOT_SENT])
        slo = next((slo for slo in self.run.scenario.slos if slo.name == alert.slo), None)
        if slo is None:
            return False
        counts, good = select(slo, part)
        return bool((counts & ~good).any())

    def _about(self, alert: AlertRaised) -> Sequence[Course]:
        """Return the courses of the SLOs that an alert is about: the one that it names, or all if it names none.

        Requests that wait for their answer are slow as well, whichever SLO of their journey the alert names.
        """
        slos = {slo.name: slo for slo in self.run.scenario.slos}
        named = slos.get(alert.slo or "")
        if named is None:
            return self.courses
        slow = [
            slo.name for slo in slos.values() if slo.sli == "latency" and slo.journey in (None, named.journey)
        ]
        names = {named.name, *(slow if alert.detector == WAITING else ())}
        return sorted(
            (one for one in self.courses if one.name in names), key=lambda one: one.name != named.name
        )

    def late(self, alert: AlertRaised) -> bool:
        """Return True if an alert is about an outage that was over: a scrape may tell of it as much as LATE_S later."""
        return (
            self.genuine(alert) is None
            and speaks_of(alert, self._about(alert), self._patience + LATE_S) is not None
        )

    @property
    def _patience(self) -> float:
        return max(self.run.scenario.load.timeout, *(slo.window for slo in self.run.scenario.slos))


def analyse(run: Run) -> Analysis:
    """Compute the courses and clocks of a run. A run that never reached its steady state has neither."""
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
    act = ended_it(run, operations, effect, end) if recovered is not None and end is not None else None
    detect, paged = _detected(run, blank, effect, act)
    clocks = Clocks(
        inject=inject,
        injected=injected,
        effect=effect,
        detect=detect,
        paged=paged,
        ack=taken(run, operations, detect),
        act=act.t if act else None,
        acted=act.done if act else None,
        recovered=recovered,
        restored=restored_at(run, effect, recovered),
    )
    return replace(blank, clocks=clocks, act=act, end=end)


def speaks_of(alert: AlertRaised, courses: Sequence[Course], patience: float) -> Outage | None:
    """Return the outage of these courses that spans the alert or ended up to `patience` s before.

    An alert within the uncertainty before an effect is about it.
    """
    for outage in (outage for slo_course in courses for outage in slo_course.outages):
        until = math.inf if outage.recovered is None else outage.recovered + patience
        if outage.effect - outage.effect_error <= alert.t <= until:
            return outage
    return None


def _courses(run: Run) -> tuple[Course, ...]:
    if run.steady_from is None or run.end <= run.steady_from:
        return ()
    inject = run.trigger.t if run.trigger else None
    return tuple(course(slo, run.samples, run.steady_from, run.end, inject) for slo in run.scenario.slos)


def joined(courses: Iterable[Course], apart: float) -> Iterable[Outage]:
    """Yield the outages of all SLOs as one sequence; those less than `apart` seconds from each other are merged."""
    current: Outage | None = None
    for outage in sorted((o for slo_course in courses for o in slo_course.outages), key=lambda o: o.effect):
        if current is None:
            current = outage
        elif current.recovered is None or outage.effect - current.recovered < apart:
            current = _union(current, outage)
        else:
            yield current
            current = outage
    if current is not None:
        yield current


def _union(one: Outage, two: Outage) -> Outage:
    """Return one outage from the effect of `one` to the later recovery, with the error of each."""
    if one.recovered is None or two.recovered is None:
        return Outage(one.effect, None, one.effect_error)
    last = max(one, two, key=lambda outage: outage.recovered or 0.0)
    return Outage(one.effect, last.recovered, one.effect_error, last.recovered_error)


def _confirmed(run: Run, trigger: FaultIntended | ChangeStarted) -> float | None:
    if isinstance(trigger, ChangeStarted):
        change = run.journal.change(trigger.change)
        event: JournalEvent | None = change.done if change else None
    else:
        fault = run.journal.fault(trigger.fault)
        event = fault.injected if fault else None
    return event.t if event else None


def _recovered(run: Run, courses: Sequence[Course], outages: Sequence[Outage]) -> float | None:
    """Return the end of the last outage if every SLO is known to hold and nothing was done for `hold` seconds."""
    recovered = outages[-1].recovered
    if recovered is None or not all(slo_course.known for slo_course in courses):
        return None
    by_schedule = [event for event in run.journal.of(FaultReverted) if event.by == "schedule"]
    deeds = [*run.journal.of(*DEEDS), *by_schedule]
    last = max((event.t for event in deeds if event.t <= run.end), default=0.0)
    return recovered if run.end - max(last, recovered) >= run.scenario.hold else None


def ended_it(run: Run, operations: Sequence[Operation], effect: float, end: End) -> Operation | None:
    """Return the last operation that may have ended the outage: a right one if there is one, never a wrong one.

    It may have been ordered a moment after `recovered`, if a request planned before that waited and was served by it.
    """
    able = [operation for operation in operations if effect <= operation.t and _may_have(run, operation, end)]
    right = [operation for operation in able if operation.right]
    return max(right or able, key=lambda operation: operation.t, default=None)


def _may_have(run: Run, operation: Operation, end: End) -> bool:
    """Return True if the operation may have ended the outage.

    It may not if it was wrong, failed or in vain, changed nothing before the end, was undone, or was done long before
    the end. A request that hung when the outage ended was answered later than `recovered`, by up to the
    client's time-out.
    """
    if operation.right is False or operation.failed or _too_late(run, operation):
        return False
    if in_vain(run, operation, end.recovered):
        return False
    first, patience = first_effect(run, operation), run.scenario.load.timeout
    if first is None or not end.allows(first) or undone(run, operation, end.recovered + patience):
        return False
    return operation.done is None or end.recovered - operation.done <= PATIENCE_S


def _too_late(run: Run, operation: Operation) -> bool:
    """Return True for a fail-over out of a region that the edge had already found down and drained by itself."""
    sightings = [
        event
        for event in run.journal.of(RegionSeen)
        if event.region == operation.target and event.t <= operation.t
    ]
    return operation.name == "failover" and bool(sightings) and not sightings[-1].up


def _detected(
    run: Run, analysis: Analysis, effect: float, act: Operation | None
) -> tuple[float | None, float | None]:
    """Return (detect, paged). A page that came only after the outage was acted on detected nothing.

    One within the uncertainty before the effect is a detection, at the effect.
    """
    for alert in run.alerts:
        if not alert.raised.pages or alert.t < effect - analysis.outages[0].effect_error:
            continue
        if analysis.genuine(alert.raised):
            if act is not None and alert.t > act.t:
                return None, None
            paged = alert.delivered.t if alert.delivered else None
            return max(alert.t, effect), paged if paged is None else max(paged, effect)
    return None, None


def taken(run: Run, operations: Sequence[Operation], detect: float | None) -> float | None:
    """Return the first acknowledgement at or after `detect`, or the first operation if that came sooner."""
    if detect is None:
        return None
    event = run.journal.first(AlertAcknowledged, since=detect)
    stamps = [operation.t for operation in operations if operation.t >= detect] + ([event.t] if event else [])
    return min(stamps, default=None)

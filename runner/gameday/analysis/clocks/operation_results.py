"""Operations of a run, each with its end and whether it was right.

An operation is judged by the faults that were active when it was ordered. A rollback is right if it takes back a
harmful change, a fail-over if its region was hit, a promotion if the primary's region was, a rejoin if the region or
its database had been, a restart if its service was. A flag can't be judged.
"""

from __future__ import annotations

from dataclasses import dataclass

from gameday.analysis.audit.recovery_point import DATABASE, primary_at
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.evidence.run_history import RecordedOperation
from gameday.analysis.model.event_models import Operation
from gameday.recording.journal_events import ChangeFailed, ChangeStarted, FaultIntended, FenceConfirmed

REGIONS = ("region.", "environment.")
ELSEWHERE = (*REGIONS, "address.", "database.", "dependency.", "link.", "load.")
"""Families of faults that don't strike the instances of the service in their target. A plug-in's fault does."""


@dataclass(frozen=True)
class Hit:
    """A fault other than a deploy: its target, and the begin and end of its activity."""

    kind: str
    region: str
    service: str
    since: float
    until: float

    def active(self, t: float) -> bool:
        return self.since <= t <= self.until

    def on_region(self, region: str) -> bool:
        return self.kind.startswith(REGIONS) and self.region == region

    def on_database(self, region: str) -> bool:
        """Return True if the fault hit the region's database, or the region as a whole."""
        by_instance = not self.kind.startswith(ELSEWHERE) and self.service == DATABASE
        """The region's, or the region as a whole."""
        by_instance = not self.kind.startswith(ELSEWHERE) and self.service == DATABASE
        there = (self.kind.startswith("database.") or by_instance) and self.region in ("", region)
        return there or self.on_region(region)

    def on_service(self, service: str) -> bool:
        if self.kind.startswith("database."):
            return service == DATABASE
        return not self.kind.startswith(ELSEWHERE) and self.service == service


def carried_out(run: Run) -> tuple[Operation, ...]:
    """Return every operation that was ordered, in order of time."""
    hits = faults_by_place(run)
    return tuple(_judged(run, operation, hits) for operation in run.operations)


def harmful_changes(run: Run) -> frozenset[str]:
    """Return the ids of the changes that are faults."""
    return frozenset(fault.intended.change for fault in run.faults if fault.intended.change)


def faults_by_place(run: Run) -> tuple[Hit, ...]:
    """Return every fault but the deploys, with what it hit; a fault whose injection failed was never active."""
    return tuple(
        _hit(run, fault.intended, fault.reverted.t if fault.reverted else run.last)
        for fault in run.faults
        if not fault.intended.change and fault.failed is None
    )


def _hit(run: Run, event: FaultIntended, until: float) -> Hit:
    """Return the fault with its target.

    A database's fault names its region in its target, as in `us-east.postgres`; otherwise it hit
    the primary.
    """
    kind, target = event.kind, event.target
    service, region = event.service or "", event.region or ""
    if kind.startswith(REGIONS):
        region = region or target
    elif kind.startswith("database."):
        region = region or (target.partition(".")[0] if "." in target else primary_at(run, event.t))
    elif not service:
        service = target.rpartition(".")[2]
    return Hit(kind, region, service, event.t, until)


def _judged(run: Run, operation: RecordedOperation, hits: tuple[Hit, ...]) -> Operation:
    return Operation(
        id=operation.id,
        t=operation.t,
        name=operation.intended.name,
        target=operation.intended.target,
        by=operation.intended.by,
        done=operation.done.t if operation.done else None,
        failed=operation.failed is not None and operation.done is None,
        right=_right(run, operation, hits),
    )


def _right(run: Run, operation: RecordedOperation, hits: tuple[Hit, ...]) -> bool | None:
    target, t = operation.intended.target, operation.t
    active = [hit for hit in hits if hit.active(t)]
    match operation.intended.name:
        case "rollback":
            return _taken_back(run, operation) in harmful_changes(run)
        case "failover":
            return any(hit.on_region(target) for hit in active)
        case "promote":
            return any(hit.on_database(primary_at(run, t)) for hit in active)
        case "rejoin":
            fenced = any(each.region == target and each.t <= t for each in run.journal.of(FenceConfirmed))
            return fenced or any(hit.since <= t and hit.on_database(target) for hit in hits)
        case "restart":
            return any(hit.on_service(target) for hit in active)
    return None


def _taken_back(run: Run, rollback: RecordedOperation) -> str | None:
    """Return the change that a rollback names, reports as rolled back, or whose rollback its own
    change is.

    If there is none of these, return the service's latest change in effect at that time.
    """
    intended = rollback.intended
    named = intended.change or (rollback.done.change if rollback.done else None)
    if named:
        return named
    until = rollback.end.t if rollback.end else run.last
    own = _begun(run, intended.target, intended.by, rollback.t, until)
    return own.rollback_of if own else _standing(run, intended.target, rollback.t)


def own_change(run: Run, rollback: Operation) -> ChangeStarted | None:
    """Return the change that a rollback began."""
    until = run.last if rollback.done is None else rollback.done
    return _begun(run, rollback.target, rollback.by, rollback.t, until)


def _begun(run: Run, service: str, by: str, since: float, until: float) -> ChangeStarted | None:
    for event in run.journal.of(ChangeStarted):
        is_own = event.rollback_of and event.service == service and event.by == by
        if is_own and since <= event.t <= until:
            return event
    return None


def _standing(run: Run, service: str, t: float) -> str | None:
    """Return the service's latest change until `t` that had neither failed nor begun to be rolled
    back."""
    standing: list[str] = []
    for event in run.journal.of(ChangeStarted, ChangeFailed):
        if event.t > t:
            break
        gone = event.change if isinstance(event, ChangeFailed) else event.rollback_of
        if gone in standing:
            standing.remove(gone)
        elif isinstance(event, ChangeStarted) and gone is None and event.service == service:
            standing.append(event.change)
    return standing[-1] if standing else None

"""The operations of a run, each with its end and whether it did something about what was wrong.

Judged by the faults that stood when it was ordered: a roll-back is right where it takes back a harmful change, a
fail-over where its region was hit, a promotion where the primary's was, a rejoin where the region or its database had
been, a restart where its service was. Of a flag that can't be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gameday.analysis.audit.recovery_point import DATABASE, primary_at
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import Operation
from gameday.recording.journal import Event

REGIONS = ("region.", "environment.")


@dataclass(frozen=True)
class Hit:
    """A fault that isn't a deploy: what it hit, and from when to when it stood."""

    kind: str
    region: str
    service: str
    since: float
    until: float

    def stood(self, t: float) -> bool:
        return self.since <= t <= self.until

    def on_region(self, region: str) -> bool:
        return self.kind.startswith(REGIONS) and self.region == region

    def on_database(self, region: str) -> bool:
        """The region's, or the region as a whole."""
        by_instance = self.kind.startswith("instance.") and self.service == DATABASE
        there = (self.kind.startswith("database.") or by_instance) and self.region in ("", region)
        return there or self.on_region(region)

    def on_service(self, service: str) -> bool:
        if self.kind.startswith("database."):
            return service == DATABASE
        return self.kind.startswith("instance.") and self.service == service


def carried_out(run: Run) -> tuple[Operation, ...]:
    """Every operation that was ordered, in order of time."""
    hits = faults_by_place(run)
    ends = {event.subject: event for event in run.all("operation.done", "operation.failed")}
    return tuple(_done(run, event, ends, hits) for event in run.all("operation.intended"))


def harmful_changes(run: Run) -> frozenset[str]:
    """Ids of the changes that are faults."""
    return frozenset(
        str(each.data["change"]) for each in run.all("fault.intended") if each.data.get("change")
    )


def faults_by_place(run: Run) -> tuple[Hit, ...]:
    """Every fault but the deploys, with where it struck; one that failed never stood."""
    ends = {event.subject: event.t for event in run.all("fault.reverted")}
    failed = {event.subject for event in run.all("fault.failed")}
    return tuple(
        _hit(run, event, ends.get(event.subject, run.last))
        for event in run.all("fault.intended")
        if not event.data.get("change") and event.subject not in failed
    )


def _hit(run: Run, event: Event, until: float) -> Hit:
    """A database's fault names its region in its target, as in `us-east.postgres`; else it is the primary's."""
    kind, target = str(event.data.get("kind")), str(event.data.get("target", ""))
    service, region = str(event.data.get("service", "")), str(event.data.get("region") or "")
    if kind.startswith(REGIONS):
        region = region or target
    elif kind.startswith("database."):
        region = region or (target.partition(".")[0] if "." in target else primary_at(run, event.t))
    elif not service:
        service = target.rpartition(".")[2]
    return Hit(kind, region, service, event.t, until)


def _done(run: Run, event: Event, ends: Mapping[str, Event], hits: tuple[Hit, ...]) -> Operation:
    end = ends.get(event.subject)
    done = end is not None and end.kind == "operation.done"
    return Operation(
        id=event.subject,
        t=event.t,
        name=str(event.data["name"]),
        target=str(event.data["target"]),
        by=str(event.data["by"]),
        done=end.t if end and done else None,
        failed=end is not None and not done,
        right=_right(run, event, end, hits),
    )


def _right(run: Run, event: Event, end: Event | None, hits: tuple[Hit, ...]) -> bool | None:
    target, t = str(event.data["target"]), event.t
    standing = [hit for hit in hits if hit.stood(t)]
    match event.data["name"]:
        case "rollback":
            return _taken_back(run, event, end) in harmful_changes(run)
        case "failover":
            return any(hit.on_region(target) for hit in standing)
        case "promote":
            return any(hit.on_database(primary_at(run, t)) for hit in standing)
        case "rejoin":
            fenced = any(each.subject == target for each in run.all("fence.confirmed") if each.t <= t)
            return fenced or any(hit.since <= t and hit.on_database(target) for hit in hits)
        case "restart":
            return any(hit.on_service(target) for hit in standing)
    return None


def _taken_back(run: Run, rollback: Event, end: Event | None) -> str | None:
    """The change that a rollback names, that it says it took back, or that its own change is the rollback of.

    Where it came to none of these: the latest of its service that stood then.
    """
    named = rollback.data.get("change") or (end.data.get("change") if end else None)
    if named:
        return str(named)
    about = rollback.data
    own = _begun(run, str(about["target"]), str(about["by"]), rollback.t, end.t if end else run.last)
    return str(own.data["rollback_of"]) if own else _standing(run, str(about["target"]), rollback.t)


def own_change(run: Run, rollback: Operation) -> Event | None:
    """The change that a rollback began."""
    until = run.last if rollback.done is None else rollback.done
    return _begun(run, rollback.target, rollback.by, rollback.t, until)


def _begun(run: Run, service: str, by: str, since: float, until: float) -> Event | None:
    for event in run.all("change.started"):
        of = (
            event.data.get("rollback_of")
            and event.data.get("service") == service
            and event.data.get("by") == by
        )
        if of and since <= event.t <= until:
            return event
    return None


def _standing(run: Run, service: str, t: float) -> str | None:
    """The latest change of the service till `t` that hadn't failed and that no other had begun to take back."""
    standing: list[str] = []
    for event in run.all("change.started", "change.failed"):
        if event.t > t:
            break
        gone = event.subject if event.kind == "change.failed" else event.data.get("rollback_of")
        if gone in standing:
            standing.remove(gone)
        elif gone is None and event.data.get("service") == service:
            standing.append(event.subject)
    return standing[-1] if standing else None

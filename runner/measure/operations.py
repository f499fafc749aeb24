"""The operations of a run, each with its end and, for a rollback, whether it took back a change that did harm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.journal import Event
from runner.measure.run import Run


@dataclass(frozen=True)
class Done:
    """One operation. `right` is None where that can't be told: only a rollback names what it takes back."""

    id: str
    t: float
    name: str
    target: str
    by: str
    done: float | None
    failed: bool
    right: bool | None


def carried_out(run: Run) -> tuple[Done, ...]:
    """Every operation that was ordered, in order of time."""
    harmful = harmful_changes(run)
    ends = {event.subject: event for event in run.all("operation.done", "operation.failed")}
    return tuple(_done(run, event, ends, harmful) for event in run.all("operation.intended"))


def harmful_changes(run: Run) -> frozenset[str]:
    """Ids of the changes that are faults."""
    return frozenset(str(each.data["change"]) for each in run.all("fault.intended") if each.data.get("change"))


def _done(run: Run, event: Event, ends: Mapping[str, Event], harmful: frozenset[str]) -> Done:
    end = ends.get(event.subject)
    done = end is not None and end.kind == "operation.done"
    return Done(
        id=event.subject,
        t=event.t,
        name=str(event.data["name"]),
        target=str(event.data["target"]),
        by=str(event.data["by"]),
        done=end.t if end and done else None,
        failed=end is not None and not done,
        right=_taken_back(run, event) in harmful if event.data["name"] == "rollback" else None,
    )


def _taken_back(run: Run, rollback: Event) -> str | None:
    """The change that a rollback names, or else the latest one of its service till then."""
    named = rollback.data.get("change")
    if named:
        return str(named)
    service = rollback.data["target"]
    shipped = [
        change
        for change in run.all("change.started")
        if change.t <= rollback.t and change.data.get("service") == service and not change.data.get("rollback_of")
    ]
    return shipped[-1].subject if shipped else None

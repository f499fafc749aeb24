"""Fold of a run's journal: what is known of the run, its system and its response at a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gameday.recording import journal_events as journal
from gameday.recording.journal_events import JournalEvent
from gameday_reports.live.fold_marks import (
    ChangeMark,
    FaultMark,
    InstanceMark,
    NoteMark,
    OperationMark,
    PageMark,
)

AUTOMATION = "gameday"


@dataclass
class JournalFold:
    """Everything that the journal says up to the last event taken."""

    run: str = ""
    title: str = ""
    started: str = ""
    phase: str = "up"
    steady_since: float | None = None
    steady_met: bool | None = None
    timeline_since: float | None = None
    ended: str = ""
    """Why the run ended, as the engine says; empty while it is in progress."""
    done: bool = False
    primary: str = ""
    instances: dict[str, InstanceMark] = field(default_factory=dict)
    regions: dict[str, journal.RegionSeen] = field(default_factory=dict)
    fenced: set[str] = field(default_factory=set)
    faults: dict[str, FaultMark] = field(default_factory=dict)
    changes: dict[str, ChangeMark] = field(default_factory=dict)
    pages: dict[str, PageMark] = field(default_factory=dict)
    operations: dict[str, OperationMark] = field(default_factory=dict)
    notes: list[NoteMark] = field(default_factory=list)
    trouble: str = ""
    seen: set[tuple[str, str]] = field(default_factory=set)
    """(region, service) of every instance that ever was ready."""

    def take(self, event: JournalEvent) -> None:
        """Take the next event of the journal."""
        rule = RULES.get(type(event))
        if rule is not None:
            rule(self, event)

    @property
    def faulty_releases(self) -> set[str]:
        """Return the releases that faults of the timeline have shipped."""
        shipped = {fault.change for fault in self.faults.values() if fault.change}
        return {change.release for key, change in self.changes.items() if key in shipped}


def _started(fold: JournalFold, event: journal.RunStarted) -> None:
    fold.run, fold.title, fold.started = event.run, event.title, event.started


def _phase(fold: JournalFold, event: journal.PhaseStarted) -> None:
    fold.phase = event.phase
    if event.phase == "steady":
        fold.steady_since = event.t
    elif event.phase == "fault":
        fold.timeline_since = event.t
    fold.done = event.phase == "done"


def _steady(fold: JournalFold, event: journal.SteadyStateJudged) -> None:
    fold.steady_met = event.met


def _ended(fold: JournalFold, event: journal.RunEnded) -> None:
    fold.ended = event.reason


def _error(fold: JournalFold, event: journal.RunError) -> None:
    fold.trouble = event.why


def _instance(state: str) -> Callable[[JournalFold, Any], None]:
    def rule(fold: JournalFold, event: Any) -> None:
        mark = InstanceMark(event.service, event.region, event.release, state, event.t)
        if state == "stopped":
            fold.instances.pop(event.instance, None)
        else:
            fold.instances[event.instance] = mark
        if state == "up":
            fold.seen.add((event.region, event.service))
            # A new instance takes the place of one that died.
            gone = [key for key, old in fold.instances.items() if _replaces(mark, old)]
            for key in gone[:1]:
                del fold.instances[key]

    return rule


def _replaces(new: InstanceMark, old: InstanceMark) -> bool:
    return old.state == "down" and (old.service, old.region) == (new.service, new.region)


def _region(fold: JournalFold, event: journal.RegionSeen) -> None:
    fold.regions[event.region] = event


def _fence(fold: JournalFold, event: journal.FenceConfirmed) -> None:
    fold.fenced.add(event.region)


def _promoted(fold: JournalFold, event: journal.DatabasePromoted) -> None:
    fold.primary = event.region
    fold.fenced.discard(event.region)


def _caught_up(fold: JournalFold, event: journal.ReplicaCaughtUp) -> None:
    fold.fenced.discard(event.region)


def _fault(fold: JournalFold, event: journal.FaultIntended) -> None:
    fold.faults[event.fault] = FaultMark(
        event.fault,
        event.kind,
        event.target,
        event.region,
        event.service,
        event.change,
        event.defect,
        event.t,
        _links(event),
    )


def _links(event: journal.FaultIntended) -> tuple[str, ...]:
    chosen = event.undo.get("chosen") if isinstance(event.undo, Mapping) else None
    links = chosen.get("links", ()) if isinstance(chosen, Mapping) else ()
    return tuple(str(link) for link in links)


def _fault_stamp(name: str) -> Callable[[JournalFold, Any], None]:
    def rule(fold: JournalFold, event: Any) -> None:
        if fault := fold.faults.get(event.fault):
            setattr(fault, name, event.why if name == "failed" else event.t)

    return rule


def _change(fold: JournalFold, event: journal.ChangeStarted) -> None:
    fold.changes[event.change] = ChangeMark(
        event.change,
        event.t,
        event.service,
        event.release,
        event.previous,
        event.summary,
        event.by,
        _person(event.author, event.ai),
        event.rollback_of,
    )


def _person(author: Any, ai: Any) -> str:
    """Return who made a change: role and level, and whether an assistant had part."""
    words = author if isinstance(author, str) else ""
    if not words and author:
        words = " ".join(str(author[key]) for key in ("level", "role") if author.get(key))
    return f"{words}, with an AI assistant" if ai and words else words


def _change_end(fold: JournalFold, event: Any) -> None:
    change = fold.changes.get(event.change)
    if change is None:
        return
    change.ended = event.t
    if isinstance(event, journal.ChangeDone):
        change.state = "cancelled" if event.cancelled else "done"
        if change.rollback_of in fold.changes and not event.cancelled:
            fold.changes[change.rollback_of].state = "rolled back"
    else:
        change.state = "refused" if event.refused else "failed"


def _alert(fold: JournalFold, event: journal.AlertRaised) -> None:
    if event.pages:
        fold.pages[event.alert] = PageMark(event.alert, event.t, event.slo, event.summary, event.region)


def _acknowledged(fold: JournalFold, event: journal.AlertAcknowledged) -> None:
    page = fold.pages.get(event.alert)
    if page and page.acknowledged is None:
        page.acknowledged, page.acknowledged_by = event.t, event.by


def _resolved(fold: JournalFold, event: journal.AlertResolved) -> None:
    if page := fold.pages.get(event.alert):
        page.resolved = event.t


def _operation(fold: JournalFold, event: journal.OperationIntended) -> None:
    fold.operations[event.operation] = OperationMark(
        event.operation, event.t, event.name, event.target, event.by
    )


def _operation_end(fold: JournalFold, event: Any) -> None:
    if operation := fold.operations.get(event.operation):
        failed = isinstance(event, journal.OperationFailed)
        operation.state, operation.ended = "failed" if failed else "done", event.t
        operation.why = event.why if failed else ""


def _note(fold: JournalFold, event: journal.Note) -> None:
    fold.notes.append(NoteMark(event.t, event.text, event.by))


RULES: dict[type[JournalEvent], Callable[[JournalFold, Any], None]] = {
    journal.RunStarted: _started,
    journal.PhaseStarted: _phase,
    journal.SteadyStateJudged: _steady,
    journal.RunEnded: _ended,
    journal.RunError: _error,
    journal.InstanceReady: _instance("up"),
    journal.InstanceStopped: _instance("stopped"),
    journal.InstanceDied: _instance("down"),
    journal.InstanceKilled: _instance("down"),
    journal.RegionSeen: _region,
    journal.FenceConfirmed: _fence,
    journal.DatabasePromoted: _promoted,
    journal.ReplicaCaughtUp: _caught_up,
    journal.FaultIntended: _fault,
    journal.FaultInjected: _fault_stamp("injected"),
    journal.FaultReverted: _fault_stamp("reverted"),
    journal.FaultFailed: _fault_stamp("failed"),
    journal.ChangeStarted: _change,
    journal.ChangeDone: _change_end,
    journal.ChangeFailed: _change_end,
    journal.AlertRaised: _alert,
    journal.AlertAcknowledged: _acknowledged,
    journal.AlertResolved: _resolved,
    journal.OperationIntended: _operation,
    journal.OperationDone: _operation_end,
    journal.OperationFailed: _operation_end,
    journal.Note: _note,
}
"""Type of event → what it changes."""

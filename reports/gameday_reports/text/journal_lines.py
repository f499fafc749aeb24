"""Journal events as timeline lines: changes, faults, operations, acknowledgements and notes.

A bad deploy appears as its change and a rollback as its operation. `event_timeline` adds clocks and
alerts.
"""

from __future__ import annotations

from collections.abc import Iterator

from gameday.recording.journal_events import (
    AlertAcknowledged,
    ChangeDone,
    ChangeFailed,
    DatabasePromoted,
    EnvironmentDeleted,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    JournalEvent,
    Note,
    OperationFailed,
    OperationIntended,
    RunError,
    RunInterrupted,
    RunStopped,
    SteadyStateJudged,
)
from gameday_reports.review.provenance import Shipped, role, shipped
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.summary import delay_words, join_names, name_operation

RIGHT = {True: "judged right", False: "judged wrong", None: "not judged"}
REVERTED = {
    "schedule": "The timeline took the fault back: {}.",
    "system": "The system itself did away with the fault: {}.",
    "responder": "An operation did away with the fault: {}.",
    "cleanup": "The clean-up at the end of the run took the fault back: {}.",
}
OURS = "gameday"
LONGEST = 240
"""Of a reason, characters."""


def shortened(why: str) -> str:
    """Return a reason on one line, no longer than a line or two."""
    words = " ".join(why.split()).rstrip(".")
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def shipping(run: Run) -> Iterator[tuple[float, str]]:
    """Yield every change except rollbacks: begun, done or failed, with its approvals and AI part."""
    for each in shipped(run):
        change = run.journal.change(each.change.id)
        if change is None:
            continue
        yield change.t, _begun(each)
        end = change.done or change.failed
        if end is not None:
            yield end.t, _ended(each, end, end.t - change.t)


def _begun(each: Shipped) -> str:
    change = each.change
    how = f" ({change.strategy})" if change.strategy else ""
    author = role(each.record.get("author"))
    by = (f", written by {author}" if author else "") + (f", started by {change.by}" if change.by else "")
    approved = {None: "approvals not recorded", 0: "approved by nobody"}.get(
        None if each.approvals is None else len(each.approvals),
        f"approved by {join_names(each.approvals or [])}",
    )
    ai = {True: "AI-assisted", False: "no AI involved", None: "AI not recorded"}[each.ai]
    which = " The change with the defect." if each.faulty and not each.plan else ""
    plan = f" Its plan: {each.plan}." if each.plan else ""
    return f"{change.release or change.service} began to ship{how}{by}; {approved}; {ai}.{which}{plan}"


def _ended(each: Shipped, end: ChangeDone | ChangeFailed, took: float) -> str:
    name = each.change.release or each.change.service
    if isinstance(end, ChangeFailed):
        why = shortened(end.why) or "no reason recorded"
        return f"{name} was {why}." if why.startswith("refused") else f"{name} failed: {why}."
    if end.cancelled:
        return f"{name} stopped shipping: it was taken back before it was everywhere."
    return f"{name} was out, {delay_words(took)}."


def faults(run: Run) -> Iterator[tuple[float, str]]:
    """Yield faults ordered, confirmed and reverted; of faults that are a change only reverts
    without an operation."""
    for event in run.journal.of(FaultIntended, FaultInjected, FaultFailed, FaultReverted, EnvironmentDeleted):
        fault = run.journal.fault(event.subject)
        words = _fault(event, fault.intended if fault else None)
        if words:
            yield event.t, words


def _fault(event: JournalEvent, intended: FaultIntended | None) -> str:
    kind, target = (intended.kind, intended.target) if intended else ("", "")
    name = " on ".join(filter(None, [kind or "fault", target]))
    of_change = intended is not None and bool(intended.change or intended.plan)
    match event:
        case EnvironmentDeleted():
            return f"The environment of {event.region} was deleted."
        case FaultReverted():
            holds = not of_change or event.by in ("schedule", "cleanup")
            return REVERTED.get(event.by, "The fault was taken back: {}.").format(name) if holds else ""
        case _ if of_change:
            return ""
        case FaultFailed():
            return f"The fault could not be brought about: {shortened(event.why) or name}."
        case FaultIntended():
            return f"Fault ordered: {name}."
    return f"{name} was confirmed, {delay_words(event.t - intended.t if intended else 0.0)}."


def operations(run: Run) -> Iterator[tuple[float, str]]:
    """Yield every operation with who requested it, if it touched the cause, and when it was done."""
    judged = {(operation.name, operation.t): operation.right for operation in run.outcome.operations}
    for operation in run.journal.operations:
        intended, end = operation.intended, operation.end
        name = _named(run, intended)
        right = RIGHT[judged.get((intended.name, round(operation.t, 6)))]
        yield operation.t, f"{name} ordered by {intended.by or 'nobody recorded'}; {right}."
        if isinstance(end, OperationFailed):
            yield end.t, f"{name} failed: {shortened(end.why)}."
        elif end is not None:
            yield end.t, f"{name} done, {delay_words(end.t - operation.t)}."


def _named(run: Run, operation: OperationIntended) -> str:
    what = name_operation(operation.name, operation.target)
    change = run.journal.change(operation.change)
    release = (change.started.release if change else "") or operation.change
    return f"{what[:1].upper()}{what[1:]}{f' (takes back {release})' if release else ''}"


def acknowledged(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the first page that each responder took, with the number of others."""
    by: dict[str, list[AlertAcknowledged]] = {}
    for event in run.journal.of(AlertAcknowledged):
        by.setdefault(event.by or "nobody recorded", []).append(event)
    for who, taken in by.items():
        more = f", and {len(taken) - 1} more later" if len(taken) > 1 else ""
        yield taken[0].t, f"Page {taken[0].alert} taken by {who}{more}."


def notes(run: Run) -> Iterator[tuple[float, str]]:
    """Yield people's notes in their own words."""
    for event in run.journal.of(Note):
        if event.by != OURS:
            yield event.t, f"{event.by or 'Somebody'} noted: “{event.text}”"


def databases(run: Run) -> Iterator[tuple[float, str]]:
    for event in run.journal.of(DatabasePromoted):
        old = event.instead_of
        yield event.t, f"The database of {event.region} took over the writes{f' from {old}' if old else ''}."


def breaks(run: Run) -> Iterator[tuple[float, str]]:
    """Yield what ended the run early."""
    for error in run.journal.of(RunError):
        yield error.t, f"The tool failed in {error.where}: {shortened(error.why)}."
    for event in run.journal.of(RunInterrupted):
        yield event.t, f"The run was interrupted by {event.signal or 'a signal'}."


def stops(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the scenario's condition that stopped the run."""
    for event in run.journal.of(RunStopped):
        yield event.t, f"The run was stopped: its abort condition “{event.expr}” held."


def steady(run: Run) -> Iterator[tuple[float, str]]:
    for event in run.journal.of(SteadyStateJudged):
        not_met = shortened(event.why)
        met = "Steady state met: every objective held before the fault."
        yield (
            event.t,
            met if event.met else f"Steady state not met{f': {not_met}' if not_met else ''}.",
        )

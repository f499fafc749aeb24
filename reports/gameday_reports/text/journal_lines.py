"""Journal events as timeline lines: changes, faults, operations, acknowledgements and notes.

A bad deploy appears as its change and a rollback as its operation. `event_timeline` adds clocks and
alerts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gameday.recording.journal import Event
from gameday_reports.review.provenance import Shipped, role, shipped
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.loose import pick, rows, text
from gameday_reports.text.summary import deed, listed, soon

RIGHT = {True: "judged right", False: "judged wrong"}
REVERTED = {
    "schedule": "The timeline took the fault back: {}.",
    "system": "The system itself did away with the fault: {}.",
    "responder": "An operation did away with the fault: {}.",
    "cleanup": "The clean-up at the end of the run took the fault back: {}.",
}
OURS = "gameday"
LONGEST = 240
"""Of a reason, characters."""


def why(event: Event) -> str:
    """Return the reason that an event gives, on one line and shortened."""
    words = " ".join(text(event.data.get("why")).split()).rstrip(".")
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def shipping(run: Run) -> Iterator[tuple[float, str]]:
    """Yield every change except rollbacks: begun, done or failed, with its approvals and AI part."""
    ends = {event.subject: event for event in run.of("change.done", "change.failed")}
    begun = {event.subject: event.t for event in run.of("change.started")}
    for each in shipped(run):
        t = begun.get(each.change.id)
        if t is None:
            continue
        yield t, _begun(each)
        end = ends.get(each.change.id)
        if end is not None:
            yield end.t, _ended(each, end, end.t - t)


def _begun(each: Shipped) -> str:
    change = each.change
    how = f" ({change.strategy})" if change.strategy else ""
    author = role(each.record.get("author"))
    by = (f", written by {author}" if author else "") + (f", started by {change.by}" if change.by else "")
    approved = {None: "approvals not recorded", 0: "approved by nobody"}.get(
        None if each.approvals is None else len(each.approvals), f"approved by {listed(each.approvals or [])}"
    )
    ai = {True: "AI-assisted", False: "no AI involved", None: "AI not recorded"}[each.ai]
    which = " The change with the defect." if each.faulty and not each.plan else ""
    plan = f" Its plan: {each.plan}." if each.plan else ""
    return f"{change.release or change.service} began to ship{how}{by}; {approved}; {ai}.{which}{plan}"


def _ended(each: Shipped, end: Event, took: float) -> str:
    name = each.change.release or each.change.service
    if end.kind == "change.failed":
        said = why(end) or "no reason recorded"
        return f"{name} was {said}." if said.startswith("refused") else f"{name} failed: {said}."
    if end.data.get("cancelled"):
        return f"{name} stopped shipping: it was taken back before it was everywhere."
    return f"{name} was out, {soon(took)}."


def faults(run: Run) -> Iterator[tuple[float, str]]:
    """Yield faults ordered, confirmed and reverted; of faults that are a change only reverts
    without an operation."""
    begun = {event.subject: event for event in run.of("fault.intended")}
    for event in run.of(
        "fault.intended", "fault.injected", "fault.failed", "fault.reverted", "environment.deleted"
    ):
        intended = begun.get(event.subject)
        data = intended.data if intended else {}
        name = " on ".join(filter(None, [text(data.get("kind")) or "fault", text(data.get("target"))]))
        of_change = bool(data.get("change") or data.get("plan"))
        words = _fault(event, name, of_change, event.t - intended.t if intended else 0.0)
        if words:
            yield event.t, words


def _fault(event: Event, name: str, of_change: bool, took: float) -> str:
    if event.kind == "environment.deleted":
        return f"The environment of {event.subject} was deleted."
    if event.kind == "fault.reverted":
        by = text(event.data.get("by"))
        told = not of_change or by in ("schedule", "cleanup")
        return REVERTED.get(by, "The fault was taken back: {}.").format(name) if told else ""
    if of_change:
        return ""
    if event.kind == "fault.failed":
        return f"The fault could not be brought about: {why(event) or name}."
    return (
        f"Fault ordered: {name}."
        if event.kind == "fault.intended"
        else f"{name} was confirmed, {soon(took)}."
    )


def operations(run: Run) -> Iterator[tuple[float, str]]:
    """Yield every operation with who requested it, if it touched the cause, and when it was done."""
    ends = {event.subject: event for event in run.of("operation.done", "operation.failed")}
    judged = {
        (row.get("name"), row.get("t")): row.get("right") for row in rows(pick(run.outcome, "operations"))
    }
    releases = {event.subject: text(event.data.get("release")) for event in run.of("change.started")}
    for event in run.of("operation.intended"):
        name = _named(event, releases)
        right = RIGHT.get(judged.get((event.data.get("name"), round(event.t, 6))), "not judged")  # type: ignore[arg-type]
        yield event.t, f"{name} ordered by {text(event.data.get('by')) or 'nobody recorded'}; {right}."
        end = ends.get(event.subject)
        if end is None:
            continue
        failed = end.kind == "operation.failed"
        how = f"failed: {why(end)}" if failed else f"done, {soon(end.t - event.t)}"
        yield end.t, f"{name} {how}."


def _named(event: Event, releases: Mapping[str, str]) -> str:
    what, change = deed(event.data.get("name"), event.data.get("target")), text(event.data.get("change"))
    return f"{what[:1].upper()}{what[1:]}" + (
        f" (takes back {releases.get(change) or change})" if change else ""
    )


def acknowledged(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the first page that each responder took, with the number of others."""
    by: dict[str, list[Event]] = {}
    for event in run.of("ack"):
        by.setdefault(text(event.data.get("by")) or "nobody recorded", []).append(event)
    for who, taken in by.items():
        more = f", and {len(taken) - 1} more later" if len(taken) > 1 else ""
        yield taken[0].t, f"Page {taken[0].subject} taken by {who}{more}."


def notes(run: Run) -> Iterator[tuple[float, str]]:
    """Yield people's notes in their own words."""
    for event in run.of("note"):
        by = text(event.data.get("by"))
        if by != OURS:
            yield event.t, f"{by or 'Somebody'} noted: “{text(event.data.get('text'))}”"


def databases(run: Run) -> Iterator[tuple[float, str]]:
    for event in run.of("database.promoted"):
        old = text(event.data.get("instead_of"))
        yield event.t, f"The database of {event.subject} took over the writes{f' from {old}' if old else ''}."


def breaks(run: Run) -> Iterator[tuple[float, str]]:
    """Yield what ended the run early."""
    for event in run.of("run.error"):
        yield event.t, f"The tool failed in {text(event.data.get('where'))}: {why(event)}."
    for event in run.of("run.interrupted"):
        yield event.t, f"The run was interrupted by {text(event.data.get('signal')) or 'a signal'}."


def stops(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the scenario's condition that stopped the run."""
    for event in run.of("run.stopped"):
        yield event.t, f"The run was stopped: its abort condition “{text(event.data.get('expr'))}” held."


def steady(run: Run) -> Iterator[tuple[float, str]]:
    for event in run.of("steady"):
        not_met = why(event)
        met = "Steady state met: every objective held before the fault."
        yield (
            event.t,
            met if event.data.get("met") else f"Steady state not met{f': {not_met}' if not_met else ''}.",
        )

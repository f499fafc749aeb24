"""Trace of a change through a run: prompt, diff, gates and approvals, deploy, incident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.evidence.run_history import RecordedChange, RunHistory
from gameday.recording.journal_events import (
    ApprovalGiven,
    ChangeReplaced,
    GateBlocked,
    GateNeedsApproval,
    GatePassed,
    OperationIntended,
)

STEPS = ("written", "prompt", "diff", "gate", "approval", "deploy", "incident")
"""What a line of a trace is about, in the order of a change's life."""


def trace(folder: Path, name: str, clocks: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (step, sentence) of each line of the trace of a change, by its id or its release.

    `clocks` are those of the outcome. Raise LookupError, with the changes that there are, if the run has none of that name.
    """
    history = RunHistory(read_events(folder / "journal.jsonl"))
    named = [change for change in history.changes if name in (change.id, change.started.release)]
    change = next((change for change in named if change.started.rollback_of is None), None)
    if change is None:
        known = ", ".join(f"{each.id} ({each.started.release})" for each in history.changes)
        raise LookupError(f"the run has no change {name!r}; it has {known or 'none'}")
    return [
        *_origin(change, folder),
        *_gates(history, change),
        *_deploy(history, change),
        *_incident(history, change, clocks),
    ]


def _origin(change: RecordedChange, folder: Path) -> Iterator[tuple[str, str]]:
    started = change.started
    author = started.author if isinstance(started.author, Mapping) else {}
    who = ", ".join(str(author[key]) for key in ("id", "role", "level") if author.get(key))
    yield "written", f"{started.release} ({started.kind}) by {who or 'an unknown author'}: {started.summary}"
    ai = started.ai
    if isinstance(ai, Mapping):
        yield "prompt", f"{ai.get('tool')}, {ai.get('model')}: {str(ai.get('prompt', '')).strip()}"
        for key, what in (("prompt_hash", "prompt"), ("diff_hash", "diff")):
            if ai.get(key):
                yield "prompt", f"bound to the {what} by {ai[key]}"
    else:
        yield "prompt", "no AI had part in it" if ai is False else "not stated whether AI had part in it"
    patch = folder / "releases" / f"{started.release}.patch"
    lines = patch.read_text(encoding="utf-8").splitlines() if patch.is_file() else []
    files = [line[4:].split("\t")[0].removeprefix("b/") for line in lines if line.startswith("+++ ")]
    added = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("--- ") for line in lines)
    yield "diff", f"+{added} -{removed} in {', '.join(files)} ({patch})" if files else "none on record"


def _gates(history: RunHistory, change: RecordedChange) -> Iterator[tuple[str, str]]:
    events = history.of(GatePassed, GateBlocked, GateNeedsApproval, ApprovalGiven)
    own = [event for event in events if event.subject == change.id]
    if not own:
        yield "gate", "none looked at it"
    for event in own:
        if isinstance(event, ApprovalGiven):
            yield "approval", f"{event.t:.2f} s: by {event.by} as {event.role}, after {event.waited_s:.1f} s"
        elif isinstance(event, GateBlocked | GateNeedsApproval):
            result = "blocked" if isinstance(event, GateBlocked) else "needs approval"
            shipped = " (only warns)" if event.mode == "warn" else ""
            for finding in event.findings:
                place = f"{finding.get('file')}:{finding.get('line')}"
                yield (
                    "gate",
                    f"{event.t:.2f} s: {event.gate} {result}{shipped}: {place}: {finding.get('message')}",
                )
        elif isinstance(event, GatePassed):
            yield "gate", f"{event.t:.2f} s: {event.gate} passed"
    for person in change.started.approvals or ():
        role = (
            person
            if isinstance(person, str)
            else f"{person.get('id') or person.get('role')} ({person.get('level')})"
        )
        yield "approval", f"stated in the release: {role}"


def _deploy(history: RunHistory, change: RecordedChange) -> Iterator[tuple[str, str]]:
    failed, done = change.failed, change.done
    if failed is not None and failed.refused:
        yield "deploy", f"{failed.t:.2f} s: {failed.why}"
        return
    replaced = [event for event in history.of(ChangeReplaced) if event.change == change.id]
    yield "deploy", f"{change.t:.2f} s: begun, {change.started.strategy}; {len(replaced)} instances replaced"
    if failed is not None:
        yield "deploy", f"{failed.t:.2f} s: failed: {failed.why}"
    elif done is not None:
        yield "deploy", f"{done.t:.2f} s: {'taken back while under way' if done.cancelled else 'out'}"


def _incident(
    history: RunHistory, change: RecordedChange, clocks: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    effect = clocks.get("effect")
    fault = next((fault for fault in history.faults if fault.intended.change == change.id), None)
    if effect is None or fault is None or (change.failed is not None and change.failed.refused):
        yield "incident", "none of this change"
        return
    yield "incident", f"{effect:.2f} s: users were affected"
    for key, words in (("detect", "a page"), ("recovered", "users were well again")):
        if clocks.get(key) is not None:
            yield "incident", f"{clocks[key]:.2f} s: {words}"
    for event in history.of(OperationIntended):
        if event.name == "rollback":
            yield "incident", f"{event.t:.2f} s: rollback of {event.target} by {event.by}"

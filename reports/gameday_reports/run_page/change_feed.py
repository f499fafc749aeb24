"""Change feed of a run, and the faulty change with its provenance and its diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday.analysis.evidence.run_history import RecordedChange, RecordedFault
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import seconds
from gameday_reports.text.loose import items, number, person, text

NO_AI = "no AI involved"
NOT_SAID = "not recorded"
HASHES = {"promptHash", "diffHash", "prompt_hash", "diff_hash"}
"""Keys of AI provenance that bind a statement to its prompt and diff; a reader needs none of them."""
ROLLBACK = ("t", "service", "release", "previous", "strategy", "by", "rollback_of")
"""What a rollback says of itself: the release it goes back to has an author and a summary, the rollback has not."""


@dataclass(frozen=True)
class Change:
    """One entry of the feed, all in words."""

    id: str
    t: str
    service: str
    release: str
    versions: str
    kind: str
    summary: str
    strategy: str
    by: str
    author: str
    ai: str
    approvals: str
    reversible: str
    state: str
    note: str


@dataclass(frozen=True)
class Line:
    """A line of a diff: `kind` is add, del, hunk, file or same; `mark` says so without colour."""

    kind: str
    text: str


@dataclass(frozen=True)
class Culprit:
    """The change that is a fault of the timeline; if there is none (`faulty` False), the first
    change of the run."""

    change: Change
    faulty: bool
    defect: str
    ai: Sequence[tuple[str, str]]
    diff: Sequence[Line]


def feed(run: Run) -> list[Change]:
    """Return every change in order; from the outcome if the journal has none."""
    if run.journal.changes:
        return [_change(run, change.id, recorded(change)) for change in run.journal.changes]
    return [_change(run, "", change.model_dump(exclude_none=True)) for change in run.outcome.changes]


def culprit(run: Run) -> Culprit | None:
    """Return the culprit; None if the run changed nothing."""
    fault = _bad_deploy(run)
    changes = run.journal.changes
    event = run.journal.change(fault.intended.change) if fault else next(iter(changes), None)
    if event is None:
        return None
    change = _change(run, event.id, recorded(event))
    patch = run.patches.get(change.release, "")
    about = record(run, recorded(event))
    defect = (fault.intended.defect if fault else "") or text(about.get("defect"))
    return Culprit(change, fault is not None, defect, _provenance(about), diff(patch))


def _bad_deploy(run: Run) -> RecordedFault | None:
    return next((fault for fault in run.journal.faults if fault.intended.change), None)


def recorded(change: RecordedChange) -> Mapping[str, Any]:
    """Return what the journal says of a change, key by key, with the time `t` of its start."""
    return {**change.started.to_event().data, "t": change.t}


def record(run: Run, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is known of a change: the release's own file, overlaid by the journal."""
    written = run.releases.get(text(data.get("release")), {})
    return {**written, **{key: value for key, value in data.items() if value not in (None, "")}}


def _change(run: Run, id_: str, data: Mapping[str, Any]) -> Change:
    about = record(run, data)
    if about.get("rollback_of"):
        about = {**{key: data.get(key) for key in ROLLBACK}, "kind": "rollback"}
    reversible = about.get("reversible")
    t = number(about.get("t"))
    service, release, previous = (text(about.get(key)) for key in ("service", "release", "previous"))
    kind, summary, strategy, by = (text(about.get(key)) for key in ("kind", "summary", "strategy", "by"))
    ai = "; ".join(f"{name}: {value}" for name, value in _provenance(about) if name != "Prompt")
    return Change(
        id=id_,
        t="" if t is None else seconds(t),
        service=service,
        release=release,
        versions=" → ".join(name.removeprefix(f"{service}-") for name in (previous, release) if name),
        kind=kind,
        summary=summary,
        strategy=strategy,
        by=by,
        author=person(about.get("author")) or NOT_SAID,
        ai=ai or _no_ai(about),
        approvals=_approvals(about),
        reversible=NOT_SAID if reversible is None else text(reversible),
        state=_state(run, id_),
        note=_note(run, id_, about),
    )


def _approvals(about: Mapping[str, Any]) -> str:
    approvals = about.get("approvals")
    if approvals is None:
        return NOT_SAID
    return "; ".join(person(item) for item in items(approvals)) or text(approvals) or "none"


def _provenance(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return AI provenance as (name, value); empty if AI took no part or nothing is known."""
    ai = about.get("ai")
    if isinstance(ai, Mapping):
        return [
            (str(key).capitalize(), text(value))
            for key, value in ai.items()
            if value is not None and key not in HASHES
        ]
    return [("Tool", text(ai))] if ai and ai != "none" else []


def _no_ai(about: Mapping[str, Any]) -> str:
    if about.get("kind") == "rollback":
        return ""
    return NO_AI if about.get("ai") in (False, "none") else NOT_SAID


def _state(run: Run, id_: str) -> str:
    change = run.journal.change(id_)
    if change and change.done:
        return seconds(change.done.t)
    if change and change.failed:
        failed = change.failed
        how = f"{seconds(failed.t)}" if failed.refused else f"failed at {seconds(failed.t)}"
        return f"{how}: {failed.why}"
    return "not confirmed" if id_ else ""


def _note(run: Run, id_: str, about: Mapping[str, Any]) -> str:
    if about.get("rollback_of"):
        return f"takes back {text(about['rollback_of'])}"
    fault = _bad_deploy(run)
    if fault is not None and fault.intended.change == id_:
        return "the faulty one"
    return ""


def diff(patch: str) -> list[Line]:
    """Return the lines of a unified diff, each with its kind. Only a newline ends a line, as when
    it is applied."""
    return [Line(_kind(line), line) for line in patch.rstrip("\n").split("\n") if patch]


def _kind(line: str) -> str:
    if line.startswith(("--- ", "+++ ", "diff ", "index ")):
        return "file"
    return {"@": "hunk", "+": "add", "-": "del"}.get(line[:1], "same")


def faults(run: Run) -> list[dict[str, str]]:
    """Return rows of faults in words."""
    return [
        {
            "kind": fault.kind or "",
            "target": fault.target or "",
            "inject": _moment(fault.inject),
            "injected": _moment(fault.injected),
            "reverted": _moment(fault.reverted),
        }
        for fault in run.outcome.faults
    ]


def meanings(run: Run) -> list[str]:
    """Return what each fault was on the run's substrate, if that differs between substrates."""
    where = run.outcome.run.substrate or "this substrate"
    words = [f"{fault.kind} on {where}: {fault.meaning}" for fault in run.outcome.faults if fault.meaning]
    return list(dict.fromkeys(words))


def _moment(value: float | None) -> str:
    return "never" if value is None else seconds(value)

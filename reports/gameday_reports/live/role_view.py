"""What a role sees of a run: picked value by value from the picture, so that nothing leaks by itself.

The on-call, the observers and the scribe see what telemetry and people show. The scenario, its timeline, its faults and
the defect of a release are the facilitator's alone, unless nothing is secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gameday_reports.live.fold_marks import PageMark
from gameday_reports.live.journal_fold import AUTOMATION
from gameday_reports.live.map_marks import Marks, marks_of
from gameday_reports.live.picture import Picture
from gameday_reports.live.request_fold import CALM_S, Hurt

FACILITATOR, ON_CALL, OBSERVER, SCRIBE = "facilitator", "on-call", "observer", "scribe"
ROLES = (FACILITATOR, ON_CALL, OBSERVER, SCRIBE)
EARLY_S = 2.0
"""A page so long before the first bad request counts as its detection: the estimate of the first one has this error."""
MOST_ROWS = 30


@dataclass(frozen=True)
class About:
    """What the facilitator knows of a run in advance. `timeline` rows are (seconds after its start, text)."""

    title: str = ""
    hypothesis: str = ""
    story: str = ""
    timeline: Sequence[tuple[float, str]] = ()
    runbook: str | None = None
    secret: bool = True


@dataclass(frozen=True)
class AgendaRow:
    """A block of the agenda. `state` is done, current or next; `secret_title` and `detail` are for those who may know them."""

    title: str
    state: str
    when: str = ""
    length: str = ""
    result: str = ""
    secret_title: str = ""
    detail: str = ""
    secret: bool = True


@dataclass(frozen=True)
class Room:
    """What the people of a game day have put down, and where its agenda stands; plain rows for the page."""

    title: str = "Game day"
    agenda: Sequence[AgendaRow] = ()
    poll: Mapping[str, Any] | None = None
    decisions: Sequence[Mapping[str, Any]] = ()
    actions: Sequence[Mapping[str, Any]] = ()
    waiting: str = ""
    """What the facilitator has to start next; empty if nothing waits."""
    held: bool = False
    """The timeline of the run waits for the facilitator."""
    paused: bool = False
    message: str = ""
    replay: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Clock:
    """The large clock: `state` is waiting, well, hurt, calm or recovered; the intervals are None until they are known."""

    state: str
    words: str
    seconds: float
    ttd: float | None = None
    tta: float | None = None
    ttr: float | None = None


@dataclass(frozen=True)
class RoleView:
    """Everything on the page of a role. Rows are plain data that a template escapes."""

    role: str
    run: str
    now: float
    state: str
    clock: Clock
    lamps: Sequence[Mapping[str, Any]]
    pages: Sequence[Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]
    regions: Sequence[Mapping[str, Any]]
    services: Sequence[str]
    operations: Sequence[Mapping[str, Any]]
    notes: Sequence[Mapping[str, Any]]
    marks: Marks
    room: Room
    runbook: str | None
    about: About | None = None
    faults: Sequence[Mapping[str, Any]] = field(default=())
    phase: str = ""


def knows_faults(role: str, about: About) -> bool:
    """Return whether a role may know the scenario and its faults."""
    return role == FACILITATOR or (not about.secret and role in (OBSERVER, SCRIBE))


def view(picture: Picture, role: str, about: About, room: Room) -> RoleView:
    """Return what the role sees. Raise ValueError if there is no such role."""
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; roles are {', '.join(ROLES)}")
    fold, informed = picture.journal, knows_faults(role, about)
    return RoleView(
        role=role,
        run=fold.run,
        now=picture.now,
        state=_state(picture),
        clock=clock(picture),
        lamps=_lamps(picture),
        pages=[_page_row(page) for page in reversed(fold.pages.values())][:MOST_ROWS],
        changes=_changes(picture),
        regions=_regions(picture),
        services=sorted({service.name for service in picture.layout.services if service.kind == "service"}),
        operations=[
            {
                "t": o.t,
                "text": " ".join(f"{o.name} {o.target}".split()),
                "by": o.by,
                "state": o.state,
                "why": o.why,
            }
            for o in reversed(fold.operations.values())
        ][:MOST_ROWS],
        notes=[
            {"t": note.t, "text": note.text, "by": note.by}
            for note in reversed(fold.notes)
            if note.by != AUTOMATION or informed
        ][:MOST_ROWS],
        marks=marks_of(picture.layout, fold, picture.requests.flow, faults=informed),
        room=_room(room, role, about),
        runbook=about.runbook,
        about=about if informed else None,
        faults=[_fault_row(fault) for fault in fold.faults.values()] if informed else (),
        phase=fold.phase if informed else "",
    )


def _room(room: Room, role: str, about: About) -> Room:
    """Return the room as a role may know it: the agenda names a secret scenario to the facilitator alone."""
    if role == FACILITATOR:
        return room
    agenda = [replace(row, secret_title="", detail="") if row.secret else row for row in room.agenda]
    poll = (
        room.poll
        if room.poll is None or role == SCRIBE
        else {key: value for key, value in room.poll.items() if key != "guesses"}
    )
    return Room(
        title=room.title,
        agenda=agenda,
        poll=poll,
        decisions=room.decisions,
        actions=room.actions,
        replay=room.replay,
    )


def _state(picture: Picture) -> str:
    """Return where the run is, in words that don't give its fault away."""
    fold = picture.journal
    if fold.done or fold.phase == "down":
        return "over"
    return "starting" if fold.phase in ("", "up") else "running"


def clock(picture: Picture) -> Clock:
    """Return the large clock: an estimate from windows of the SLOs; the outcome of the run has the exact times."""
    hurts = picture.requests.hurts
    if picture.journal.steady_since is None:
        return Clock("waiting", "Not measured yet", 0.0)
    if not hurts:
        return Clock("well", "Users are well", 0.0)
    hurt = hurts[-1]
    now, quiet = picture.requests.now, picture.requests.now - hurt.last_bad
    pages = [page for page in picture.journal.pages.values() if page.t >= hurt.since - EARLY_S]
    ttd, tta = _response(hurt, pages)
    if hurt.until is not None:
        lasted = hurt.until - hurt.since
        return Clock("recovered", "Users were hurt for", lasted, ttd, tta, lasted)
    if quiet > CALM_S:
        lasted = hurt.last_bad - hurt.since
        return Clock("calm", f"No bad request for {quiet:.0f} s; hurt for", lasted, ttd, tta)
    return Clock("hurt", "Users hurt for", now - hurt.since, ttd, tta)


def _response(hurt: Hurt, pages: Sequence[PageMark]) -> tuple[float | None, float | None]:
    if not pages:
        return None, None
    first = pages[0]
    taken = min((page.acknowledged for page in pages if page.acknowledged is not None), default=None)
    return max(0.0, first.t - hurt.since), None if taken is None else max(0.0, taken - first.t)


def _lamps(picture: Picture) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for slo in picture.slos:
        mark = picture.requests.marks.get(slo.name)
        spent = mark.spent if mark else None
        rows.append(
            {
                "name": slo.name,
                "what": f"{slo.journey or 'all'} {slo.sli}, {slo.objective * 100:.4g} %",
                "state": mark.state if mark else "unknown",
                "bad": mark.bad if mark else 0,
                "requests": mark.requests if mark else 0,
                "left": None if spent is None else max(0.0, 1 - spent),
                "over": None if spent is None or spent <= 1 else spent,
            }
        )
    return rows


def _page_row(page: PageMark) -> dict[str, Any]:
    return {
        "id": page.alert,
        "t": page.t,
        "slo": page.slo,
        "summary": page.summary,
        "region": page.region,
        "acknowledged_by": page.acknowledged_by,
        "acknowledged": page.acknowledged,
        "resolved": page.resolved,
    }


def _changes(picture: Picture) -> list[dict[str, Any]]:
    changes = list(picture.journal.changes.values())
    return [
        {
            "id": change.change,
            "t": change.t,
            "service": change.service,
            "release": change.release,
            "previous": change.previous,
            "summary": change.summary,
            "by": change.by,
            "author": change.author,
            "state": change.state,
            "can_roll_back": change.rollback_of is None and change.state in ("running", "done"),
        }
        for change in reversed(changes)
    ][:MOST_ROWS]


def _regions(picture: Picture) -> list[dict[str, Any]]:
    fold, layout = picture.journal, picture.layout
    primary = fold.primary or (layout.regions[0] if layout.regions else "")
    rows = []
    for region in layout.regions:
        seen = fold.regions.get(region)
        rows.append(
            {
                "region": region,
                "up": seen.up if seen else True,
                "database": seen.database if seen else True,
                "drained": seen.drained if seen else False,
                "primary": region == primary,
                "rate": picture.requests.flow.get(region, 0.0),
            }
        )
    return rows


def _fault_row(fault: Any) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "target": fault.target,
        "ordered": fault.ordered,
        "injected": fault.injected,
        "reverted": fault.reverted,
        "failed": fault.failed,
        "defect": fault.defect,
    }

"""Events that come in groups, as one line: instances that died together, and changes in the edge's
view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from gameday.recording.journal import Event
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import seconds
from gameday_reports.text.loose import text
from gameday_reports.text.summary import listed

TOGETHER_S = 5.0
"""Deaths that are no further apart than this are one line."""
TURNS = 4
"""Of a region that goes up and down more often than this, the middle is said in one line."""
HOW = {"instance.died": "ended by itself", "instance.killed": "was killed"}
HOW_MANY = {"instance.died": "ended by themselves", "instance.killed": "were killed"}


def deaths(run: Run, until: float) -> Iterator[tuple[float, str]]:
    """Return (time of the first, words) for each group of instances that died or were killed before
    `until`."""
    for kind in HOW:
        for crowd in _crowds([event for event in run.of(kind) if event.t <= until]):
            yield crowd[0].t, _dead(kind, crowd)


def _crowds(events: Sequence[Event]) -> list[list[Event]]:
    found: list[list[Event]] = []
    for event in events:
        if found and event.t - found[-1][-1].t <= TOGETHER_S:
            found[-1].append(event)
        else:
            found.append([event])
    return found


def _dead(kind: str, crowd: Sequence[Event]) -> str:
    if len(crowd) == 1:
        why = text(crowd[0].data.get("why"))
        return f"Instance {crowd[0].subject} {HOW[kind]}{f': {why}' if why else ''}."
    services = Counter(text(event.data.get("service")) or "unnamed" for event in crowd)
    counts = listed([f"{service} {n}" for service, n in services.most_common()])
    regions = listed(sorted({text(event.data.get("region")) for event in crowd} - {""}))
    took = crowd[-1].t - crowd[0].t
    over = f" within {seconds(took)}" if took >= 1 else ""
    return f"{len(crowd)} instances {HOW_MANY[kind]}{f' in {regions}' if regions else ''}{over} ({counts})."


def regions(run: Run, until: float) -> Iterator[tuple[float, str]]:
    """Return (time, words) for each change in the edge's view of a region: down, without its
    database, up again."""
    since = next((event.t for event in run.of("phase") if event.subject == "steady"), 0.0)
    seen: dict[str, tuple[bool, bool]] = {}
    turns: dict[str, list[tuple[float, str]]] = {}
    for event in run.of("region.seen"):
        state = _state(event.data)
        before = seen.get(event.subject, (True, True))
        if since <= event.t <= until and state != before:
            turns.setdefault(event.subject, []).append((event.t, _turn(event.subject, before, state)))
        seen[event.subject] = state
    for region, found in turns.items():
        yield from _shortened(region, found)


def _state(data: Any) -> tuple[bool, bool]:
    """Return (up, reaches a database); the database of a region that is down is ignored."""
    up = bool(data.get("up"))
    return up, bool(data.get("database")) if up else True


def _turn(region: str, before: tuple[bool, bool], state: tuple[bool, bool]) -> str:
    if not state[0]:
        return f"The edge saw {region} down."
    if not state[1]:
        again = "up again, but " if not before[0] else ""
        return f"The edge saw {region} {again}without a way to the database."
    return f"The edge saw {region} up again." if not before[0] else f"{region} reached the database again."


def _shortened(region: str, found: list[tuple[float, str]]) -> list[tuple[float, str]]:
    if len(found) <= TURNS:
        return found
    head, middle, last = found[: TURNS - 2], found[TURNS - 2 : -1], found[-1]
    many = f"{region} went on so: {len(middle)} more turns until {seconds(middle[-1][0])}."
    return [*head, (middle[0][0], many), last]

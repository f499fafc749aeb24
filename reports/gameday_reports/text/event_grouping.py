"""Events that come in groups, as one line: instances that died together, and changes in the edge's
view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gameday.recording.journal_events import InstanceDied, InstanceKilled, RegionSeen
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import seconds
from gameday_reports.text.summary import join_names

TOGETHER_S = 5.0
"""Deaths that are no further apart than this are one line."""
TURNS = 4
"""Of a region that goes up and down more often than this, the middle is said in one line."""
Death = InstanceDied | InstanceKilled


def deaths(run: Run, until: float) -> Iterator[tuple[float, str]]:
    """Return (time of the first, words) for each group of instances that died or were killed before
    `until`."""
    for events in (run.journal.of(InstanceDied), run.journal.of(InstanceKilled)):
        for group in _groups([event for event in events if event.t <= until]):
            yield group[0].t, _dead(group)


def _groups(events: Sequence[Death]) -> list[list[Death]]:
    groups: list[list[Death]] = []
    for event in events:
        if groups and event.t - groups[-1][-1].t <= TOGETHER_S:
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def _dead(group: Sequence[Death]) -> str:
    first, by_itself = group[0], isinstance(group[0], InstanceDied)
    if len(group) == 1:
        how = "ended by itself" if by_itself else "was killed"
        return f"Instance {first.instance} {how}{f': {first.why}' if first.why else ''}."
    services = Counter(event.service or "unnamed" for event in group)
    counts = join_names([f"{service} {n}" for service, n in services.most_common()])
    regions = join_names(sorted({event.region for event in group} - {""}))
    took = group[-1].t - first.t
    over = f" within {seconds(took)}" if took >= 1 else ""
    how = "ended by themselves" if by_itself else "were killed"
    return f"{len(group)} instances {how}{f' in {regions}' if regions else ''}{over} ({counts})."


def regions(run: Run, until: float) -> Iterator[tuple[float, str]]:
    """Return (time, words) for each change in the edge's view of a region: down, without its
    database, up again."""
    steady = run.journal.phase("steady")
    since = steady.t if steady else 0.0
    seen: dict[str, tuple[bool, bool]] = {}
    turns: dict[str, list[tuple[float, str]]] = {}
    for event in run.journal.of(RegionSeen):
        state = _state(event)
        before = seen.get(event.region, (True, True))
        if since <= event.t <= until and state != before:
            turns.setdefault(event.region, []).append((event.t, _turn(event.region, before, state)))
        seen[event.region] = state
    for region, found in turns.items():
        yield from _shortened(region, found)


def _state(seen: RegionSeen) -> tuple[bool, bool]:
    """Return (up, reaches a database); the database of a region that is down is ignored."""
    return seen.up, seen.database if seen.up else True


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

"""When the system was whole again: every service of every region with its planned number of instances, none faulty,
every fault taken back, every fenced database a standby that has caught up, no region drained of its traffic.

Told from the journal's events alone; whether users were well is `clocks`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.clocks.operation_results import harmful_changes
from gameday.analysis.evidence.recorded_run import Run
from gameday.recording.journal import Event

Place = tuple[str, str, str]  # region, service, release

BEGINS: Mapping[str, str] = {
    "fault.intended": "fault",
    "fence.confirmed": "database",
    "traffic.drained": "traffic",
}
ENDS: Mapping[str, str] = {
    "fault.reverted": "fault",
    "fault.failed": "fault",
    "replica.caught_up": "database",
    "traffic.returned": "traffic",
}
GONE = ("instance.stopped", "instance.died", "instance.killed")


@dataclass(frozen=True)
class Stranded:
    """A release that a roll-back brought back to a schema it can't run on, and from when to when it couldn't."""

    release: str
    since: float
    until: float


def restored_at(run: Run, effect: float, recovered: float | None) -> float | None:
    """The time, at or after `effect`, from which full capacity stood to the end of the run; None where it didn't.

    `recovered`: when users were well again, if they ever were.
    """
    whole_since: float | None = None
    for t, whole in _states(run, stranded_releases(run, recovered)):
        if not whole:
            whole_since = None
        elif whole_since is None:
            whole_since = t
    return None if whole_since is None else max(whole_since, effect)


def _states(run: Run, stranded: Sequence[Stranded]) -> Iterator[tuple[float, bool]]:
    """(time, is it whole) after every event that bears on it, once the system was up."""
    up = run.first("phase", "warm")
    if up is None:
        return
    faulty = faulty_releases(run)
    state = _State()
    planned: Counter[tuple[str, str]] | None = None
    for event in run.events:
        if event.t > run.end:
            return
        state.follow(event)
        if event is up:
            planned = state.count()
        if planned is not None:
            bad = faulty.union(each.release for each in stranded if each.since <= event.t < each.until)
            yield event.t, not state.amiss and _is_whole(state, planned, bad)


def faulty_releases(run: Run) -> frozenset[str]:
    """Names of the releases that harmful changes shipped."""
    harmful = harmful_changes(run)
    return frozenset(
        str(each.data["release"]) for each in run.all("change.started") if each.subject in harmful
    )


def stranded_releases(run: Run, recovered: float | None) -> tuple[Stranded, ...]:
    """What a roll-back across a migration brought back, where users weren't well before the service's next change.

    A migration stays when its release is taken back. Whether the release before runs on it nobody has to know; that
    users weren't well on it shows. It is good again once the next change, with what that does to the schema, is done.
    """
    found, changes = [], run.all("change.started")
    for back in changes:
        taken = run.first("change.started", str(back.data.get("rollback_of")))
        if taken is None or not taken.data.get("migration"):
            continue
        later = [
            each
            for each in changes
            if each.t > back.t and each.data.get("service") == back.data.get("service")
        ]
        after = next((each for each in later if not each.data.get("rollback_of")), None)
        if recovered is None or (after is not None and after.t < recovered):
            done = run.first("change.done", after.subject) if after else None
            found.append(Stranded(str(back.data["release"]), back.t, done.t if done else math.inf))
    return tuple(found)


class _State:
    """Which instances run, and what is amiss: (what, where) of faults, fenced databases, drained regions."""

    def __init__(self) -> None:
        self.placed: dict[str, Place] = {}
        self.amiss: set[tuple[str, str]] = set()

    def follow(self, event: Event) -> None:
        """A deploy is amiss so long as its release runs, which `_is_whole` sees; another fault until it is reverted."""
        data, subject = event.data, event.subject
        if event.kind == "instance.ready":
            self.placed[subject] = (str(data["region"]), str(data["service"]), str(data["release"]))
        elif event.kind in GONE:
            self.placed.pop(subject, None)
        elif event.kind in BEGINS and not data.get("change"):
            self.amiss.add((BEGINS[event.kind], subject))
        elif event.kind in ENDS:
            self.amiss.discard((ENDS[event.kind], subject))

    def count(self) -> Counter[tuple[str, str]]:
        return Counter((region, service) for region, service, _ in self.placed.values())


def _is_whole(state: _State, planned: Counter[tuple[str, str]], faulty: frozenset[str]) -> bool:
    if any(release in faulty for _, _, release in state.placed.values()):
        return False
    return state.count() >= planned

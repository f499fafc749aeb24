"""Restoration: when the system had its full capacity again.

Full capacity: every service of every region has its planned number of instances, none on a faulty release, every fault
is reverted, every fenced database is a standby that has caught up, and no region is drained of its traffic. Only the
journal's events are read; `clocks` says whether users were well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gameday.analysis.clocks.operation_results import harmful_changes
from gameday.analysis.evidence.recorded_run import Run
from gameday.recording.journal_events import (
    FaultFailed,
    FaultIntended,
    FaultReverted,
    FenceConfirmed,
    InstanceDied,
    InstanceKilled,
    InstanceReady,
    InstanceStopped,
    ReplicaCaughtUp,
    TrafficDrained,
    TrafficReturned,
)
from gameday.recording.journal_index import RecordedEvent

Place = tuple[str, str, str]  # region, service, release


@dataclass(frozen=True)
class Stranded:
    """A release that a rollback put on a schema it can't run on, with the begin and end of that time."""

    release: str
    since: float
    until: float


def restored_at(run: Run, effect: float, recovered: float | None) -> float | None:
    """Return the time, at or after `effect`, from which full capacity lasted to the end of the run; None if it didn't.

    `recovered`: when users were well again, None if they never were.
    """
    whole_since: float | None = None
    for t, whole in _states(run, stranded_releases(run, recovered)):
        if not whole:
            whole_since = None
        elif whole_since is None:
            whole_since = t
    return None if whole_since is None else max(whole_since, effect)


def _states(run: Run, stranded: Sequence[Stranded]) -> Iterator[tuple[float, bool]]:
    """Yield (time, full capacity or not) after every event, once the system was up."""
    up = run.journal.phase("warm")
    if up is None:
        return
    faulty = faulty_releases(run)
    state = _State()
    planned: Counter[tuple[str, str]] | None = None
    for event in run.journal.events:
        if event.t > run.end:
            return
        state.follow(event)
        if event == up:
            planned = state.count()
        if planned is not None:
            stuck = (each.release for each in stranded if each.since <= event.t < each.until)
            bad = faulty.union(stuck)
            yield event.t, not state.amiss and _is_whole(state, planned, bad)


def faulty_releases(run: Run) -> frozenset[str]:
    """Return the names of the releases that harmful changes shipped."""
    harmful = harmful_changes(run)
    return frozenset(change.started.release for change in run.changes if change.id in harmful)


def stranded_releases(run: Run, recovered: float | None) -> tuple[Stranded, ...]:
    """Return the releases that a rollback across a migration restored, if users weren't well before the next change.

    A migration stays when its release is rolled back. Whether the previous release can run on the new schema isn't
    declared; it shows in whether users were well. The release is good again once the service's next change is done.
    """
    stranded: list[Stranded] = []
    for back in run.changes:
        reverted = run.journal.change(back.started.rollback_of)
        if reverted is None or not reverted.started.migration:
            continue
        later = [
            change
            for change in run.changes
            if change.t > back.t and change.started.service == back.started.service
        ]
        after = next((change for change in later if not change.started.rollback_of), None)
        if recovered is None or (after is not None and after.t < recovered):
            until = after.done.t if after and after.done else math.inf
            stranded.append(Stranded(back.started.release, back.t, until))
    return tuple(stranded)


class _State:
    """The running instances and the open damage: (kind, place) of faults, fenced databases and
    drained regions."""

    def __init__(self) -> None:
        self.placed: dict[str, Place] = {}
        self.amiss: set[tuple[str, str]] = set()

    def follow(self, event: RecordedEvent) -> None:
        """Apply an event. A bad deploy isn't damage here: `_is_whole` checks the running releases."""
        match event:
            case InstanceReady():
                self.placed[event.instance] = (event.region, event.service, event.release)
            case InstanceStopped() | InstanceDied() | InstanceKilled():
                self.placed.pop(event.instance, None)
            case FaultIntended() if not event.change:
                self.amiss.add(("fault", event.fault))
            case FaultReverted() | FaultFailed():
                self.amiss.discard(("fault", event.fault))
            case FenceConfirmed():
                self.amiss.add(("database", event.region))
            case ReplicaCaughtUp():
                self.amiss.discard(("database", event.region))
            case TrafficDrained():
                self.amiss.add(("traffic", event.region))
            case TrafficReturned():
                self.amiss.discard(("traffic", event.region))

    def count(self) -> Counter[tuple[str, str]]:
        return Counter((region, service) for region, service, _ in self.placed.values())


def _is_whole(state: _State, planned: Counter[tuple[str, str]], faulty: frozenset[str]) -> bool:
    if any(release in faulty for _, _, release in state.placed.values()):
        return False
    return state.count() >= planned

"""When the system was whole again: every service of every region with its planned number of instances, none faulty.

Told from the journal's instance events alone; whether users were well is `clocks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runner.journal import Event
from runner.measure.operations import harmful_changes
from runner.measure.run import Run

Place = tuple[str, str, str]  # region, service, release


def restored_at(run: Run, effect: float) -> float | None:
    """The time, at or after `effect`, from which full capacity stood to the end of the run; None where it didn't."""
    whole_since: float | None = None
    for t, whole in _states(run):
        if not whole:
            whole_since = None
        elif whole_since is None:
            whole_since = t
    return None if whole_since is None else max(whole_since, effect)


def _states(run: Run) -> Iterator[tuple[float, bool]]:
    """(time, is it whole) after every event that bears on it, once the system was up."""
    up = run.first("phase", "warm")
    if up is None:
        return
    faulty = faulty_releases(run)
    placed: dict[str, Place] = {}
    active: set[str] = set()
    planned: Counter[tuple[str, str]] | None = None
    for event in run.events:
        if event.t > run.end:
            return
        _replay(event, placed, active)
        if event is up:
            planned = Counter((region, service) for region, service, _ in placed.values())
        if planned is not None:
            yield event.t, not active and _is_whole(placed, planned, faulty)


def faulty_releases(run: Run) -> frozenset[str]:
    """Names of the releases that harmful changes shipped."""
    harmful = harmful_changes(run)
    return frozenset(str(each.data["release"]) for each in run.all("change.started") if each.subject in harmful)


def _replay(event: Event, placed: dict[str, Place], active: set[str]) -> None:
    if event.kind == "instance.ready":
        data = event.data
        placed[event.subject] = (str(data["region"]), str(data["service"]), str(data["release"]))
    elif event.kind in ("instance.stopped", "instance.died"):
        placed.pop(event.subject, None)
    elif event.kind == "fault.intended" and not event.data.get("change"):
        active.add(event.subject)
    elif event.kind in ("fault.reverted", "fault.failed"):
        active.discard(event.subject)


def _is_whole(placed: dict[str, Place], planned: Counter[tuple[str, str]], faulty: frozenset[str]) -> bool:
    if any(release in faulty for _, _, release in placed.values()):
        return False
    return Counter((region, service) for region, service, _ in placed.values()) >= planned

"""When the database was lost, and how far back orders went with it: the recovery point.

A database is lost when a fault killed its instance (where the journal lacks that: when it was `injected`), when its
environment was deleted, or, cut off and alive, when it was fenced for sure. What was lost is for `audit`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gameday.analysis.evidence.recorded_run import Run
from gameday.recording.journal_events import (
    DatabasePromoted,
    EnvironmentDeleted,
    FenceConfirmed,
    InstanceKilled,
)

DATABASE = "postgres"
KILLS = ("region.lose", "database.kill")


def recovery_point(run: Run, acknowledged: npt.NDArray[np.float64]) -> float | None:
    """Loss time − when the oldest of these lost orders was acknowledged; 0 if none is lost.

    The loss is the first after that; an answer on its way may be read a little later than its sender died, at most a
    client's time-out. None where no loss of a database explains the lost orders.
    """
    if not len(acknowledged):
        return 0.0
    oldest = float(acknowledged.min())
    t = min((t for t in loss_times(run) if t >= oldest - run.scenario.load.timeout), default=None)
    return None if t is None else max(0.0, t - oldest)


def loss_times(run: Run) -> list[float]:
    """Every time at which the database that took the writes was lost, rising."""
    times = [event.t for event in run.journal.of(FenceConfirmed)]
    for fault in run.faults:
        hit = (fault.intended.region or fault.intended.target).partition(".")[0]
        if fault.intended.kind in KILLS and hit == primary_at(run, fault.t) and fault.injected:
            times.append(_killed(run, hit, fault.t, fault.injected.t))
    deleted = run.journal.of(EnvironmentDeleted)
    times += [event.t for event in deleted if event.region == primary_at(run, event.t)]
    return sorted(times)


def _killed(run: Run, region: str, since: float, until: float) -> float:
    """A region takes some time to be lost, and its database is gone long before the last of it; at most `until`."""
    for event in run.journal.of(InstanceKilled):
        if (event.service, event.region) == (DATABASE, region) and since <= event.t <= until:
            return event.t
    return until


def primary_at(run: Run, t: float) -> str:
    """The region whose database took the writes just before `t`."""
    promoted = [event.region for event in run.journal.of(DatabasePromoted) if event.t < t]
    return promoted[-1] if promoted else run.scenario.system.regions[0]

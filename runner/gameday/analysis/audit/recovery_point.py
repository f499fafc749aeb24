"""Recovery point: when the database was lost, and how far back orders were lost with it.

A database is lost when a fault kills its instance (at the fault's `injected`, if the journal doesn't record the kill),
when its environment is deleted, or, cut off but alive, when its fence is confirmed. `order_audit` finds what was lost.
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
    RegionSeen,
)
from gameday.scenario.system_under_test import STOREFRONT

DATABASE = STOREFRONT.database
KILLS = ("region.lose", "database.kill")


def recovery_point(run: Run, acknowledged: npt.NDArray[np.float64]) -> float | None:
    """Return the loss time minus when the oldest of these lost orders was acknowledged, in seconds; 0 if none is lost.

    The loss is the first one after that acknowledgement. An answer in flight may be read after its sender died, by at
    most a client's time-out. None if no loss of a database explains the lost orders.
    """
    if not len(acknowledged):
        return 0.0
    oldest = float(acknowledged.min())
    t = min((t for t in loss_times(run) if t >= oldest - run.scenario.load.timeout), default=None)
    return None if t is None else max(0.0, t - oldest)


def loss_times(run: Run) -> list[float]:
    """Return every time at which the primary database was lost, ascending."""
    times = [event.t for event in run.journal.of(FenceConfirmed)]
    for fault in run.faults:
        hit = (fault.intended.region or fault.intended.target).partition(".")[0]
        if fault.intended.kind in KILLS and hit == primary_at(run, fault.t) and fault.injected:
            times.append(_killed(run, hit, fault.t, fault.injected.t))
    deleted = run.journal.of(EnvironmentDeleted)
    times += [event.t for event in deleted if event.region == primary_at(run, event.t)]
    return sorted(times)


def _killed(run: Run, region: str, since: float, until: float) -> float:
    """Return when the region's database was killed, at most `until`: losing a whole region takes longer."""
    for event in run.journal.of(InstanceKilled):
        if (event.service, event.region) == (DATABASE, region) and since <= event.t <= until:
            return event.t
    return until


def primary_at(run: Run, t: float) -> str:
    """Return the region whose database was the primary just before `t`."""
    promoted = [event.region for event in run.journal.of(DatabasePromoted) if event.t < t]
    return promoted[-1] if promoted else run.scenario.system.regions[0]


def asynchronous_seconds(run: Run) -> float | None:
    """Return for how long some region acknowledged orders without a standby; None if replication is asynchronous."""
    if run.scenario.system.replication.mode != "sync":
        return None
    regions: set[str] = set()
    total = since = 0.0
    for event in run.journal.of(RegionSeen):
        before = bool(regions)
        (regions.add if event.asynchronous else regions.discard)(event.region)
        if regions and not before:
            since = event.t
        elif before and not regions:
            total += event.t - since
    return round(total + (max(run.end - since, 0.0) if regions else 0.0), 3)

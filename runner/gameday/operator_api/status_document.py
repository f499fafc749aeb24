"""Types of the status that the operators' API answers with; docs/operator-api.yaml describes every key.

Times are seconds since the run's start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class AlertRow(TypedDict):
    """An alert that pages; `acknowledged_by` is a role, None if nobody has taken it."""

    id: str
    t: float
    slo: str
    summary: str
    region: str | None
    journey: str | None
    acknowledged_by: str | None


class SloRow(TypedDict):
    """An SLO over its last window; `state` is ok, breach or unknown."""

    name: str
    sli: str
    objective: float
    journey: str | None
    state: str
    requests: int
    bad: int


class ChangeRow(TypedDict):
    """A change of the feed; `author` is empty for a rollback."""

    id: str
    t: float
    service: str
    release: str
    previous: str
    kind: str
    summary: str
    by: str
    author: str
    state: str
    rollback_of: str | None


class RegionRow(TypedDict):
    """A region as the edge sees it, and for how many seconds this has been so."""

    region: str
    up: bool
    database: bool
    drained: bool
    primary: bool
    since_s: float


class OperationRow(TypedDict):
    """A requested operation; `why` is None unless it failed or was refused."""

    id: str
    name: str
    target: str
    change: str | None
    text: str
    by: str
    state: str
    why: str | None


class SuspectRow(TypedDict):
    """A change in flight; `odds` from 0 to 1 that it is the cause. Its requests, and those without it, since it began."""

    change: str
    service: str
    release: str
    author: str
    odds: float
    bad: int
    requests: int
    bad_without: int
    requests_without: int


class StatusDocument(TypedDict):
    """The whole status; `phase` is running or ended."""

    run: str
    now: float
    phase: str
    runbook: str | None
    alerts: Sequence[AlertRow]
    slos: Sequence[SloRow]
    changes: Sequence[ChangeRow]
    regions: Sequence[RegionRow]
    operations: Sequence[OperationRow]
    suspects: Sequence[SuspectRow]

"""What an operator can do to the system. People, automation and agents all act through these.

This file only names them; `gameday.system.deployer` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OperationName = Literal["ack", "rollback", "failover", "promote", "rejoin", "restart", "flag", "note"]
ChangeState = Literal["running", "done", "failed", "refused", "rolled-back"]
"""Refused: the system itself said no, and nothing was done."""


@dataclass(frozen=True)
class Operation:
    """`target`: a service for rollback and restart, an alert id for ack, a region for failover, promote and
    rejoin, a flag for flag.

    `change` is the id of the change that a rollback takes back; None means the latest one of the service.
    """

    name: OperationName
    target: str
    by: str
    change: str | None = None
    text: str = ""


@dataclass(frozen=True)
class Alert:
    """Raised by a detector from telemetry alone. `t` in seconds since the run's start."""

    id: str
    t: float
    detector: str
    side: Literal["client", "service"]
    pages: bool
    slo: str
    summary: str
    region: str | None = None
    journey: str | None = None


@dataclass(frozen=True)
class Change:
    """One entry of the change feed, as anyone on call sees it: what shipped, when, by whom; never what is wrong."""

    id: str
    t: float
    service: str
    release: str
    previous: str
    kind: str
    summary: str
    by: str
    state: ChangeState
    rollback_of: str | None = None
    author: str = ""
    """Role and level of who wrote it, and whether an assistant did with them; empty of a rollback."""

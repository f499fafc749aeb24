"""Operations: what an operator can do to the system. People, automation and agents all act through them.

This module names and describes them; `gameday.system.operation_kinds` registers the built-in ones and
`gameday.system.operation_executor` executes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ChangeState = Literal["running", "paused", "done", "failed", "refused", "rolled-back"]
"""`refused`: the system rejected the change, and nothing was done."""


@dataclass(frozen=True)
class Operation:
    """One operation. `name` is registered in `gameday.registries.OPERATIONS`, whose kind says what `target` is.

    `change` is the id of the change that a rollback reverts; None means the latest one of the service.
    """

    name: str
    target: str
    by: str
    change: str | None = None
    text: str = ""


@dataclass(frozen=True)
class OperationKind:
    """A kind of operation, and how it is executed.

    `summary` is the help of its command. `target` says what its target is, such as "a region"; it takes none if this
    is empty, and needn't be given one unless `needs_target`. `pattern` is a regular expression that the whole target
    must match. `needs_text`: it is a text. `takes_change`: it may name a change. `execute(executor, operation, change)`
    acts on `executor.system`, an `OperationExecutor`'s; `change` is the id for a change that comes of it. It returns
    the id of the change that it reverted, if any, and raises PortError if it fails.
    """

    name: str
    summary: str
    execute: Callable[[Any, Operation, str], str | None]
    target: str = ""
    needs_target: bool = True
    pattern: str = ""
    needs_text: bool = False
    takes_change: bool = False


def reject(name: str, kind: object) -> str | None:
    """Return why an object can't be registered as a kind of operation, or None if it can."""
    if not isinstance(kind, OperationKind):
        return f"is a {type(kind).__name__}; a gameday.operations.OperationKind is expected"
    return f"is named {kind.name!r}; the entry point's name must be the same" if kind.name != name else None


@dataclass(frozen=True)
class Alert:
    """Raised by a detector from telemetry alone. `t` in seconds since the run's start."""

    id: str
    t: float
    detector: str
    side: Literal["client", "service", "outside"]
    pages: bool
    slo: str
    summary: str
    region: str | None = None
    journey: str | None = None


@dataclass(frozen=True)
class Change:
    """One entry of the change feed, as people on call see it: what shipped, when, by whom; never what is wrong."""

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
    """Role and level of the author, and whether an assistant was used; empty for a rollback."""


@dataclass(frozen=True)
class Suspect:
    """A change in flight with the probability, from 0 to 1, that it is the cause of the bad requests.

    `bad` of `requests` with its release were bad, and `bad_without` of `requests_without`, since it began to ship. A
    request whose answer names no release counts by the share of the release at its time.
    """

    change: str
    t: float
    service: str
    release: str
    author: str
    odds: float
    bad: int
    requests: int
    bad_without: int
    requests_without: int

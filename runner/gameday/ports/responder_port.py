"""The Protocol of responders, and what a responder sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gameday.operations import Alert, Change, Operation, Suspect
from gameday.scenario.system_under_test import STOREFRONT


@dataclass(frozen=True)
class Health:
    """A region as the edge sees it.

    `up`: its gateway answers; `database`: its services can write; `drained`: an operator sends it no traffic; `since`:
    seconds for which this has been so. `asynchronous`: orders are acknowledged without a standby though replication is
    synchronous.
    """

    up: bool
    database: bool
    drained: bool
    since: float
    asynchronous: bool = False


class Sight(Protocol):
    """Follows the edge's checks of the regions."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def regions(self) -> Mapping[str, Health]:
        """Return the last answer; empty before the first one, and if the last one is too old."""
        ...


@dataclass(frozen=True)
class View:
    """All that a responder sees: never the fault."""

    now: float
    alerts: Sequence[Alert] = ()
    changes: Sequence[Change] = ()
    operations: Sequence[tuple[Operation, str]] = field(default=())
    """Every operation so far with its state: running, done, failed."""
    regions: Mapping[str, Health] = field(default_factory=dict)
    """The edge's checks of each region; empty before the first answer."""
    primary: str = ""
    """The region whose database takes writes, by the operators' own records."""
    database: str = STOREFRONT.database
    """The name of the database's service."""
    suspects: Sequence[Suspect] = ()
    """The changes in flight by the odds that they are the cause; empty before the first page, and if the scenario
    doesn't rank them."""
    ranked: float | None = None
    """When the suspects were last ranked; None before the first time."""


class Responder(Protocol):
    """Decides which operations answer the alerts; the engine executes and stamps them."""

    kind: str
    policy: str | None

    def poll(self, view: View) -> Sequence[Operation]: ...

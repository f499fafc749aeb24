"""What the engine is told (events) and what it asks for (actions). `t` is in seconds since the run's start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gameday.operations import Alert, Operation

# --- events: what happened -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tick:
    """`waits`: what the run waits for just now, as far as that is known."""

    t: float
    waits: tuple[str, ...] = ()


@dataclass(frozen=True)
class SystemUp:
    t: float


@dataclass(frozen=True)
class LoadStarted:
    t: float
    begin: float


@dataclass(frozen=True)
class Health:
    """The SLOs as the samples show them up to `end`: are all ok, did one ever breach, and since when do all hold."""

    t: float
    end: float
    why_not_ok: str
    breached: bool
    holding_since: float | None


@dataclass(frozen=True)
class Raised:
    t: float
    alert: Alert


@dataclass(frozen=True)
class Requested:
    """A responder or an operator wants this done; without an `id` the engine draws one."""

    t: float
    operation: Operation
    id: str = ""


@dataclass(frozen=True)
class EntryEnded:
    t: float
    index: int


@dataclass(frozen=True)
class OperationEnded:
    t: float
    id: str
    ok: bool


@dataclass(frozen=True)
class Failed:
    """The tool or the substrate failed; the run can't go on."""

    t: float
    where: str
    why: str


@dataclass(frozen=True)
class Interrupted:
    t: float
    signal: str


@dataclass(frozen=True)
class Stop:
    """An abort condition of the scenario holds; `values` are those that it used."""

    t: float
    expr: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Closed:
    t: float
    left: Sequence[str]


Event = (
    Tick
    | SystemUp
    | LoadStarted
    | Health
    | Raised
    | Requested
    | EntryEnded
    | OperationEnded
    | Failed
    | Interrupted
    | Stop
    | Closed
)


# --- actions: what to do ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BringUp:
    pass


@dataclass(frozen=True)
class StartLoad:
    pass


@dataclass(frozen=True)
class Calibrate:
    """The steady state was met: detectors learn from the outcomes since `since`."""

    since: float


@dataclass(frozen=True)
class Order:
    """Carry out the timeline's entry `index`."""

    index: int


@dataclass(frozen=True)
class Page:
    alert: Alert


@dataclass(frozen=True)
class Carry:
    """Carry out an operation under this id."""

    id: str
    operation: Operation


@dataclass(frozen=True)
class Rearm:
    """Detectors may raise again, on requests planned from `since` on."""

    since: float


@dataclass(frozen=True)
class Log:
    kind: str
    subject: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Close:
    """Stop the load, collect what the audit needs (`collect`), take the system down.

    `at_once`: what the run did to the system is taken back first of all.
    """

    collect: bool
    at_once: bool = False


Action = BringUp | StartLoad | Calibrate | Order | Page | Carry | Rearm | Log | Close

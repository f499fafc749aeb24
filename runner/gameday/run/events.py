"""The engine's input (events) and output (actions). Every `t` is in seconds since the run's start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday.operations import Alert, Operation
from gameday.recording.journal_events import JournalEvent

# --- events: what happened -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tick:
    """Time passed. `waiting_for` names what the run is waiting for, as far as that is known."""

    t: float
    waiting_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class SystemUp:
    """Every instance of the system is ready."""

    t: float


@dataclass(frozen=True)
class LoadStarted:
    """The load runs; its first request was planned for `begin`."""

    t: float
    begin: float


@dataclass(frozen=True)
class Health:
    """The SLOs according to all samples up to `end`."""

    t: float
    end: float
    why_not_ok: str
    """Which SLOs don't hold and why; "" if all hold."""
    breached: bool
    """True if some SLO was in breach at any time so far."""
    holding_since: float | None
    """Since when every SLO has held; None if one doesn't."""
    unsettled_well: bool = True
    """False if the answers so far to requests planned after `end` show a breach, or too few have come."""


@dataclass(frozen=True)
class AlertRaised:
    """A detector raised an alert."""

    t: float
    alert: Alert


@dataclass(frozen=True)
class OperationRequested:
    """A responder or an operator requests an operation. The engine draws an id if `id` is empty."""

    t: float
    operation: Operation
    id: str = ""


@dataclass(frozen=True)
class EntryEnded:
    """The timeline's entry `index` is over, including the time its fault lasted."""

    t: float
    index: int


@dataclass(frozen=True)
class OperationEnded:
    """An operation succeeded (`ok`) or failed."""

    t: float
    id: str
    ok: bool


@dataclass(frozen=True)
class TimelineReleased:
    """The facilitator wants the timeline's next entry now."""

    t: float


@dataclass(frozen=True)
class Failed:
    """The tool or the substrate failed; the run can't go on."""

    t: float
    where: str
    why: str


@dataclass(frozen=True)
class Interrupted:
    """A signal ends the run."""

    t: float
    signal: str


@dataclass(frozen=True)
class AbortConditionMet:
    """An abort condition of the scenario is true; `values` are the values that it used."""

    t: float
    expr: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class TornDown:
    """The teardown is over; `left` says what couldn't be removed."""

    t: float
    left: Sequence[str]


Event = (
    Tick
    | SystemUp
    | LoadStarted
    | Health
    | AlertRaised
    | OperationRequested
    | EntryEnded
    | OperationEnded
    | TimelineReleased
    | Failed
    | Interrupted
    | AbortConditionMet
    | TornDown
)


# --- actions: what to do ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BringUp:
    """Start the system."""


@dataclass(frozen=True)
class StartLoad:
    """Start the load and the telemetry."""


@dataclass(frozen=True)
class Calibrate:
    """Calibrate the detectors on the outcomes since `since`: the steady state was met."""

    since: float


@dataclass(frozen=True)
class BeginEntry:
    """Carry out the timeline's entry `index`."""

    index: int


@dataclass(frozen=True)
class Page:
    """Deliver a page for the alert."""

    alert: Alert


@dataclass(frozen=True)
class Execute:
    """Execute an operation under this id."""

    id: str
    operation: Operation


@dataclass(frozen=True)
class Resolve:
    """Resolve the page of an alert, since its SLO holds again."""

    alert: str


@dataclass(frozen=True)
class Rearm:
    """Let detectors raise again, on requests planned from `since` on."""

    since: float


@dataclass(frozen=True)
class Log:
    """Append the event to the journal, stamped with the time at which it is written."""

    event: JournalEvent


@dataclass(frozen=True)
class TearDown:
    """Stop the load, collect what the audit needs if `collect`, tear the system down.

    `at_once`: revert the faults before anything else.
    """

    collect: bool
    at_once: bool = False


Action = BringUp | StartLoad | Calibrate | BeginEntry | Page | Execute | Rearm | Resolve | Log | TearDown

"""State of the engine: the plan of a run, and everything known of the run so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gameday.operations import Alert, Operation
from gameday.run.events import Action, Health
from gameday.run.timeouts import TIMEOUTS, Timeouts

Phase = Literal["up", "warm", "steady", "fault", "down", "done"]
Reason = Literal["held", "no_effect", "give_up", "unsteady", "stopped", "interrupted", "error"]


@dataclass(frozen=True)
class Plan:
    """The times of a scenario, in seconds. `entries` holds each timeline entry's `at`, from the end of steady state."""

    warmup: float
    steady: float
    entries: tuple[float, ...]
    hold: float
    give_up: float
    window: float
    lookback: float
    """The client's time-out: every request planned longer ago has been answered or counts as bad."""
    secret: bool = False
    """Drill mode: reject operations until there is an alert or a breach, so that a rejection doesn't reveal whether
    the fault has started."""
    held: bool = False
    """The timeline waits for the facilitator once the steady state was met."""
    timeouts: Timeouts = TIMEOUTS


@dataclass(frozen=True)
class State:
    """Everything the engine knows. Times are seconds since the run's start; None means not yet."""

    plan: Plan
    phase: Phase = "up"
    waiting_for: tuple[str, ...] = ()
    """What the phase is waiting for, as far as that is known."""
    changed_at: float = 0.0
    """When `phase` or `waiting_for` last changed."""
    load_began: float | None = None
    steady_from: float | None = None
    steady_met: bool = False
    """The steady state was met. The timeline starts one tick later, once the detectors are calibrated."""
    released: bool = False
    """The facilitator let the timeline begin."""
    timeline_zero: float | None = None
    """When the timeline started; its entries' `at` counts from here."""
    entries_begun: int = 0
    last_entry_at: float = 0.0
    entries_ended: frozenset[int] = frozenset()
    last_ended_at: float = 0.0
    """When the last timeline entry or operation ended."""
    health: Health | None = None
    alerts: tuple[Alert, ...] = ()
    """Paging alerts raised since the last operation ended."""
    open_pages: tuple[Alert, ...] = ()
    """Paging alerts whose pages aren't resolved."""
    last_alert_at: float | None = None
    """When the last alert was raised since the detectors were armed."""
    alerts_raised: int = 0
    """The number of alerts since the steady state began."""
    pages_raised: int = 0
    """The number of those alerts that page."""
    operations: tuple[tuple[str, Operation, str], ...] = ()
    """(id, operation, running | done | failed | refused)."""
    reason: Reason | None = None
    left: tuple[str, ...] = ()
    """What couldn't be torn down."""

    @property
    def held(self) -> bool:
        """True while the timeline waits for the facilitator."""
        return self.phase == "steady" and self.steady_met and self.plan.held and not self.released

    @property
    def accepts_operations(self) -> bool:
        """True while the timeline runs; in a drill only from the first page or breach on."""
        visible = self.pages_raised > 0 or (self.health is not None and self.health.breached)
        return self.phase == "fault" and (visible or not self.plan.secret)

    @property
    def busy(self) -> bool:
        """True while a timeline entry or an operation is in flight or still to come."""
        pending = len(self.entries_ended) < len(self.plan.entries)
        return pending or any(status == "running" for _, _, status in self.operations)


Step = tuple[State, tuple[Action, ...]]

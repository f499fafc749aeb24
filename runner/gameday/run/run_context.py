"""Everything that one run uses; wiring fills it, the interpreter uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gameday.operations import Alert
from gameday.ports import Load, Responder, Sight, Telemetry
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import OrdersCollected
from gameday.recording.samples import Samples
from gameday.run.run_state import Plan, State
from gameday.run.timeline import Bind
from gameday.run.timeouts import TIMEOUTS, Timeouts
from gameday.scenario import Scenario
from gameday.system.deploy_and_rollback import Deployer


class Screen(Protocol):
    """Shows the progress of a run; see `gameday.console.progress`."""

    def status(self, state: State, now: float) -> None: ...


class Pages(Protocol):
    """Delivers pages to receivers outside, without blocking."""

    def page(self, alert: Alert) -> None: ...

    def taken(self, alert: str, by: str) -> None: ...

    def resolve(self, alert: str) -> None: ...


class Abort(Protocol):
    """Evaluates the scenario's abort conditions; see `gameday.analysis.expressions.abort_conditions`.

    Returns the first condition that is true with the values that it used, else None.
    """

    def __call__(
        self, samples: Samples, *, steady: float, zero: float, end: float, now: float, alerts: int, pages: int
    ) -> tuple[str, Mapping[str, Any]] | None: ...


@dataclass(frozen=True)
class RunContext:
    """The scenario of a run, and every part of the world that the engine's actions use."""

    scenario: Scenario
    deployer: Deployer
    load: Load
    telemetry: Telemetry
    responder: Responder
    journal: Journal
    clock: Clock
    samples: Callable[[], Samples]
    addresses: Callable[[], Mapping[str, tuple[str, int]]]
    collect: Callable[[], OrdersCollected | None]
    """Collects the orders for the audit; returns the journal's event, None if there is nothing to collect."""
    bind: Bind
    defect: Callable[[str], str | None]
    """Returns what is wrong with a release; called only to journal a bad deploy as a fault."""
    sight: Sight
    pages: Pages
    screen: Screen
    down: Callable[[bool], Sequence[str]]
    """Tears the system down, or keeps it up for another trial if the run went well (the argument); returns what
    couldn't be removed."""
    abort: Abort | None = None
    """None if the scenario has no abort condition."""
    timeouts: Timeouts = TIMEOUTS
    jitter: float = 0.0
    """Seconds added to the steady state."""
    secret: bool = False
    """A drill: the on-call learns of the fault only by its symptoms."""
    deliver: Callable[[str, bytes], int] | None = None
    """Takes a payload of alerts from outside for a detector; None if no detector takes any."""
    held: bool = False
    """The timeline waits for the facilitator's word."""


def plan_of(context: RunContext) -> Plan:
    """Return the times of the context's scenario, for the engine."""
    scenario = context.scenario
    return Plan(
        warmup=scenario.load.warmup,
        steady=scenario.steady_state.for_ + context.jitter,
        entries=tuple(entry.at for entry in scenario.timeline),
        hold=scenario.hold,
        give_up=scenario.give_up,
        window=max(slo.window for slo in scenario.slos),
        lookback=scenario.load.timeout,
        secret=context.secret,
        held=context.held,
        timeouts=context.timeouts,
    )

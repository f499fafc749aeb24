"""All that a run touches, as the interpreter is given it by the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runner import engine
from runner.clock import Clock
from runner.journal import Journal
from runner.limits import LIMITS, Limits
from runner.operations import Alert
from runner.operator import Operator
from runner.ports import Load, Responder, Sight, Telemetry
from runner.samples import Samples
from runner.scenario import Scenario
from runner.timeline import Bind


class Screen(Protocol):
    """Where people follow a run; see `runner.screen`."""

    def status(self, state: engine.State, now: float) -> None: ...


class Pages(Protocol):
    """Receivers outside that are told of pages; nothing here ever waits for them."""

    def page(self, alert: Alert) -> None: ...

    def taken(self, alert: str, by: str) -> None: ...


class Abort(Protocol):
    """The scenario's abort conditions, on what samples and alerts say now; see `runner.measure.live`."""

    def __call__(
        self, samples: Samples, *, steady: float, zero: float, end: float, now: float, alerts: int, pages: int
    ) -> tuple[str, Mapping[str, Any]] | None: ...


@dataclass(frozen=True)
class World:
    """All that the engine's actions touch."""

    scenario: Scenario
    operator: Operator
    load: Load
    telemetry: Telemetry
    responder: Responder
    journal: Journal
    clock: Clock
    samples: Callable[[], Samples]
    addresses: Callable[[], Mapping[str, tuple[str, int]]]
    collect: Callable[[], Mapping[str, Any]]
    bind: Bind
    defect: Callable[[str], str | None]
    """What is wrong with a release; asked only to write the journal's fault."""
    sight: Sight
    pages: Pages
    screen: Screen
    down: Callable[[bool], Sequence[str]]
    """Ends the run's hold on the system: told whether all went well; what couldn't be removed."""
    abort: Abort | None = None
    """None where the scenario has no condition that would end it."""
    limits: Limits = LIMITS
    jitter: float = 0.0
    """Seconds added to the steady state."""
    secret: bool = False
    """A drill: nobody on call may learn whether anything has happened but from what they see."""


def plan_of(world: World) -> engine.Plan:
    scenario = world.scenario
    return engine.Plan(
        warmup=scenario.load.warmup,
        steady=scenario.steady_state.for_ + world.jitter,
        entries=tuple(entry.at for entry in scenario.timeline),
        hold=scenario.hold,
        give_up=scenario.give_up,
        window=max(slo.window for slo in scenario.slos),
        lookback=scenario.load.timeout,
        secret=world.secret,
        limits=world.limits,
    )

"""All that a run touches, as the interpreter is given it by the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gameday.operations import Alert
from gameday.ports import Load, Responder, Sight, Telemetry
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.samples import Samples
from gameday.run import engine
from gameday.run.timeline import Bind
from gameday.run.timeouts import LIMITS, Limits
from gameday.scenario import Scenario
from gameday.system.deployer import Operator


class Screen(Protocol):
    """Where people follow a run; see `gameday.console.progress`."""

    def status(self, state: engine.State, now: float) -> None: ...


class Pages(Protocol):
    """Receivers outside that are told of pages; nothing here ever waits for them."""

    def page(self, alert: Alert) -> None: ...

    def taken(self, alert: str, by: str) -> None: ...


class Abort(Protocol):
    """The scenario's abort conditions, on what samples and alerts say now; see `gameday.analysis.expressions.abort_conditions`."""

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

"""Steps of a recorded watch: what it saw, when, and what it took for normal. `replay` plays them again."""

from __future__ import annotations

from dataclasses import dataclass

from gameday.scenario import Scenario
from gameday.telemetry.outcome_stream import Outcome, Pending


@dataclass(frozen=True)
class Look:
    """One shard's news at one poll of the watch, for each SLO in the scenario's order; `last` shard of that poll."""

    t: float
    seen: tuple[list[Outcome], ...]
    last: bool


@dataclass(frozen=True)
class Calibration:
    """What is taken as normal for one SLO from `t` on."""

    t: float
    slo: str
    p0: float
    rate: float
    steady: list[Outcome]


@dataclass(frozen=True)
class Rearming:
    """Detectors may raise again, on requests planned at or after `since`."""

    t: float
    since: float


@dataclass(frozen=True)
class Overdue:
    """Requests that have waited for their answer for long."""

    t: float
    requests: tuple[Pending, ...]


@dataclass(frozen=True)
class Received:
    """A payload of alerts from outside that arrived for a detector."""

    t: float
    detector: str
    body: bytes


@dataclass(frozen=True)
class CarryingOver:
    """Alerts from outside that have been firing since before `since` are raised."""

    t: float
    since: float


Step = Look | Calibration | Rearming | Overdue | Received | CarryingOver


@dataclass(frozen=True)
class Recording:
    """Every step of one run's watch, in order. `steady_from` and `quiet_until` are None if the run ended before."""

    scenario: Scenario
    steps: tuple[Step, ...]
    steady_from: float | None
    quiet_until: float | None

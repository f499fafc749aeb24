"""Faults of the load: a surge of requests, and clients that retry."""

from __future__ import annotations

from pydantic import Field, model_validator

from gameday.faults.fault_spec import Chosen, Ramped, Spec, ramp
from gameday.ports import Arena, Wait


class Surge(Ramped):
    """Send `factor` times the planned rate; a ramp raises it from the plan."""

    kind = "load.surge"
    factor: float = Field(gt=0, le=100)

    @model_validator(mode="after")
    def _does_something(self) -> Surge:
        if self.factor == 1:
            raise ValueError("factor 1 is the load as planned\nfor instance factor: 3")
        return self

    def target(self, chosen: Chosen) -> str:
        return "load"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        for level in ramp(self.ramp, wait):
            arena.load.surge(1 + (self.factor - 1) * level)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        arena.load.surge(1.0)


class RetryStorm(Spec):
    """Let clients retry a failed request at once."""

    kind = "load.retry-storm"
    attempts: int = Field(ge=1, le=20, description="how many times a failed request is retried")

    def target(self, chosen: Chosen) -> str:
        return "load"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        arena.load.retry(self.attempts)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        arena.load.retry(0)

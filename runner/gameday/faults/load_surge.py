"""Faults of the load: more of it than planned."""

from __future__ import annotations

from pydantic import Field, model_validator

from gameday.faults.fault_spec import Chosen, Ramped, Spec, ramp
from gameday.ports import Arena, Wait


class Surge(Ramped):
    """`factor` times the planned rate; a ramp lets it grow from the plan."""

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
    """Clients try a failed request again, at once."""

    kind = "load.retry-storm"
    attempts: int = Field(ge=1, le=20, description="how often a failed request is tried again")

    def target(self, chosen: Chosen) -> str:
        return "load"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        arena.load.retry(self.attempts)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        arena.load.retry(0)

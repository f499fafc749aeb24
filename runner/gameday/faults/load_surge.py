"""Faults of the load: a surge of requests, and clients that retry."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from pydantic import Field, model_validator

from gameday.faults.fault_spec import Chosen, Ramped, Spec, mark_of, ramp
from gameday.ports import Arena, Wait

LATE_S = 5.0


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
            factor = 1 + (self.factor - 1) * level
            arena.standing.put(
                "load rate", mark_of(chosen), factor, lambda all_: arena.load.surge(together(all_))
            )

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        arena.standing.take("load rate", mark_of(chosen), lambda all_: arena.load.surge(together(all_)))


def together(factors: Sequence[float]) -> float:
    """Return the factor of surges that stand together: each adds its own share of the planned rate.

    One below 1 takes its share away from what the others make.
    """
    added = 1 + sum(factor - 1 for factor in factors if factor > 1)
    return added * math.prod(factor for factor in factors if factor < 1)


def headroom(surges: Sequence[tuple[float, Surge]]) -> float:
    """Return the largest factor that surges make together; each stands from its time on, for as long as it says.

    A revert may come a little later than the next surge, so each is taken to last `LATE_S` longer.
    """
    return max(
        (
            together([other.factor for since, other in surges if since <= at <= _until(since, other)])
            for at, _ in surges
        ),
        default=1.0,
    )


def _until(since: float, surge: Surge) -> float:
    return math.inf if surge.for_ is None else since + surge.for_ + LATE_S


class RetryStorm(Spec):
    """Let clients retry a failed request at once."""

    kind = "load.retry-storm"
    attempts: int = Field(ge=1, le=20, description="how many times a failed request is retried")

    def target(self, chosen: Chosen) -> str:
        return "load"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        arena.standing.put("load retries", mark_of(chosen), self.attempts, functools.partial(_retry, arena))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        arena.standing.take("load retries", mark_of(chosen), functools.partial(_retry, arena))


def _retry(arena: Arena, attempts: Sequence[int]) -> None:
    """Let clients retry as often as the most impatient of the storms that stand."""
    arena.load.retry(max(attempts, default=0))

"""The strategy `canary` of a deploy: shares of users, the time each is watched, and how it is judged."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gameday.ports import CanaryPlan
from gameday.scenario.units import Lasting, Ratio

MOST_STEPS = 10
SMALLEST = 0.0001
"""The least share: one in 10,000 users, the finest that the routing knows."""
LEAST_BAKE_S = 1.0


class CanaryAnalysis(BaseModel):
    """How a canary is judged. `falseAbort`: the probability that a good release is aborted, over all steps."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    false_abort: Ratio = Field(default=0.01, alias="falseAbort")
    slower: Ratio = Field(default=0.25, description="how much slower than the rest its median must be")
    least: int = Field(default=20, ge=20, le=100_000, description="requests that a step needs to be judged")

    @field_validator("false_abort")
    @classmethod
    def _rate_is_possible(cls, rate: float) -> float:
        if not 0.0001 <= rate <= 0.2:
            raise ValueError("falseAbort must lie between 0.01% and 20%\nfor instance falseAbort: 1%")
        return rate


class CanarySpec(BaseModel):
    """`{steps: [5%, 25%, 100%], bake: 5s, analysis: {…}, onFail: rollback, regions: [eu-west]}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    steps: tuple[Ratio, ...] = Field(default=(0.05, 0.25, 1.0), min_length=2, max_length=MOST_STEPS)
    bake: Lasting = 5.0
    analysis: CanaryAnalysis = CanaryAnalysis()
    on_fail: Literal["rollback", "pause"] = Field(default="rollback", alias="onFail")
    regions: tuple[str, ...] = Field(default=(), description="those that take part; default: all")

    @field_validator("steps")
    @classmethod
    def _steps_rise_to_the_whole(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if list(steps) != sorted(set(steps)) or steps[-1] != 1.0:
            raise ValueError("steps must rise, and end with 100%\nfor instance steps: [5%, 25%, 100%]")
        if steps[0] < SMALLEST:
            raise ValueError(
                f"a step of {100 * steps[0]:.3g}% is less than one user in 10,000, the finest share\n"
                "make it at least 0.01%"
            )
        return steps

    @field_validator("bake")
    @classmethod
    def _bake_is_long_enough(cls, bake: float) -> float:
        if bake < LEAST_BAKE_S:
            raise ValueError("bake must be at least 1s\nfor instance bake: 5s")
        return bake

    def plan(self) -> CanaryPlan:
        analysis = self.analysis
        return CanaryPlan(
            self.steps,
            self.bake,
            analysis.false_abort,
            analysis.slower,
            analysis.least,
            self.on_fail,
            self.regions,
        )


class Canary(BaseModel):
    """`{canary: {…}}` as a strategy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    canary: CanarySpec = CanarySpec()

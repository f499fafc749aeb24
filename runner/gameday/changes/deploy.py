"""The `deploy` action of a timeline: ship a release of one service."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gameday.changes.rollout import Strategy
from gameday.scenario.units import Within


class Deploy(BaseModel):
    """`{release: pricing-1.1.0, strategy: all-at-once}`; `pause` lies between batches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str = Field(description="a folder of compose/releases")
    strategy: Strategy = "all-at-once"
    pause: Within = 0.0

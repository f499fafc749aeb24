"""The `deploy` action of a timeline: ship a release of one service."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gameday.changes.rollout import Strategy
from gameday.scenario.own.own_system import Command, ServiceName
from gameday.scenario.units import Within

OWN = ("service", "command", "rollback", "summary", "defect")
"""Keys for systems of one's own."""


class Deploy(BaseModel):
    """`{release: pricing-1.1.0, strategy: all-at-once}`; `pause` lies between batches.

    A release of the storefront is a folder of compose/releases, one of a system of one's own a name that its commands
    understand.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str = Field(
        min_length=1, max_length=200, description="a folder of compose/releases, or one's own name"
    )
    strategy: Strategy = "all-at-once"
    pause: Within = 0.0
    service: ServiceName | None = Field(default=None, description="own systems: default the first service")
    command: Command | None = Field(default=None, description="own systems: in place of system.deploy")
    rollback: Command | None = Field(default=None, description="own systems: in place of system.rollback")
    summary: str | None = Field(default=None, max_length=300, description="own systems: for the change feed")
    defect: str | None = Field(
        default=None,
        max_length=300,
        description="own systems: what is wrong with it; it then counts as a fault",
    )

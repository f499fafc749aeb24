"""The `deploy` action of a timeline: ship a release of one service."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from gameday.changes.canary_strategy import Canary
from gameday.changes.rollout import Strategy
from gameday.ports import CanaryPlan
from gameday.scenario.own.own_system import Command, ServiceName
from gameday.scenario.units import Within
from gameday.scenario.yaml_document import nearest
from gameday.topology import Topology, can_have_canary

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
    strategy: Strategy | Canary = "all-at-once"
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

    @property
    def canary(self) -> CanaryPlan | None:
        """The plan of a canary; None for any other strategy."""
        return self.strategy.canary.plan() if isinstance(self.strategy, Canary) else None

    @property
    def canary_service(self) -> str:
        """The service that a canary is of."""
        return self.release.rpartition("-")[0]

    def problems(self, topology: Topology) -> Iterable[tuple[tuple[str, ...], str, str]]:
        """Yield (path within the entry, message, hint) of what the topology can't do."""
        plan, service, path = self.canary, self.canary_service, ("strategy", "canary")
        if plan is None:
            return
        if topology.places(service) and not can_have_canary(topology, service):
            message = f"{service} can't have a canary: no other service routes users to it, or it keeps data"
            yield path, message, "use strategy: rolling or region-by-region"
        for region in plan.regions:
            if region not in topology.regions:
                yield (*path, "regions"), f"no region {region!r}", nearest(region, topology.regions)

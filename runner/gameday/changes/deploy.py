"""The `deploy` action of a timeline: ship a release of one service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gameday.changes.canary_strategy import Canary
from gameday.changes.rollout import Strategy
from gameday.ports import CanaryPlan
from gameday.scenario.own.own_system import Command, ServiceName
from gameday.scenario.units import Within
from gameday.scenario.yaml_document import nearest
from gameday.topology import Topology, can_have_canary

OWN = ("service", "image", "environment", "file", "command", "rollback", "summary", "defect")
"""Keys for systems of one's own."""
BY_COMPOSE = ("image", "environment", "file")
"""Keys that Compose ships."""
LONGEST = 60


class ReplacedFile(BaseModel):
    """A file that is mounted over one of the container's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(
        min_length=1, max_length=1000, description="a file, relative to the scenario's folder"
    )
    target: str = Field(pattern=r"^/", max_length=1000, description="its path in the container")


class Deploy(BaseModel):
    """`{release: pricing-1.1.0, strategy: all-at-once}`; `pause` lies between batches.

    A release of the storefront is a folder of compose/releases. One of a system of one's own is a name that its
    commands understand, or a change of the service's image, environment or file, which Compose ships.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str = Field(
        default="", max_length=200, description="a folder of compose/releases, or a name of one's own"
    )
    strategy: Strategy | Canary = "all-at-once"
    pause: Within = 0.0
    service: ServiceName | None = Field(default=None, description="own systems: default the first service")
    image: str | None = Field(default=None, min_length=1, max_length=500, description="Compose projects")
    environment: dict[str, str] | None = Field(default=None, min_length=1, description="Compose projects")
    file: ReplacedFile | None = Field(default=None, description="Compose projects")
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

    @property
    def by_compose(self) -> bool:
        """Return True if Compose ships the change."""
        return any(getattr(self, key) is not None for key in BY_COMPOSE)

    @model_validator(mode="before")
    @classmethod
    def _has_a_name(cls, data: Any) -> Any:
        """Name the release after its image, environment or file, unless it has a name."""
        if not isinstance(data, Mapping) or data.get("release") is not None:
            return data
        environment, file = data.get("environment"), data.get("file")
        name = str(data.get("image") or "")
        if isinstance(environment, Mapping):
            name = name or ",".join(f"{key}={value}" for key, value in environment.items())
        if isinstance(file, Mapping):
            name = name or str(file.get("source", "")).rpartition("/")[2]
        if not name:
            raise ValueError("'release' is missing")
        return {**data, "release": name[:LONGEST]}

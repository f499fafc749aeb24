"""The `environment.delete` action of a timeline: an automation asked for a fix deletes and recreates an environment."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from gameday.scenario.yaml_document import nearest
from gameday.topology import Topology


class Delete(BaseModel):
    """`{region: us-east, release: costs-1.1.0}`: the region to delete, volumes included, and the
    requested fix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str
    release: str = Field(
        default="costs-1.1.0", description="a folder of compose/releases: the fix that was asked for"
    )
    by: str = Field(default="automation", description="who ships it")

    def problems(self, topology: Topology) -> Iterable[tuple[tuple[str, ...], str, str]]:
        """Yield (path within the entry, message, hint) of each name that the topology doesn't have."""
        if self.region not in topology.regions:
            yield ("region",), f"no region {self.region!r}", nearest(self.region, topology.regions)

"""Which services a region has, for what is done to a whole region; the edge's pseudo-region is none."""

from __future__ import annotations

from gameday.ports import PortError
from gameday.topology import Service, Topology


def services_of(topology: Topology, region: str) -> list[Service]:
    """Raises PortError where it is no region."""
    if region not in topology.regions:
        raise PortError(f"{region!r} is no region: {', '.join(topology.regions)}")
    return [service for service in topology.services if service.region == region]

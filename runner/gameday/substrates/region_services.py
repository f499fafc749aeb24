"""Services of a region; the edge's pseudo-region is not a region."""

from __future__ import annotations

from gameday.ports import PortError
from gameday.topology import Service, Topology


def services_of(topology: Topology, region: str) -> list[Service]:
    """Return the services of a region. Raise PortError if there is no such region."""
    if region not in topology.regions:
        raise PortError(f"no region {region!r}; regions: {', '.join(topology.regions)}")
    return [service for service in topology.services if service.region == region]

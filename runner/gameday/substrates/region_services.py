"""Services of a region, and the entry link; the edge's pseudo-region is not a region."""

from __future__ import annotations

from gameday.ports import PortError
from gameday.topology import Link, Service, Topology


def services_of(topology: Topology, region: str) -> list[Service]:
    """Return the services of a region. Raise PortError if there is no such region."""
    if region not in topology.regions:
        raise PortError(f"no region {region!r}; regions: {', '.join(topology.regions)}")
    return [service for service in topology.services if service.region == region]


def entry_of(topology: Topology) -> Link:
    """Return the link by which clients enter. Raise PortError if there is none."""
    if topology.entry is None:
        raise PortError("clients can't enter: no service of the compose files has kind: router")
    return topology.entry

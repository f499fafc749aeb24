"""The compose files → a frozen `Topology`; the one reader for both substrates."""

from gameday.topology.compose_reader import read_topology
from gameday.topology.topology_model import EDGE, Link, Mount, Service, Template, Topology

__all__ = ["EDGE", "Link", "Mount", "Service", "Template", "Topology", "read_topology"]

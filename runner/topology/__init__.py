"""The compose files → a frozen `Topology`; the one reader for both substrates."""

from runner.topology.model import EDGE, Link, Mount, Service, Template, Topology
from runner.topology.read import read_topology

__all__ = ["EDGE", "Link", "Mount", "Service", "Template", "Topology", "read_topology"]

"""Topology of the system under test: compose files read into a frozen `Topology`, for both substrates."""

from gameday.topology.compose_reader import read_topology
from gameday.topology.topology_model import CLIENTS, EDGE, Link, Mount, Service, Template, Topology

__all__ = ["CLIENTS", "EDGE", "Link", "Mount", "Service", "Template", "Topology", "read_topology"]

"""Topology of the system under test: compose files read into a frozen `Topology`, for both substrates."""

from gameday.topology.canary_services import can_have_canary, canary_name, with_canaries
from gameday.topology.compose_reader import read_topology
from gameday.topology.topology_model import CLIENTS, EDGE, Link, Mount, Service, Template, Topology

__all__ = [
    "CLIENTS",
    "EDGE",
    "Link",
    "Mount",
    "Service",
    "Template",
    "Topology",
    "can_have_canary",
    "canary_name",
    "read_topology",
    "with_canaries",
]

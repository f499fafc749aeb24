"""Instance registry: running instances and their numbers."""

from __future__ import annotations

import pytest

from gameday.ports import Instance, PortError, Release
from gameday.substrates.instance_registry import InstanceRegistry
from tests.support.substrate_lab import topology


def test_numbers_are_per_service() -> None:
    """Each service of each region has numbers of its own; a number is never reused."""
    register: InstanceRegistry[str] = InstanceRegistry()
    here, there = topology().service("us-east", "web"), topology().service("eu-west", "web")
    release = Release("web-1.0.0", "web", None)
    ids = [register.number(service, release).id for service in (here, there, here)]
    assert ids == ["us-east.web.1", "eu-west.web.1", "us-east.web.2"]


def test_taken_once() -> None:
    """Only the first `take` of an instance gets its record; the instance isn't found any more."""
    register: InstanceRegistry[str] = InstanceRegistry()
    instance = Instance("edge.1", "edge", "edge", "edge-1.0.0")
    register.add(instance, "record")
    assert register.find(instance) == register.get(instance) == "record"
    assert register.all() == [(instance, "record")]
    assert [register.take(instance), register.take(instance)] == ["record", None]
    with pytest.raises(PortError, match=r"edge\.1 isn't running"):
        register.find(instance)
    assert register.get(instance) is None

"""Drained regions: the value that an edge starts with, and the requests that bring a running edge up to date."""

from __future__ import annotations

from gameday.system.settings.drained_regions import DrainedRegions
from gameday.system.settings.operator_settings import OperatorSettings
from gameday.topology import bundled, read_topology


def test_the_latest_shift_of_each_region_stands() -> None:
    """An undrained region isn't in the value; a running edge is told of it all the same."""
    drained = DrainedRegions()
    assert drained.value() == ""
    assert not drained.set("us-east", True)
    assert not drained.set("eu-west", True)
    assert drained.value() == "eu-west,us-east"
    assert drained.set("eu-west", False)
    assert drained.value() == "us-east"
    assert drained.requests() == [
        ("/_operator/undrain", {"region": "eu-west"}),
        ("/_operator/drain", {"region": "us-east"}),
    ]


def test_only_the_router_keeps_drains() -> None:
    """Every other service keeps flags at most."""
    settings = OperatorSettings()
    topology = read_topology(bundled.compose(), ("us-east",))
    keeping = {s.name for s in topology.services if settings.drained in settings.of(s)}
    assert keeping == {"edge"}
    assert settings.of(topology.service("us-east", "links")) == []


def test_nothing_is_set_once_the_traffic_is_back() -> None:
    """An edge then starts as at the bring-up; a switched flag stays a setting."""
    settings = OperatorSettings()
    assert not settings.any()
    settings.drained.set("us-east", True)
    assert settings.any()
    settings.drained.set("us-east", False)
    assert not settings.any()
    settings.flags.switch({"checkout": True})
    assert settings.any()

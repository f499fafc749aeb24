"""Names by which services find each other on Docker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gameday.ports import PortError
from gameday.substrates.docker.docker_substrate import DockerSubstrate
from gameday.substrates.docker.networks import entry_ports, host
from tests.support.substrate_lab import link, topology


def test_names_by_place() -> None:
    """A service has its own name within its region, and its backbone alias elsewhere and outside all regions."""
    system = topology()
    web = system.service("eu-west", "web")
    assert host(web, "eu-west") == "web"
    assert host(web, "us-east") == "web.eu-west"
    assert host(system.service("edge", "edge-links"), "edge") == "edge-links"


def test_unreachable() -> None:
    """A service that isn't on the backbone can't be reached from another region, and the error says
    so."""
    with pytest.raises(PortError, match=r"us-east\.front has no alias on the backbone.*eu-west"):
        host(topology().service("us-east", "front"), "eu-west")


def test_link_addresses(tmp_path: Path) -> None:
    """A link's upstream, its listening address and its server's name follow from the topology alone."""
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
    near, far = link("us-east", "us-east"), link("edge", "eu-west")
    assert (substrate.upstream(near), substrate.upstream(far)) == ("web:8000", "web.eu-west:8000")
    assert (substrate.link_host(near), substrate.link_host(far)) == ("links", "edge-links")
    assert [substrate.listen(x) for x in (near, link("edge", "us-east"), far)] == [
        "0.0.0.0:20000",
        "0.0.0.0:20000",
        "0.0.0.0:20001",
    ]


def test_only_the_entry_link_is_published() -> None:
    """The edge's link server publishes the port at which the entry link listens inside its container."""
    system = topology()
    assert entry_ports(system, 18000) == {"edge-links": {20002: 18000}}
    assert entry_ports(replace(system, links=()), 18000) == {}

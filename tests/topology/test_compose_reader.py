"""Tests of the compose reader: the topology of the bundled files, and located errors for other files."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gameday.scenario.yaml_document import Invalid
from gameday.topology import EDGE, Template, Topology, bundled, read_topology

REGIONS = ("us-east", "eu-west")


@pytest.fixture(scope="module")
def topology() -> Topology:
    return read_topology(bundled.compose(), REGIONS)


def test_every_region_has_its_services_and_a_database(topology: Topology) -> None:
    """The services that users need most have two instances; the third party and the router are
    outside the regions."""
    for region in REGIONS:
        for name in ("gateway", "pricing", "checkout"):
            assert topology.service(region, name).instances >= 2
    assert [s.region for s in topology.places("postgres")] == ["us-east", "eu-west"]
    assert {s.name for s in topology.services if s.region == EDGE} == {
        "edge",
        "payments",
        "backup",
        "edge-links",
    }


def test_links_are_named_after_caller_and_callee(topology: Topology) -> None:
    """A link's name has the callee's region if the link leaves the caller's."""
    names = {link.name for link in topology.links}
    assert {
        "us-east.checkout--pricing",
        "us-east.checkout--postgres",
        "us-east.checkout--postgres.eu-west",
        "eu-west.checkout--postgres.us-east",
        "us-east.checkout--payments",
        "us-east.postgres--backup",
        "edge--gateway.us-east",
        "edge--gateway.eu-west",
        "clients--edge",
    } <= names
    assert len(names) == len(topology.links)


def test_clients_enter_by_a_link_to_the_router(topology: Topology) -> None:
    """The entry link belongs to the edge's link server; no service gets its address."""
    entry = topology.entry
    assert entry is not None
    assert (entry.caller_region, entry.callee_region, entry.callee) == (EDGE, EDGE, "edge")
    assert (entry.default, entry.crosses) == ("http://edge:8000", False)
    assert not any(entry in topology.links_from(service) for service in topology.services)
    assert replace(topology, links=()).entry is None


def test_links_to_databases_are_a_mesh() -> None:
    """Every caller has a link to each region's database, and a database to each but itself, also
    under plain compose."""
    topology = read_topology(bundled.compose(), (*REGIONS, "me-central"))
    to_databases = {link.name: link.default for link in topology.links if link.callee == "postgres"}
    assert {
        name for name in to_databases if name.startswith(("eu-west.postgres", "eu-west.orders", "backup"))
    } == {
        "eu-west.postgres--postgres.us-east",
        "eu-west.postgres--postgres.me-central",
        "eu-west.orders--postgres",
        "eu-west.orders--postgres.us-east",
        "eu-west.orders--postgres.me-central",
        "backup--postgres.us-east",
        "backup--postgres.eu-west",
        "backup--postgres.me-central",
    }
    assert len(to_databases) == 3 * (5 * 3 + 2) + 3
    assert to_databases["eu-west.orders--postgres"] == "postgresql://shop@postgres:5432/shop"
    assert to_databases["eu-west.orders--postgres.us-east"] == "postgresql://shop@postgres.us-east:5432/shop"
    assert to_databases["backup--postgres.eu-west"] == "postgresql://replica@postgres.eu-west:5432/shop"


def test_a_database_variable_names_each_region_its_own_first() -> None:
    """The variable lists all regions, so that a caller finds the primary; it is empty for a
    database without peers."""
    topology = read_topology(bundled.compose(), (*REGIONS, "me-central"))
    addresses = {link.name: ("h", 4000 + i) for i, link in enumerate(topology.links)}

    def at(link: str) -> str:
        return f"postgresql://shop@h:{addresses[link][1]}/shop"

    values = topology.environment_of_links(topology.service("eu-west", "checkout"), addresses)
    assert values["LINK_CHECKOUT_POSTGRES"].split(",") == [
        f"eu-west={at('eu-west.checkout--postgres')}",
        f"us-east={at('eu-west.checkout--postgres.us-east')}",
        f"me-central={at('eu-west.checkout--postgres.me-central')}",
    ]
    alone = read_topology(bundled.compose(), ("us-east",))
    values = alone.environment_of_links(
        alone.service("us-east", "postgres"), dict.fromkeys(addresses, ("h", 1))
    )
    assert values == {"LINK_POSTGRES_POSTGRES": "", "LINK_POSTGRES_BACKUP": "http://h:1"}


def test_a_link_variable_becomes_the_links_address(topology: Topology) -> None:
    """Scheme, credentials and path stay; host and port are the link's; several regions are listed
    by name."""
    service = topology.service("eu-west", "checkout")
    addresses = {link.name: ("127.0.0.1", 4000 + i) for i, link in enumerate(topology.links_from(service))}
    values = topology.environment_of_links(service, addresses)
    port = addresses["eu-west.checkout--pricing"][1]
    assert values["LINK_CHECKOUT_PRICING"] == f"http://127.0.0.1:{port}"
    edge = topology.service(EDGE, "edge")
    both = topology.environment_of_links(edge, {x.name: ("h", 1) for x in topology.links_from(edge)})
    assert both == {"LINK_EDGE_GATEWAY": "us-east=http://h:1,eu-west=http://h:1"}


def test_templates_take_values_and_defaults() -> None:
    """`${VAR:-default}` is rendered as compose does."""
    assert Template("${A:-x}-${B:-http://h:1}-${C}").render({"A": "1"}) == "1-http://h:1-"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    mem_limit: 1g", "    restart: always", "unknown key 'restart'"),
        ("mem_limit: 1g", "mem_limit: lots", "'lots' isn't a size"),
        ('["postgres-data:/data"]', '["/etc:/data"]', "'/etc:/data' isn't known here"),
        (
            "LINK_CATALOG_PRICING:-http://pricing:8000",
            "LINK_CATALOG_PRICES:-http://pricing:8000",
            "no service 'prices'",
        ),
        (
            "LINK_CATALOG_PRICING:-http://pricing:8000",
            "LINK_ORDERS_PRICING:-http://pricing:8000",
            "isn't a link of",
        ),
        ("ready: tcp, kind: database", "ready: maybe, kind: database", "unknown value 'maybe'"),
    ],
)
def test_a_key_outside_the_subset_is_a_located_error(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """A key outside the subset is an error, so that compose and a run never read a file differently."""
    for name in ("region.yaml", "edge.yaml"):
        shutil.copy(bundled.compose() / name, tmp_path / name)
    path = tmp_path / "region.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Invalid, match=rf"region\.yaml:\d+:\d+: .*{message}"):
        read_topology(tmp_path, REGIONS)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose isn't installed")
@pytest.mark.parametrize("name", ["region.yaml", "edge.yaml"])
def test_compose_itself_accepts_the_files(name: str) -> None:
    """Docker Compose reads the same services from the files."""
    done = subprocess.run(
        ["docker-compose", "-f", str(bundled.compose() / name), "config", "-q"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr

"""The compose files as one topology, and the strictness of their reader."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runner import bundled
from runner.located import Invalid
from runner.topology import EDGE, Template, Topology, read_topology

REGIONS = ("us-east", "eu-west")


@pytest.fixture(scope="module")
def topology() -> Topology:
    return read_topology(bundled.compose(), REGIONS)


def test_every_region_has_its_services_and_one_the_database(topology: Topology) -> None:
    """Two instances of what users need most; the third party and the router outside the regions."""
    for region in REGIONS:
        for name in ("gateway", "pricing", "checkout"):
            assert topology.service(region, name).instances >= 2
    assert [s.region for s in topology.places("postgres")] == ["us-east"]
    assert {s.name for s in topology.services if s.region == EDGE} == {"edge", "payments", "edge-links"}


def test_links_are_named_after_caller_and_callee(topology: Topology) -> None:
    """The callee's region stands in the name where the link leaves the caller's."""
    names = {link.name for link in topology.links}
    assert {
        "us-east.checkout--pricing",
        "us-east.checkout--postgres",
        "eu-west.checkout--postgres.us-east",
        "us-east.checkout--payments",
        "edge--gateway.us-east",
        "edge--gateway.eu-west",
    } <= names
    assert len(names) == len(topology.links)


def test_a_link_variable_becomes_the_links_address(topology: Topology) -> None:
    """Scheme, credentials and path stay; host and port are the link's."""
    service = topology.service("eu-west", "checkout")
    addresses = {link.name: ("127.0.0.1", 4000 + i) for i, link in enumerate(topology.links_from(service))}
    values = topology.environment_of_links(service, addresses)
    port = addresses["eu-west.checkout--postgres.us-east"][1]
    assert values["LINK_CHECKOUT_POSTGRES"] == f"postgresql://shop:shop@127.0.0.1:{port}/shop"
    edge = topology.service(EDGE, "edge")
    both = topology.environment_of_links(edge, {x.name: ("h", 1) for x in topology.links_from(edge)})
    assert both == {"LINK_EDGE_GATEWAY": "us-east=http://h:1,eu-west=http://h:1"}


def test_templates_take_values_and_defaults() -> None:
    """`${VAR:-default}` as compose has it."""
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
        ("LINK_CATALOG_PRICING:-http://pricing:8000", "LINK_ORDERS_PRICING:-http://pricing:8000", "isn't a link of"),
        ("ready: tcp, kind: database", "ready: maybe, kind: database", "'maybe' isn't known here"),
    ],
)
def test_what_is_outside_the_subset_is_a_located_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    """So that a file never means one thing by hand and another in a run."""
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
    """Plain compose by hand reads the same declaration."""
    done = subprocess.run(
        ["docker-compose", "-f", str(bundled.compose() / name), "config", "-q"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr

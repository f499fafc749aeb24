"""Canary services beside the services of the compose files."""

from __future__ import annotations

import pytest

from gameday.topology import Topology, bundled, can_have_canary, canary_name, read_topology, with_canaries


@pytest.fixture(scope="module")
def plain() -> Topology:
    return read_topology(bundled.compose(), ("us-east", "eu-west"))


def test_without_canaries_the_topology_is_the_same(plain: Topology) -> None:
    """Nothing is added that no scenario asks for."""
    assert with_canaries(plain, frozenset()) is plain


def test_a_canary_has_no_instances_and_a_link_from_each_caller(plain: Topology) -> None:
    """Catalog and checkout of each region reach pricing's canary by a second variable."""
    topology = with_canaries(plain, frozenset({"pricing"}))
    places = topology.places(canary_name("pricing"))
    assert [(place.region, place.instances) for place in places] == [("us-east", 0), ("eu-west", 0)]
    added = set(topology.links) - set(plain.links)
    assert {link.name for link in added} == {
        f"{region}.{caller}--pricing-canary"
        for region in ("us-east", "eu-west")
        for caller in ("catalog", "checkout")
    }
    checkout = topology.service("us-east", "checkout")
    addresses = {link.name: ("127.0.0.1", 1000 + n) for n, link in enumerate(topology.links)}
    values = topology.environment_of_links(checkout, addresses)
    assert values["LINK_CHECKOUT_PRICINGCANARY"] != values["LINK_CHECKOUT_PRICING"]
    assert checkout.environment["PRICING_URL_CANARY"].render(values) == values["LINK_CHECKOUT_PRICINGCANARY"]
    assert checkout.environment["CANARY"].render({"CANARY": "x"}) == "x"
    assert "CANARY" not in topology.service("us-east", "identity").environment


def test_a_canary_reaches_the_peers_of_its_service(plain: Topology) -> None:
    """Checkout's canary asks pricing, payments and Postgres over links of its own."""
    topology = with_canaries(plain, frozenset({"checkout"}))
    canary = topology.service("us-east", "checkout-canary")
    own = {
        (link.callee_region, link.callee)
        for link in topology.links_from(topology.service("us-east", "checkout"))
    }
    assert {(link.callee_region, link.callee) for link in topology.links_from(canary)} == own
    assert len({link.name for link in topology.links}) == len(topology.links)


def test_the_edge_reaches_a_gateways_canary_by_region(plain: Topology) -> None:
    """GATEWAYS_CANARY names an address for each region, and the canary has an alias of its own on the backbone."""
    topology = with_canaries(plain, frozenset({"gateway"}))
    edge = topology.service("edge", "edge")
    addresses = {link.name: ("h", n) for n, link in enumerate(topology.links)}
    rendered = edge.environment["GATEWAYS_CANARY"].render(topology.environment_of_links(edge, addresses))
    assert [pair.partition("=")[0] for pair in rendered.split(",")] == ["us-east", "eu-west"]
    aliases = topology.service("us-east", "gateway-canary").networks["backbone"]
    assert [alias.render({"REGION": "us-east"}) for alias in aliases] == ["gateway-canary.us-east"]


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("pricing", True),
        ("gateway", True),
        ("edge", False),
        ("postgres", False),
        ("payments", False),
        ("links", False),
    ],
)
def test_which_services_can_have_a_canary(plain: Topology, service: str, wanted: bool) -> None:
    """Those that others of the system route users to, and that keep no data."""
    assert can_have_canary(plain, service) is wanted

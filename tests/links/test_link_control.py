"""Operations on the links of a system, on link servers that run, end, and are replaced."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from gameday.links.link_control import NOWHERE, LinkControl
from gameday.links.toxiproxy_client import LinkError, ToxicState
from gameday.ports import Toxic
from gameday.topology import Link
from tests.support.link_servers import PATIENCE_S, Server, Upstream, echo, echo_of, running
from tests.support.storefront_services import free_port

PRICING = Link("us-east", "catalog", "us-east", "pricing", "LINK_CATALOG_PRICING", "http://pricing:8000")
IDENTITY = Link("us-east", "gateway", "us-east", "identity", "LINK_GATEWAY_IDENTITY", "http://identity:8000")
FAR = Link("eu-west", "catalog", "us-east", "pricing", "LINK_CATALOG_PRICING", "http://pricing:8000")
SLOW = Toxic("slow", "latency", attributes={"latency": 7, "jitter": 0})


@pytest.fixture
def callee() -> Iterator[Upstream]:
    upstream = Upstream(echo)
    yield upstream
    upstream.close()


@pytest.fixture
def second() -> Iterator[Server]:
    """A link server that replaces the first one."""
    with running() as server:
        yield server


@pytest.fixture
def listens() -> Callable[[Link], str]:
    """Return a stable port for each link, like a substrate."""
    ports: dict[str, int] = {}

    def listen(link: Link) -> str:
        if link.name not in ports:
            ports[link.name] = free_port()
        return f"127.0.0.1:{ports[link.name]}"

    return listen


@pytest.fixture
def control(callee: Upstream, listens: Callable[[Link], str]) -> LinkControl:
    return LinkControl(lambda link: callee.address, listens)


@pytest.fixture
def ports(control: LinkControl, server: Server) -> dict[str, int]:
    return dict(control.populate("us-east", ("127.0.0.1", server.port), [PRICING, IDENTITY]))


def answers(port: int) -> bool:
    """Return whether the callee answers through a link."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
            return echo_of(client, b"x") == b"x"
    except OSError:
        return False


def toxics(server: Server, link: Link) -> tuple[ToxicState, ...]:
    return server.client.proxies()[link.name].toxics


def test_cut_and_mend(control: LinkControl, ports: dict[str, int]) -> None:
    """A cut link refuses, other links don't; mended, it listens at the same port. Both calls are
    idempotent."""
    for _ in range(2):
        control.cut(PRICING)
        assert (answers(ports[PRICING.name]), answers(ports[IDENTITY.name])) == (False, True)
        assert list(control.standing()) == ["us-east.catalog--pricing is cut"]
    for _ in range(2):
        control.mend(PRICING)
        assert answers(ports[PRICING.name])
        assert list(control.standing()) == []


def test_toxics(control: LinkControl, ports: dict[str, int], server: Server) -> None:
    """A toxic is added, changed under its name, replaced if its kind differs, and removed; others
    are kept."""
    control.add_toxic(PRICING, SLOW)
    control.add_toxic(PRICING, Toxic("other", "noop"))
    control.add_toxic(PRICING, Toxic("slow", "latency", share=0.5, attributes={"latency": 9}))
    changed = ToxicState("slow", "latency", "downstream", 0.5, {"latency": 9, "jitter": 0})
    assert {toxic.name for toxic in toxics(server, PRICING)} == {"slow", "other"}
    assert changed in toxics(server, PRICING)
    control.add_toxic(PRICING, Toxic("slow", "timeout", "upstream", attributes={"timeout": 0}))
    assert ToxicState("slow", "timeout", "upstream", 1, {"timeout": 0}) in toxics(server, PRICING)
    faults = ["us-east.catalog--pricing has the noop other", "us-east.catalog--pricing has the timeout slow"]
    assert list(control.standing()) == faults
    for _ in range(2):
        control.remove_toxic(PRICING, "slow")
        assert [toxic.name for toxic in toxics(server, PRICING)] == ["other"]
    control.remove_toxic(IDENTITY, "never")
    control.remove_toxic(PRICING, "other")
    assert list(control.standing()) == []


def test_changing_a_removed_toxic_adds_it_again(
    control: LinkControl, ports: dict[str, int], server: Server
) -> None:
    """Changing a toxic that was removed by other means adds it again."""
    control.add_toxic(PRICING, SLOW)
    server.client.remove_toxic(PRICING.name, "slow")
    control.add_toxic(PRICING, SLOW)
    assert [toxic.name for toxic in toxics(server, PRICING)] == ["slow"]
    control.remove_toxic(PRICING, "slow")


def test_misdirect_and_redirect(control: LinkControl, ports: dict[str, int], callee: Upstream) -> None:
    """A misdirected link reaches no callee, at once; redirected, it reaches the callee. Both calls
    are idempotent."""
    for _ in range(2):
        control.misdirect(PRICING)
        assert not answers(ports[PRICING.name])
        assert list(control.standing()) == ["us-east.catalog--pricing leads nowhere"]
    assert callee.accepted == 0
    for _ in range(2):
        control.redirect(PRICING)
        assert answers(ports[PRICING.name])
        assert list(control.standing()) == []


def test_reverting_without_a_fault_is_a_no_op(control: LinkControl, ports: dict[str, int]) -> None:
    """Reverting a fault that isn't active is a no-op, also on unknown links."""
    for link in (PRICING, FAR):
        control.mend(link)
        control.redirect(link)
        control.remove_toxic(link, "slow")
    assert answers(ports[PRICING.name])
    assert list(control.standing()) == []


def test_a_new_server_gets_the_active_faults(
    control: LinkControl, ports: dict[str, int], second: Server, server: Server
) -> None:
    """Faults set before the server ended or while it was away, and reverts meanwhile, apply to the
    new server."""
    control.add_toxic(PRICING, SLOW)
    control.cut(IDENTITY)
    control.add_toxic(IDENTITY, Toxic("gone", "noop"))
    for link in (PRICING, IDENTITY):  # as if it had been killed
        server.ask("DELETE", f"/proxies/{quote(link.name, safe='')}")
    control.forget("us-east")
    control.misdirect(PRICING)
    control.remove_toxic(IDENTITY, "gone")
    control.add_toxic(PRICING, Toxic("slow", "latency", attributes={"latency": 8}))
    again = control.populate("us-east", ("127.0.0.1", second.port), [PRICING, IDENTITY])
    assert again == ports
    proxies = second.client.proxies()
    assert toxics(second, PRICING) == (
        ToxicState("slow", "latency", "downstream", 1, {"latency": 8, "jitter": 0}),
    )
    assert (proxies[PRICING.name].enabled, proxies[PRICING.name].upstream) == (True, NOWHERE)
    assert (proxies[IDENTITY.name].enabled, proxies[IDENTITY.name].toxics) == (False, ())
    control.mend(IDENTITY)
    control.redirect(PRICING)
    control.remove_toxic(PRICING, "slow")
    assert answers(again[PRICING.name])
    assert answers(again[IDENTITY.name])
    assert list(control.standing()) == []


def test_before_the_first_server(control: LinkControl, server: Server) -> None:
    """A fault set before the link's server is up applies from the server's start, at whatever port
    it listens."""
    control.add_toxic(FAR, SLOW)
    anywhere = LinkControl(lambda link: "127.0.0.1:1", lambda link: "127.0.0.1:0")
    anywhere.add_toxic(FAR, SLOW)
    port = anywhere.populate("eu-west", ("127.0.0.1", server.port), [FAR])[FAR.name]
    assert server.client.proxies()[FAR.name].listen == f"127.0.0.1:{port}"
    assert [toxic.name for toxic in toxics(server, FAR)] == ["slow"]


def test_populated_twice(control: LinkControl, ports: dict[str, int], server: Server) -> None:
    """Populating the same server again keeps its proxies and the faults on its links."""
    control.add_toxic(PRICING, SLOW)
    control.cut(IDENTITY)
    assert control.populate("us-east", ("127.0.0.1", server.port), [PRICING, IDENTITY]) == ports
    assert [toxic.name for toxic in toxics(server, PRICING)] == ["slow"]
    assert not answers(ports[IDENTITY.name])


def test_a_server_that_is_away_unforgotten(callee: Upstream, listens: Callable[[Link], str]) -> None:
    """A server that doesn't answer is an error, since it may recover; the fault counts as active."""
    control = LinkControl(lambda link: callee.address, listens)
    with running() as server:
        control.populate("us-east", ("127.0.0.1", server.port), [PRICING])
    with pytest.raises(LinkError, match="not reachable"):
        control.cut(PRICING)
    with pytest.raises(LinkError, match="not reachable"):
        control.mend(PRICING)
    assert list(control.standing()) == ["us-east.catalog--pricing is cut"]
    control.forget("us-east")
    control.mend(PRICING)
    assert list(control.standing()) == []


def test_regions_are_apart(control: LinkControl, ports: dict[str, int], second: Server) -> None:
    """Links of the same services in two regions are separate, each on its own server."""
    far = control.populate("eu-west", ("127.0.0.1", second.port), [FAR])
    control.cut(PRICING)
    assert answers(far[FAR.name])
    control.forget("us-east")
    control.cut(FAR)
    assert not answers(far[FAR.name])
    assert list(control.standing()) == [
        "eu-west.catalog--pricing.us-east is cut",
        "us-east.catalog--pricing is cut",
    ]


def test_a_server_that_knows_no_names(
    server: Server, callee: Upstream, listens: Callable[[Link], str]
) -> None:
    """Without a names table upstreams follow the instances, except while a link is misdirected;
    redirected, it leads to the newest."""
    control = LinkControl(lambda link: "pricing.us-east:8000", listens, follows_names=False)
    port = control.populate("us-east", ("127.0.0.1", server.port), [PRICING])[PRICING.name]
    assert not answers(port)
    control.moved({"pricing.us-east:8000": (callee.address,)})
    assert answers(port)
    control.misdirect(PRICING)
    control.moved({"pricing.us-east:8000": ("127.0.0.1:1", callee.address)})
    assert not answers(port)
    control.redirect(PRICING)
    assert answers(port)

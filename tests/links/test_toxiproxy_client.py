"""The runner's client against a running link server, and its errors."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from gameday.links.toxiproxy_client import LinkError, LinkServer, ProxySpec, ToxicState
from gameday.ports import PortError
from tests.support.link_servers import PATIENCE_S, Server, Talk, Upstream, echo_of, running


def spec(name: str, upstream: str = "127.0.0.1:1") -> ProxySpec:
    return {"name": name, "listen": "127.0.0.1:0", "upstream": upstream}


@pytest.fixture
def links(server: Server) -> LinkServer:
    return server.client


@pytest.fixture
def absent_server() -> Iterator[LinkServer]:
    """A client without a server: the port is bound, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield LinkServer("127.0.0.1", bound.getsockname()[1], timeout_s=0.5)


def test_populate_returns_where_each_proxy_listens(links: LinkServer, echoing: Upstream) -> None:
    """The addresses work at once; populating again with the same addresses changes nothing."""
    listens = links.populate([spec("a", echoing.address), spec("b", echoing.address)])
    assert list(listens) == ["a", "b"]
    for listen in listens.values():
        host, _, port = listen.rpartition(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as client:
            assert echo_of(client, b"x") == b"x"
    again = links.populate([{**spec("a", echoing.address), "listen": listens["a"]}])
    assert again == {"a": listens["a"]}
    assert links.populate([]) == {}


def test_proxies_are_reported_with_their_toxics(links: LinkServer) -> None:
    """Proxies are returned by name with the server's state."""
    listen = links.populate([spec("a")])["a"]
    links.add_toxic("a", "slow", "latency", "upstream", 0.5, {"latency": 7})
    state = links.proxies()["a"]
    assert (state.name, state.listen, state.upstream, state.enabled) == ("a", listen, "127.0.0.1:1", True)
    assert state.toxics == (ToxicState("slow", "latency", "upstream", 0.5, {"latency": 7, "jitter": 0}),)


def test_toxics_are_added_changed_and_removed(links: LinkServer) -> None:
    """An update merges attributes and keeps the toxicity unless given; removal is idempotent."""
    links.populate([spec("a")])
    links.add_toxic("a", "slow", "latency", attributes={"latency": 7, "jitter": 3})
    links.update_toxic("a", "slow", {"latency": 9})
    links.update_toxic("a", "slow", toxicity=0.25)
    expected = ToxicState("slow", "latency", "downstream", 0.25, {"latency": 9, "jitter": 3})
    assert links.proxies()["a"].toxics == (expected,)
    links.remove_toxic("a", "slow")
    assert links.proxies()["a"].toxics == ()
    links.remove_toxic("a", "slow")
    links.remove_toxic("no-such-proxy", "slow")


def test_proxies_are_disabled_and_redirected(links: LinkServer, echoing: Upstream) -> None:
    """A disabled proxy refuses, an enabled one has its old address, a new upstream is dialled."""
    listens = links.populate([spec("run.a")])
    links.set_enabled("run.a", False)
    assert links.proxies()["run.a"].enabled is False
    links.set_enabled("run.a", True)
    assert links.proxies()["run.a"].listen == listens["run.a"]
    links.set_upstream("run.a", echoing.address)
    host, _, port = listens["run.a"].rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as client:
        assert echo_of(client, b"x") == b"x"


def test_names_are_quoted(links: LinkServer) -> None:
    """Names with characters that are special in a path work in every call."""
    links.populate([spec("a/b c?")])
    links.add_toxic("a/b c?", "x/y ?", "noop")
    links.update_toxic("a/b c?", "x/y ?", toxicity=0)
    links.set_enabled("a/b c?", False)
    links.remove_toxic("a/b c?", "x/y ?")
    assert links.proxies()["a/b c?"].toxics == ()


@pytest.mark.parametrize(
    ("call", "operation", "reason"),
    [
        (lambda links: links.add_toxic("a", "t", "gremlin"), "add toxic t to a", "invalid toxic type"),
        (lambda links: links.add_toxic("b", "t", "noop"), "add toxic t to b", "proxy not found"),
        (lambda links: links.add_toxic("a", "taken", "noop"), "add toxic taken to a", "toxic already exists"),
        (lambda links: links.update_toxic("a", "t"), "update toxic t of a", "toxic not found"),
        (lambda links: links.set_enabled("b", True), "enable b", "proxy not found"),
        (lambda links: links.set_upstream("b", "x:1"), "set upstream of b", "proxy not found"),
        (
            lambda links: links.populate([{"name": "b", "listen": "nowhere", "upstream": "x:1"}]),
            "populate",
            "listen tcp: address nowhere: missing port in address",
        ),
    ],
)
def test_a_refusal_names_server_operation_and_reason(
    links: LinkServer, call: Callable[[LinkServer], object], operation: str, reason: str
) -> None:
    """Every failure is one LinkError, a PortError, with the server's own message."""
    links.populate([spec("a")])
    links.add_toxic("a", "taken", "noop")
    with pytest.raises(LinkError) as caught:
        call(links)
    assert (caught.value.server, caught.value.operation) == (links.address, operation)
    assert caught.value.reason == reason
    assert str(caught.value) == f"link server {links.address}: {operation}: {reason}"
    assert isinstance(caught.value, PortError)


def test_a_proxy_that_can_not_be_enabled_is_an_error(links: LinkServer) -> None:
    """Enabling raises an error if the port is taken meanwhile, although the package accepts the 500."""
    listen = links.populate([spec("a")])["a"]
    links.set_enabled("a", False)
    host, _, port = listen.rpartition(":")
    with socket.create_server((host, int(port))):
        with pytest.raises(LinkError, match="address already in use"):
            links.set_enabled("a", True)


CALLS: list[Callable[[LinkServer], object]] = [
    lambda links: links.version(),
    lambda links: links.populate([spec("a")]),
    lambda links: links.proxies(),
    lambda links: links.add_toxic("a", "t", "noop"),
    lambda links: links.update_toxic("a", "t"),
    lambda links: links.remove_toxic("a", "t"),
    lambda links: links.set_enabled("a", True),
    lambda links: links.set_upstream("a", "x:1"),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_not_there_is_an_error(
    absent_server: LinkServer, call: Callable[[LinkServer], object]
) -> None:
    """Every call on an unreachable server raises an error, also a removal, which ignores a missing
    toxic."""
    with pytest.raises(LinkError, match=r"not reachable \(connection refused\)"):
        call(absent_server)


def silence(connection: socket.socket) -> None:
    with connection.makefile("rb") as stream:
        stream.read()


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_does_not_answer_is_an_error_in_time(
    upstream: Callable[[Talk], Upstream], call: Callable[[LinkServer], object]
) -> None:
    """Every call, the package's included, has the time-out."""
    links = LinkServer("127.0.0.1", upstream(silence).port, timeout_s=0.1)
    with pytest.raises(LinkError, match=r"no answer within 0\.1 s"):
        call(links)


def test_an_answer_that_is_no_link_servers_is_an_error(upstream: Callable[[Talk], Upstream]) -> None:
    """If another program listens at the port, the call raises LinkError."""

    def other(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\nConnection: close\r\n\r\noops\n"
        )
        connection.close()

    links = LinkServer("127.0.0.1", upstream(other).port)
    for call in (links.version, lambda: links.add_toxic("a", "t", "noop")):
        with pytest.raises(LinkError, match="oops"):
            call()


def test_wait_ready_returns_once_the_server_answers() -> None:
    """`wait_ready` waits for a server that isn't up yet; its version is then known."""
    with running() as server:
        server.client.wait_ready(PATIENCE_S)
        assert server.client.version() == "2.12.0"


def test_wait_ready_gives_up_in_time(absent_server: LinkServer) -> None:
    """The error has the time waited and the last failure."""
    with pytest.raises(LinkError, match=r"start: not ready within 0\.05 s \(not reachable"):
        absent_server.wait_ready(0.05)


@pytest.fixture
def second() -> Iterator[Server]:
    with running() as server:
        yield server


def test_two_servers_are_never_mixed_up(links: LinkServer, second: Server) -> None:
    """Concurrent calls to different servers change only their own, although the package has one
    host for all."""
    clients = [links, second.client]
    failures: list[BaseException] = []

    def work(client: LinkServer, name: str) -> None:
        try:
            client.populate([spec(name)])
            for index in range(10):
                client.add_toxic(name, f"t{index}", "noop")
                client.remove_toxic(name, f"t{index}")
                client.set_enabled(name, bool(index % 2))
        except LinkError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(clients[i % 2], f"server{i % 2}.{i}")) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failures == []
    for index, client in enumerate(clients):
        assert sorted(client.proxies()) == [f"server{index}.{i}" for i in range(index, 6, 2)]


def test_a_web_proxy_in_the_environment_is_ignored(
    links: LinkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Link servers are reached directly, whatever HTTP_PROXY is."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert os.environ["HTTP_PROXY"]
    links.populate([spec("a")])
    links.add_toxic("a", "t", "noop")

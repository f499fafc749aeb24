"""The link server's secret: requests without it are refused; a server without a secret needs none."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gameday.links.toxiproxy_client import LinkError, LinkServer
from tests.support.link_servers import Server, running

SECRET = "only-the-runner-knows"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with running("--proxy-metrics", secret=SECRET) as server:
        yield server


@pytest.mark.parametrize("header", [{}, {"X-Gameday-Secret": ""}, {"X-Gameday-Secret": SECRET[:-1]}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/version"),
        ("GET", "/proxies"),
        ("GET", "/metrics"),
        ("POST", "/proxies"),
        ("POST", "/populate"),
        ("POST", "/reset"),
        ("DELETE", "/proxies/kept"),
        ("GET", "/nowhere"),
    ],
)
def test_without_the_secret_nothing_is_answered(
    guarded: Server, header: dict[str, str], method: str, path: str
) -> None:
    """Every path, unknown ones too, is refused alike, and no proxy is made or removed."""
    body = {"name": "strange", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
    answer = guarded.ask(method, path, body if method == "POST" else None, headers=header)
    assert (answer.status_code, answer.json()["status"]) == (401, 401)
    assert guarded.client.proxies() == {}


def test_the_runners_client_brings_it(guarded: Server) -> None:
    """The runner's client sends the secret in each of its calls, also through the package."""
    client = guarded.client
    assert client.version()
    client.populate([{"name": "link", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}])
    client.set_enabled("link", False)
    client.add_toxic("link", "slow", "latency", attributes={"latency": 1})
    client.update_toxic("link", "slow", {"latency": 2})
    client.set_upstream("link", "127.0.0.1:2")
    assert not client.proxies()["link"].enabled
    client.remove_toxic("link", "slow")


def test_one_clients_secret_is_not_sent_to_another_server(guarded: Server, server: Server) -> None:
    """A client without a secret is refused, even if another client of the process has sent one."""
    guarded.client.remove_toxic("none", "none")
    with pytest.raises(LinkError, match="X-Gameday-Secret"):
        LinkServer("127.0.0.1", guarded.port).remove_toxic("none", "none")
    assert server.client.version()


def test_a_large_body_from_another_account_is_not_collected(guarded: Server) -> None:
    """A server with a secret ends a request at 1 MB, since it looks at the secret only after the body."""
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=5) as connection:
        connection.sendall(b"POST /populate HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
        # The server closes long before the announced length.
        with pytest.raises(ConnectionError, match=r"reset by peer|Broken pipe"):
            connection.sendall(bytes(50_000_000))
    assert guarded.ask("GET", "/version", headers={"X-Gameday-Secret": SECRET}).status_code == 200

from __future__ import annotations

import time

import pytest

from tests.support.link_servers import Server, Upstream, echo_of


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_data_is_dropped_and_the_connection_closed_after_the_time(
    server: Server, echoing: Upstream, stream: str
) -> None:
    """No data arrives, and the connection ends after the time-out."""
    proxy = server.proxy(echoing.port)
    proxy.add("timeout", stream, timeout=150)
    with proxy.connect() as client:
        start = time.monotonic()
        client.sendall(b"hello")
        assert client.recv(1) == b""
        assert time.monotonic() - start >= 0.15


def test_zero_never_closes_and_removal_does(server: Server, echoing: Upstream) -> None:
    """With a time-out of 0 data is dropped while the toxic exists; removing it ends the affected
    connections."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("timeout", timeout=0)
    with proxy.connect() as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError, match="timed out"):
            echo_of(client, b"hello")
        client.settimeout(5)
        proxy.remove(toxic)
        assert client.recv(1) == b""
    with proxy.connect() as client:
        assert echo_of(client, b"hello") == b"hello"


def test_reset_of_the_server_closes_as_removal_does(server: Server, echoing: Upstream) -> None:
    """POST /reset removes the toxic, so the affected connections end."""
    proxy = server.proxy(echoing.port)
    with proxy.connect() as client:
        assert echo_of(client, b"hello") == b"hello"
        proxy.add("timeout", timeout=0)
        server.ask("POST", "/reset")
        assert client.recv(1) == b""


def test_removal_spares_connections_it_did_not_work_on(server: Server, echoing: Upstream) -> None:
    """At toxicity 0 no connection has lost data, so none is closed."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("timeout", toxicity=0, timeout=0)
    with proxy.connect() as client:
        assert echo_of(client, b"hello") == b"hello"
        proxy.remove(toxic)
        assert echo_of(client, b"hello") == b"hello"

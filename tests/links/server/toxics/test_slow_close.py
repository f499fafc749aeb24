from __future__ import annotations

import socket
import time

import pytest

from tests.support.link_servers import PATIENCE_S, Server, Upstream, read_all, read_exactly


def test_data_passes_at_once_and_the_end_later(server: Server, echoing: Upstream) -> None:
    """The echo arrives at once, the end only after the delay."""
    proxy = server.proxy(echoing.port)
    proxy.add("slow_close", delay=300)
    with proxy.connect() as client:
        start = time.monotonic()
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(client, 5) == b"hello"
        assert read_all(client) == b""
        assert time.monotonic() - start >= 0.3


def test_removal_lets_a_held_end_through(server: Server, echoing: Upstream) -> None:
    """An end held for an hour arrives once the toxic is removed; the data arrives before."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("slow_close", delay=3_600_000)
    with proxy.connect() as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(client, 5) == b"hello"
        client.settimeout(0.1)
        with pytest.raises(TimeoutError, match="timed out"):
            client.recv(1)
        client.settimeout(PATIENCE_S)
        proxy.remove(toxic)
        assert read_all(client) == b""

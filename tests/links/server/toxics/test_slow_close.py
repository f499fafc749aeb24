from __future__ import annotations

import socket
import time

from tests.support.link_servers import Server, Upstream, read_all, read_exactly


def test_data_passes_at_once_and_the_end_later(server: Server, echoing: Upstream) -> None:
    """The echo is back before the delay has passed, the end only after it."""
    proxy = server.proxy(echoing.port)
    proxy.add("slow_close", delay=2000)
    with proxy.connect() as client:
        start = time.monotonic()
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(client, 5) == b"hello"
        assert time.monotonic() - start < 2.0
        assert read_all(client) == b""
        assert time.monotonic() - start >= 2.0


def test_removal_lets_a_held_end_through(server: Server, echoing: Upstream) -> None:
    """An end held for an hour comes when the toxic goes."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("slow_close", delay=3_600_000)
    with proxy.connect() as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(client, 5) == b"hello"
        proxy.remove(toxic)
        assert read_all(client) == b""

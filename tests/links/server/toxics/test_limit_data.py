from __future__ import annotations

import pytest

from tests.support.link_servers import Server, Upstream, echo_of, read_all


@pytest.mark.parametrize("limit", [0, 1, 100])
def test_so_many_bytes_pass_and_then_the_connection_closes(
    server: Server, echoing: Upstream, limit: int
) -> None:
    """The client gets exactly the limit, then EOF; each connection is counted separately."""
    proxy = server.proxy(echoing.port)
    proxy.add("limit_data", bytes=limit)
    for _ in range(2):
        with proxy.connect() as client:
            client.sendall(b"x" * 300)
            assert read_all(client) == b"x" * limit


def test_reaching_the_limit_exactly_closes(server: Server, echoing: Upstream) -> None:
    """The connection closes after the last allowed byte, without further data."""
    proxy = server.proxy(echoing.port)
    proxy.add("limit_data", bytes=5)
    with proxy.connect() as client:
        client.sendall(b"hello")
        assert read_all(client) == b"hello"


def test_a_raised_limit_counts_earlier_bytes(server: Server, echoing: Upstream) -> None:
    """If 10 bytes passed under a limit of 100, only 5 more pass under a new limit of 15."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("limit_data", bytes=100)
    with proxy.connect() as client:
        assert echo_of(client, b"x" * 10) == b"x" * 10
        proxy.change(toxic, attributes={"bytes": 15})
        client.sendall(b"x" * 10)
        assert read_all(client) == b"x" * 5

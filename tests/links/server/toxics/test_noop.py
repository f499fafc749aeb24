from __future__ import annotations

from tests.support.link_servers import Server, Upstream, echo_of


def test_it_changes_nothing(server: Server, echoing: Upstream) -> None:
    """Data passes unchanged in both streams."""
    proxy = server.proxy(echoing.port)
    proxy.add("noop", "upstream")
    proxy.add("noop", "downstream")
    with proxy.connect() as client:
        assert echo_of(client, b"hello") == b"hello"

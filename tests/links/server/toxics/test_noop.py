from __future__ import annotations

from tests.support.link_servers import Server, Upstream, asked


def test_it_changes_nothing(server: Server, echoing: Upstream) -> None:
    """Data passes unchanged in both streams."""
    proxy = server.proxy(echoing.port)
    proxy.add("noop", "upstream")
    proxy.add("noop", "downstream")
    with proxy.connect() as client:
        assert asked(client, b"hello") == b"hello"

from __future__ import annotations

import time

import pytest

from tests.support.link_servers import Server, Upstream, echo_of, read_exactly


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_data_passes_at_the_rate(server: Server, echoing: Upstream, stream: str) -> None:
    """60 KB at 40 KB/s take 1.5 s and arrive in parts, not all at the end."""
    proxy = server.proxy(echoing.port)
    proxy.add("bandwidth", stream, rate=40)
    with proxy.connect() as client:
        start = time.monotonic()
        client.sendall(bytes(60_000))
        assert read_exactly(client, 20_000) == bytes(20_000)
        early = time.monotonic() - start
        assert read_exactly(client, 40_000) == bytes(40_000)
        late = time.monotonic() - start
    assert late >= 1.5
    assert early < late - 0.1


def test_a_rate_of_zero_stalls_until_it_is_changed(server: Server, echoing: Upstream) -> None:
    """No data passes at a rate of 0; a higher rate, set on the open connection, releases the held
    data."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("bandwidth", rate=0)
    with proxy.connect() as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError, match="timed out"):
            echo_of(client, b"hello")
        client.settimeout(5)
        proxy.change(toxic, attributes={"rate": 1000})
        assert read_exactly(client, 5) == b"hello"

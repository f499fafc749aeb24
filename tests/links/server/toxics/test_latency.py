from __future__ import annotations

import time

import pytest

from gameday.links.server.toxics.latency import Latency
from tests.support.link_servers import Server, Upstream, echo_of, read_exactly


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_every_chunk_is_delayed_from_its_arrival(server: Server, echoing: Upstream, stream: str) -> None:
    """Ten chunks in a burst take one latency together, not ten."""
    proxy = server.proxy(echoing.port)
    proxy.add("latency", stream, latency=500)
    with proxy.connect() as client:
        for _ in range(2):
            start = time.monotonic()
            for index in range(10):
                client.sendall(bytes([index]))
            assert read_exactly(client, 10) == bytes(range(10))
            assert 0.5 <= time.monotonic() - start < 4.5


def test_jitter_is_uniform_around_the_latency_and_never_negative() -> None:
    """Draws lie within latency ± jitter, truncated at zero, and cover that range."""
    draws = [Latency(100, 50).draw_s() for _ in range(2000)]
    assert 0.05 <= min(draws) < 0.06
    assert 0.14 < max(draws) <= 0.15
    assert min(Latency(10, 50).draw_s() for _ in range(200)) == 0
    assert Latency(-5, -5).draw_s() == 0


def test_jitter_keeps_the_order(server: Server, echoing: Upstream) -> None:
    """Chunks with different delays never overtake one another."""
    proxy = server.proxy(echoing.port)
    proxy.add("latency", latency=10, jitter=10)
    message = b"".join(b"%d " % index for index in range(200))
    with proxy.connect() as client:
        for part in message.split(b" ")[:-1]:
            client.sendall(part + b" ")
        assert read_exactly(client, len(message)) == message


def test_a_latency_of_zero_passes_everything(server: Server, echoing: Upstream) -> None:
    """All attributes default to 0, which delays nothing."""
    proxy = server.proxy(echoing.port)
    proxy.add("latency")
    with proxy.connect() as client:
        assert echo_of(client, b"hello") == b"hello"

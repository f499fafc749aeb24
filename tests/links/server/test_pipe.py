"""Toxics added, changed and removed while connections are open, and the connections that they affect."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.link_servers import PATIENCE_S, Proxy, Server, Upstream, echo_of, read_all, read_exactly


@pytest.fixture
def server(either_server: Server) -> Server:
    """A server on uvloop, then on asyncio's own loop; every test here must pass on both."""
    return either_server


@pytest.fixture
def proxy(server: Server, echoing: Upstream) -> Proxy:
    return server.proxy(echoing.port)


def delay_s(proxy: Proxy, size: int = 1) -> float:
    """Return the seconds that an echo takes on a new connection."""
    with proxy.connect() as client:
        start = time.monotonic()
        assert echo_of(client, b"x" * size) == b"x" * size
        return time.monotonic() - start


def passes(proxy: Proxy) -> bool:
    """Return whether data passes a proxy whose toxic would close the connection at the first byte."""
    with proxy.connect() as client:
        client.sendall(b"x")
        return client.recv(1) == b"x"


def test_a_toxic_works_on_open_connections_from_when_it_is_added_to_when_it_is_removed(proxy: Proxy) -> None:
    """An open connection is affected at once when a toxic is added, changed and removed."""
    with proxy.connect() as client:
        assert echo_of(client, b"x") == b"x"
        toxic = proxy.add("latency", latency=60)
        start = time.monotonic()
        assert echo_of(client, b"x") == b"x"
        assert time.monotonic() - start >= 0.06
        proxy.change(toxic, attributes={"latency": 120})
        start = time.monotonic()
        assert echo_of(client, b"x") == b"x"
        assert time.monotonic() - start >= 0.12
        proxy.change(toxic, attributes={"latency": 3_600_000})
        proxy.remove(toxic)
        assert echo_of(client, b"x") == b"x"


def test_removing_a_toxic_passes_on_its_held_data_at_once(proxy: Proxy) -> None:
    """An hour's latency holds data and end; removing it delivers both, in order."""
    toxic = proxy.add("latency", latency=3_600_000)
    with proxy.connect() as client:
        for part in (b"one ", b"two ", b"three"):
            client.sendall(part)
        client.shutdown(1)
        time_of_trip = proxy.server.ask("GET", proxy.path)  # The data had at least this long to arrive.
        assert time_of_trip.status_code == 200
        proxy.remove(toxic)
        assert read_all(client) == b"one two three"


def test_toxics_of_both_streams_and_several_of_a_type_add_up(proxy: Proxy) -> None:
    """Two latencies downstream and one upstream: the delays add up."""
    for name, stream in (("a", "downstream"), ("b", "downstream"), ("c", "upstream")):
        body = {"name": name, "type": "latency", "stream": stream, "attributes": {"latency": 30}}
        assert proxy.server.ask("POST", f"{proxy.path}/toxics", body).status_code == 200
    assert delay_s(proxy) >= 0.09


@pytest.mark.parametrize(("toxicity", "through"), [(0, True), (-1, True), (1, False), (7, False)])
def test_toxicity_0_never_and_1_always_applies(proxy: Proxy, toxicity: float, through: bool) -> None:
    """Toxicities below 0 and above 1 are accepted and mean never and always."""
    proxy.add("limit_data", toxicity=toxicity)
    assert [passes(proxy) for _ in range(20)] == [through] * 20


def test_toxicity_is_drawn_once_a_connection(proxy: Proxy) -> None:
    """At 0.5 some connections are affected and some aren't, and each stays as drawn."""
    proxy.add("latency", toxicity=0.5, latency=40)
    patterns = set()
    for _ in range(40):
        with proxy.connect() as client:
            hits = set()
            for _ in range(3):
                start = time.monotonic()
                assert echo_of(client, b"x") == b"x"
                hits.add(time.monotonic() - start >= 0.04)
            # A hit connection is never fast; one that was spared may be slow for other reasons.
            patterns.add(hits == {True})
        if patterns == {True, False}:
            break
    assert patterns == {True, False}


def test_a_changed_toxicity_reaches_open_connections(proxy: Proxy) -> None:
    """If the toxicity is raised from 0 to 1, the toxic affects a connection that it had spared."""
    toxic = proxy.add("limit_data", toxicity=0)
    with proxy.connect() as client:
        assert echo_of(client, b"x") == b"x"
        proxy.change(toxic, toxicity=1)
        client.sendall(b"x")
        assert client.recv(1) == b""


def test_toxics_may_come_and_go_under_load_without_losing_a_byte(proxy: Proxy) -> None:
    """While toxics that only delay are added, changed and removed, a stream of echoes loses no byte."""
    done = threading.Event()

    def meddle() -> None:
        while not done.is_set():
            names = [
                proxy.add("latency", "upstream", latency=2, jitter=2),
                proxy.add("slicer", "downstream", average_size=700, size_variation=300, delay=10),
                proxy.add("bandwidth", "downstream", rate=20_000),
            ]
            proxy.change(names[0], attributes={"latency": 1})
            proxy.change(names[2], attributes={"rate": 10_000})
            for name in names:
                proxy.remove(name)

    meddler = threading.Thread(target=meddle)
    meddler.start()
    try:
        with proxy.connect() as client:
            for index in range(300):
                message = bytes([index % 256]) * 5000
                assert echo_of(client, message) == message
    finally:
        done.set()
        meddler.join(PATIENCE_S)


def test_a_limit_behind_a_latency_delivers_the_bytes_below_it(proxy: Proxy) -> None:
    """Toxics apply in the order in which they were added: data truncated by the first still passes
    the second."""
    proxy.add("limit_data", bytes=5)
    proxy.add("latency", latency=30)
    with proxy.connect() as client:
        client.sendall(b"0123456789")
        assert read_exactly(client, 100) == b"01234"

"""Traffic through a proxy without toxics: bytes, ends, flow control, and changes of the proxy."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from tests.support.link_servers import (
    PATIENCE_S,
    Proxy,
    Server,
    Talk,
    Upstream,
    echo_of,
    read_all,
    read_exactly,
)

MEGABYTE = 1_000_000


@pytest.fixture
def server(either_server: Server) -> Server:
    """A server on uvloop, then on asyncio's own loop; every test here must pass on both."""
    return either_server


@pytest.fixture
def proxy(server: Server, echoing: Upstream) -> Proxy:
    return server.proxy(echoing.port)


def refused(proxy: Proxy) -> bool:
    try:
        proxy.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def ended(connection: socket.socket) -> bool:
    """Wait for the end of a connection, by EOF or reset."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def exchanged(proxy: Proxy, data: bytes) -> bytes:
    """Send `data` and receive at the same time; return what came until both directions ended."""
    with proxy.connect() as client:

        def send() -> None:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        back = read_all(client)
        sender.join(PATIENCE_S)
    return back


@pytest.mark.parametrize("toxics", [(), ("latency",), ("slicer", "latency", "bandwidth")])
def test_large_transfers_arrive_whole_in_both_directions(proxy: Proxy, toxics: tuple[str, ...]) -> None:
    """Megabytes sent and echoed at once arrive without a changed byte, through any toxics that only
    delay."""
    attributes = {
        "latency": {"latency": 5, "jitter": 5},
        "slicer": {"average_size": 30_000, "size_variation": 20_000},
        "bandwidth": {"rate": 50_000},
    }
    for type in toxics:
        for stream in ("upstream", "downstream"):
            proxy.add(type, stream, **attributes[type])
    data = random.Random(7).randbytes((8 if not toxics else 2) * MEGABYTE)
    assert hashlib.sha256(exchanged(proxy, data)).digest() == hashlib.sha256(data).digest()


def test_data_sent_before_the_upstream_is_reached_is_not_lost(proxy: Proxy) -> None:
    """A client that writes and ends at once always gets its whole echo."""
    for index in range(200):
        message = b"first %d" % index
        assert exchanged(proxy, message) == message


def test_data_of_an_upstream_that_speaks_first_arrives(
    server: Server, upstream: Callable[[Talk], Upstream]
) -> None:
    """A greeting sent on accept arrives, then the end."""

    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\n")
        connection.close()

    proxy = server.proxy(upstream(greet).port)
    for _ in range(50):
        with proxy.connect() as client:
            assert read_all(client) == b"220 ready\r\n"


def test_one_direction_may_end_before_the_other(server: Server, upstream: Callable[[Talk], Upstream]) -> None:
    """A client that ends its half still gets the answer that the upstream gives only then."""

    def answer_after_the_end(connection: socket.socket) -> None:
        question = read_all(connection)
        connection.sendall(question[::-1])
        connection.close()

    proxy = server.proxy(upstream(answer_after_the_end).port)
    assert exchanged(proxy, b"drawer") == b"reward"


def test_an_end_of_the_upstream_reaches_the_client_and_leaves_nothing(proxy: Proxy) -> None:
    """A thousand connections, half-closed by either side, leave no socket open in the server."""
    process = psutil.Process(proxy.server.process.pid)
    before = process.num_fds()
    for index in range(500):
        with proxy.connect() as client:
            assert echo_of(client, b"x") == b"x"
            if index % 2:
                client.shutdown(socket.SHUT_WR)
                assert client.recv(1) == b""
    # The last closes may still be under way; each answered request gives the server a turn.
    deadline = time.monotonic() + PATIENCE_S
    while process.num_fds() > before + 1 and time.monotonic() < deadline:
        proxy.server.ask("GET", "/version")
    assert process.num_fds() <= before + 1


def test_a_reader_that_stops_stops_the_writer(server: Server, upstream: Callable[[Talk], Upstream]) -> None:
    """If the client stops reading, the server stops buffering; once the client reads again, all
    data arrives."""
    sent = 0
    stalled = threading.Event()

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        connection.settimeout(0.3)
        block = bytes(65536)
        try:
            while True:
                sent += connection.send(block)
        except TimeoutError:
            stalled.set()
        connection.close()

    proxy = server.proxy(upstream(pour).port)
    memory = psutil.Process(server.process.pid).memory_info
    before = memory().rss
    with proxy.connect() as client:
        assert stalled.wait(PATIENCE_S)
        assert memory().rss - before < 8 * MEGABYTE
        assert len(read_all(client)) == sent


def test_a_disabled_proxy_ends_its_connections_and_refuses_new_ones(proxy: Proxy) -> None:
    """Disabling ends connections and closes the listener before the API answers; enabled again, the
    proxy has the same address."""
    with proxy.connect() as client:
        assert echo_of(client, b"x") == b"x"
        proxy.update(enabled=False)
        assert refused(proxy)
        assert ended(client)
    proxy.update(enabled=True)
    with proxy.connect() as client:
        assert echo_of(client, b"x") == b"x"


def test_a_removed_proxy_ends_its_connections_and_refuses_new_ones(proxy: Proxy) -> None:
    """DELETE closes the listener and the proxy's connections."""
    with proxy.connect() as client:
        assert echo_of(client, b"x") == b"x"
        proxy.server.ask("DELETE", proxy.path)
        assert refused(proxy)
        assert ended(client)


@pytest.mark.parametrize("change", ["listen", "upstream"])
def test_another_address_drops_connections(
    proxy: Proxy, upstream: Callable[[Talk], Upstream], change: str
) -> None:
    """Changing listen or upstream ends the open connections and keeps the toxics; the same address
    is a no-op."""

    def other(connection: socket.socket) -> None:
        connection.sendall(b"other")
        connection.close()

    toxic = proxy.add("latency", latency=1)
    with proxy.connect() as client:
        assert echo_of(client, b"x") == b"x"
        proxy.update(listen=proxy.listen.replace("127.0.0.1", "localhost"))
        assert echo_of(client, b"x") == b"x"
        proxy.update(**{change: "127.0.0.1:0" if change == "listen" else upstream(other).address})
        assert ended(client)
    view = proxy.server.ask("GET", proxy.path).json()
    assert [one["name"] for one in view["toxics"]] == [toxic]
    proxy.listen = view["listen"]
    with proxy.connect() as client:
        client.sendall(b"other")
        assert read_exactly(client, 5) == b"other"


def test_an_upstream_that_refuses_ends_the_clients_connection(server: Server, echoing: Upstream) -> None:
    """If the upstream refuses, the client is accepted and then reads EOF, without error, reset or
    delay."""
    echoing.close()
    proxy = server.proxy(echoing.port)
    with proxy.connect() as client:
        client.sendall(b"anyone?")
        assert client.recv(1) == b""


@pytest.mark.parametrize("upstream_name", ["no.such.host.invalid:80", "nonsense", "127.0.0.1:http2999", ""])
def test_an_upstream_that_makes_no_sense_ends_the_clients_connection(
    server: Server, echoing: Upstream, upstream_name: str
) -> None:
    """The API accepts any upstream; if it can't be resolved, connections end with EOF."""
    proxy = server.proxy(echoing.port)
    proxy.update(upstream=upstream_name)
    with proxy.connect() as client:
        assert client.recv(1) == b""


def test_an_upstream_is_resolved_by_ordinary_names(server: Server, echoing: Upstream) -> None:
    """`localhost` has several addresses; those that refuse are skipped every time."""
    proxy = server.proxy(f"localhost:{echoing.port}")
    for _ in range(10):
        with proxy.connect() as client:
            assert echo_of(client, b"x") == b"x"


def test_a_client_that_resets_takes_the_upstream_along(
    server: Server, upstream: Callable[[Talk], Upstream]
) -> None:
    """If a client resets its connection, the upstream's connection ends."""
    ended = threading.Event()

    def wait_for_end(connection: socket.socket) -> None:
        connection.sendall(b"x")
        try:
            read_all(connection)
        finally:
            ended.set()

    proxy = server.proxy(upstream(wait_for_end).port)
    client = proxy.connect()
    assert client.recv(1) == b"x"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    assert ended.wait(PATIENCE_S)

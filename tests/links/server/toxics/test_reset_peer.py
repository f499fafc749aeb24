from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.support.link_servers import PATIENCE_S, Server, Talk, Upstream, echo_of
from tests.support.waiting import until


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("timeout", [0, 150])
def test_the_client_is_reset_after_the_time(
    server: Server, echoing: Upstream, stream: str, timeout: int
) -> None:
    """The first data starts the timer; then the client gets `connection reset`, not EOF."""
    proxy = server.proxy(echoing.port)
    proxy.add("reset_peer", stream, timeout=timeout)
    with proxy.connect() as client:
        start = time.monotonic()
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError, match="reset by peer"):
            client.recv(1)
        assert time.monotonic() - start >= timeout / 1000


def test_the_upstream_is_reset_as_well(server: Server, upstream: Callable[[Talk], Upstream]) -> None:
    """Both sides of the connection get the reset."""
    reset = threading.Event()

    def listen(connection: object) -> None:
        try:
            connection.recv(1)  # type: ignore[attr-defined]
        except ConnectionResetError:
            reset.set()

    proxy = server.proxy(upstream(listen).port)
    proxy.add("reset_peer", "upstream")
    with proxy.connect() as client:
        client.sendall(b"hello")
        assert reset.wait(PATIENCE_S)


def test_an_open_connection_is_reset_by_a_toxic_added_later(server: Server, echoing: Upstream) -> None:
    """A toxic added later resets an open connection after its next data."""
    proxy = server.proxy(echoing.port)
    with proxy.connect() as client:
        assert echo_of(client, b"hello") == b"hello"
        proxy.add("reset_peer")
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError, match="reset by peer"):
            client.recv(1)


def test_a_change_while_its_time_runs_resets_at_once(server: Server, echoing: Upstream) -> None:
    """Changing the toxic while its timer runs resets the connection at once, since its data is
    already lost."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("reset_peer", "upstream", timeout=60_000)

    def reset() -> bool:
        proxy.change(toxic, attributes={"timeout": 60_000})
        try:
            client.recv(1)
        except TimeoutError:
            return False  # the data hadn't arrived before the change
        except ConnectionResetError:
            return True
        return False

    with proxy.connect() as client:
        client.sendall(b"hello")
        client.settimeout(0.1)
        until(reset, "the connection is reset")


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_an_idle_client_that_closes_resets_the_upstream(
    server: Server, upstream: Callable[[Talk], Upstream], stream: str
) -> None:
    """With the toxic on either stream, the connection ends with a reset even if no data ever passed."""
    accepted, ended = threading.Event(), threading.Event()
    how: list[object] = []

    def listen(connection: object) -> None:
        accepted.set()
        try:
            how.append(connection.recv(1))  # type: ignore[attr-defined]
        except ConnectionResetError as error:
            how.append(type(error))
        ended.set()

    proxy = server.proxy(upstream(listen).port)
    proxy.add("reset_peer", stream)
    with proxy.connect():
        assert accepted.wait(PATIENCE_S)
    assert ended.wait(PATIENCE_S)
    assert how == [ConnectionResetError]

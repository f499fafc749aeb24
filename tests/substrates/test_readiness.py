"""Readiness of an instance."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gameday.ports import PortError
from gameday.substrates import readiness
from gameday.substrates.readiness import answers, await_answer


@contextmanager
def server(behave: Callable[[socket.socket], object]) -> Iterator[tuple[str, int]]:
    """Accept connections one after the other and call `behave` with each."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                behave(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[:2]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def status(code: int) -> Callable[[socket.socket], object]:
    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(f"HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n".encode())

    return behave


@pytest.mark.parametrize(("code", "ready"), [(200, True), (503, False), (404, False)])
def test_http(code: int, ready: bool) -> None:
    """Over HTTP only status 200 is ready."""
    with server(status(code)) as address:
        assert answers("http", address) is ready


def test_http_nonsense() -> None:
    """An answer that isn't HTTP, or none, isn't ready."""
    with server(lambda connection: connection.sendall(b"SSH-2.0\r\n")) as address:
        assert not answers("http", address)
    assert not answers("http", address)


def test_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TCP a connection that lasts is ready, whichever side speaks first; one closed at once or refused isn't."""
    with server(lambda connection: connection.recv(1)) as address:
        assert answers("tcp", address)
    with server(lambda connection: connection.sendall(b"hello")) as address:
        assert answers("tcp", address)
    monkeypatch.setattr(readiness, "HOLD_S", 5.0)
    with server(lambda connection: None) as address:
        assert not answers("tcp", address)
    assert not answers("tcp", address)


def test_waits_between_tries() -> None:
    """Between two tries `pause` is called; what it raises is passed on."""
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise PortError("it ended")

    with server(status(503)) as address, pytest.raises(PortError, match="it ended"):
        await_answer("http", address, pause, 60)
    assert len(waits) == 3


def test_limit() -> None:
    """The wait ends after the limit; a ready instance is found even with a limit of 0."""
    with server(status(503)) as address:
        assert not await_answer("http", address, lambda seconds: None, 0.05)
    with server(status(200)) as address:
        assert await_answer("http", address, lambda seconds: None, 0)

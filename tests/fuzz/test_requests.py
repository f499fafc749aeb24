"""Fuzz tests of the operators' API and the link server: after any bytes, the next client is served at once."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from tests.support.byte_mutations import mutated
from tests.support.link_servers import Server, running
from tests.support.operator_api_client import FakeRun, send, serving

REQUESTS = (
    b"POST /v1/operations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\nContent-Length: 41\r\n\r\n"
    b'{"name": "rollback", "target": "pricing"}\n',
    b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\n\r\n",
    b"POST /proxies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 44\r\n\r\n"
    b'{"name":"x","upstream":"u:1","enabled":false}',
    b"POST /populate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nX: y\r\n\r\n",
)


def throw(port: int, examples: int, first: int) -> None:
    """Send mutated requests, each on a connection of its own that is cut at once or after a moment."""
    for seed in range(first, first + examples):
        random = Random(seed)
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            client.settimeout(0.02)
            try:
                client.sendall(mutated(random.choice(REQUESTS), random)[:100_000])
                if seed % 3 == 0:
                    client.recv(100)
            except (ConnectionError, TimeoutError):
                continue


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server
        assert server.process.poll() is None


@contextmanager
def operators_api() -> Iterator[tuple[int, Callable[[], int]]]:
    run = FakeRun()
    with serving(run) as credentials:
        yield credentials.port, lambda: send(credentials, "GET", "/v1/status")[0]
    assert [operation.name for operation in run.requested] == []


def survives(port: int, ask: Callable[[], int], examples: int, first: int) -> None:
    throw(port, examples, first)
    began = time.process_time()
    assert ask() == 200
    assert time.process_time() - began < 2


def test_the_operators_api_survives_any_bytes() -> None:
    """No mutated request is carried out, and the on-call's next request is answered."""
    with operators_api() as (port, ask):
        survives(port, ask, 60, 0)


def test_the_link_server_survives_any_bytes(server: Server) -> None:
    """The next request is answered."""
    survives(server.port, lambda: server.ask("GET", "/version").status_code, 60, 0)


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_both_servers_survive_ten_thousand_requests(server: Server) -> None:
    """Ten thousand mutated requests each leave both servers answering."""
    survives(server.port, lambda: server.ask("GET", "/version").status_code, 10_000, 100)
    with operators_api() as (port, ask):
        survives(port, ask, 10_000, 100)

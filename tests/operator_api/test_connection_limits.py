"""Limits on connections: long polls, uploads, trailers and floods never keep the on-call out."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gameday.operations import Operation
from gameday.operator_api import api_client, connection_limits
from gameday.operator_api.api_client import ApiClient
from gameday.operator_api.credentials import Credentials
from tests.support.operator_api_client import FakeRun, connect, read_all, send, serving

ROLLBACK = {"name": "rollback", "target": "pricing"}
ACT_WITHIN_S = 0.5
"""How long an on-call may wait for the answer to an operation, whatever others do."""


@pytest.fixture
def run() -> FakeRun:
    """Return a run in which operation o1 doesn't end."""
    return FakeRun(requested=[Operation("restart", "checkout", "agent")])


@pytest.fixture
def credentials(run: FakeRun) -> Iterator[Credentials]:
    with serving(run) as credentials:
        yield credentials


def head(credentials: Credentials, line: str, *more: str) -> bytes:
    """Return the head of a request that shows the token."""
    lines = [f"{line} HTTP/1.1", f"Host: 127.0.0.1:{credentials.port}"]
    return "\r\n".join([*lines, f"Authorization: Bearer {credentials.token}", *more, "", ""]).encode()


def long_poll(credentials: Credentials) -> socket.socket:
    """Open a connection that waits for o1; return once the server has begun to wait."""
    connection = connect(credentials)
    connection.sendall(head(credentials, "GET /v1/operations/o1?wait=60", "Expect: 100-continue"))
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    return connection


def act(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roll back as `gameday rollback --no-wait` does; fail if it is rejected once, or always takes too long."""
    monkeypatch.setattr(api_client, "RETRY_S", 0.0)
    took = []
    for _ in range(5):  # a busy machine may delay some of them
        started = time.monotonic()
        ApiClient(credentials).request_operation(ROLLBACK)
        took.append(time.monotonic() - started)
    assert min(took) < ACT_WITHIN_S


def test_abandoned_long_polls_free_their_places(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 64 clients that waited have hung up, an operation is accepted at once."""
    polls = [long_poll(credentials) for _ in range(connection_limits.MAX_CONNECTIONS * 3 // 4)]
    polls += [connect(credentials) for _ in range(connection_limits.MAX_CONNECTIONS // 4)]
    for connection in polls:
        connection.close()
    act(credentials, monkeypatch)


@pytest.mark.parametrize("pipelined", [b"", b"GET /v1/status HTTP/1.1\r\n\r\n", b"\x00 garbage"])
def test_a_hang_up_is_noticed_whatever_else_was_sent(run: FakeRun, pipelined: bytes) -> None:
    """The only place is free again once its client hangs up, even if more requests follow the first."""
    with serving(run, max_connections=1) as credentials:
        connection = long_poll(credentials)
        connection.sendall(pipelined)
        assert send(credentials, "GET", "/v1/status")[0] == 503
        connection.close()
        until = time.monotonic() + 10
        while send(credentials, "GET", "/v1/status")[0] == 503:
            assert time.monotonic() < until


def test_more_long_polls_than_places_answer_the_oldest(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 64 clients that wait and stay, the first ones get the present state; the on-call gets in."""
    with ExitStack() as stack:
        polls = [
            stack.enter_context(long_poll(credentials)) for _ in range(connection_limits.MAX_CONNECTIONS)
        ]
        assert b'"state": "running"' in read_all(polls[0])
        act(credentials, monkeypatch)
        polls[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            polls[-1].recv(1)


def test_guests_that_dawdle_with_their_body_yield(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client with the token can't fill the server with requests that it doesn't finish."""
    monkeypatch.setattr(connection_limits, "GRACE_S", 0.0)
    with serving(run, max_connections=8) as credentials, ExitStack() as stack:
        upload = head(credentials, "POST /v1/operations", "Content-Length: 100", "Expect: 100-continue")
        for _ in range(8):
            connection = stack.enter_context(connect(credentials))
            connection.sendall(upload)
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        act(credentials, monkeypatch)


def test_trailers_are_dropped(run: FakeRun, credentials: Credentials) -> None:
    """A few of them change nothing, not even if they repeat the headers that let the client in."""
    body = json.dumps(ROLLBACK).encode()
    chunk = b"%x\r\n%s\r\n0\r\nHost: example.com\r\nAuthorization: none\r\n\r\n" % (len(body), body)
    with connect(credentials) as connection:
        connection.sendall(head(credentials, "POST /v1/operations", "Transfer-Encoding: chunked") + chunk)
        assert read_all(connection).startswith(b"HTTP/1.1 202 ")
    assert run.requested[-1] == Operation("rollback", "pricing", "on-call")


def test_endless_trailers_are_refused(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """600 KB of trailers cost the server nothing, and are cut off before their end."""
    with connect(credentials) as connection:
        connection.sendall(head(credentials, "POST /v1/operations", "Transfer-Encoding: chunked"))
        connection.sendall(b"2\r\n{}\r\n0\r\n" + b"a: b\r\n" * 100_000)
        act(credentials, monkeypatch)
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")


def test_hundreds_of_garbage_connections_keep_nobody_out(credentials: Credentials) -> None:
    """500 connections that come at once and send garbage are refused, and an operation is accepted meanwhile."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(credentials)) for _ in range(500)]
        for connection in connections:
            connection.sendall(b"\xff garbage\r\n")
        assert ApiClient(credentials).request_operation(ROLLBACK) == "o2"
        answers = [read_all(connection)[:13] for connection in connections]
    assert set(answers) <= {b"HTTP/1.1 400 ", b"HTTP/1.1 503 ", b""}
    assert answers.count(b"HTTP/1.1 400 ") >= connection_limits.MAX_CONNECTIONS

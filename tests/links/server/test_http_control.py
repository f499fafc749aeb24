"""Requests of API clients: broken requests, broken bodies, keep-alive. None of them ends the server."""

from __future__ import annotations

import socket

import pytest

from gameday.links.server.http_control import MAX_REQUEST_BYTES
from tests.support.link_servers import PATIENCE_S, Server, read_all


def raw(server: Server, request: bytes) -> bytes:
    """Return the answer to raw bytes, until the server closes or resets the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as client:
        try:
            client.sendall(request)
            answer = read_all(client)
        except ConnectionError:
            pass
    return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_a_request_that_is_not_http_is_refused(server: Server, request_bytes: bytes) -> None:
    """A malformed HTTP request gets 400 and a closed connection, and the next client is served."""
    assert raw(server, request_bytes).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert server.ask("GET", "/version").status_code == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "bad request body: EOF"),
        (b"   ", "bad request body: EOF"),
        (b"{", "bad request body: "),
        (b'{"name": }', "bad request body: "),
        (b"\xff\xfe\x00", "bad request body: "),
        (b'{"name": NaN}', "bad request body: "),
        (b'{"name": ' + b"[" * 200_000, "bad request body: "),
        (b'{"name": ' + b"9" * 10_000 + b"}", "bad request body: "),
    ],
)
def test_a_body_that_is_not_json_is_a_400(server: Server, body: bytes, error: str) -> None:
    """Any invalid body, deep nesting and huge numbers included, is answered with a JSON error."""
    answer = server.send("POST", "/proxies", body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


def test_text_that_is_not_unicode_is_replaced(server: Server) -> None:
    """A lone surrogate in a name becomes U+FFFD, and the proxy has that name from then on."""
    assert server.send("POST", "/proxies", b'{"name": "a\\ud800", "upstream": "x:1"}').status_code == 201
    assert list(server.ask("GET", "/proxies").json()) == ["a\ufffd"]
    assert server.ask("DELETE", "/proxies/a\ufffd").status_code == 204


def test_an_oversized_body_is_refused(server: Server) -> None:
    """A body above the limit is refused with 413 if the client still reads; the server goes on."""
    size = MAX_REQUEST_BYTES + 1
    head = f"POST /populate HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
    answer = raw(server, head + b" " * size)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
    assert server.ask("GET", "/version").status_code == 200


def test_a_large_body_within_the_limit_is_taken(server: Server) -> None:
    """A populate of 300 disabled proxies is one request."""
    proxies = [{"name": f"p{index}", "upstream": "x:1", "enabled": False} for index in range(300)]
    assert len(server.ask("POST", "/populate", proxies).json()["proxies"]) == 300


def test_requests_sent_at_once_are_answered_in_order(server: Server) -> None:
    """Pipelined requests on one connection get their answers one after the other."""
    request = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /proxies/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(server, request % b"/version" + request % b"/nothing" + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert answer.count(b"HTTP/1.1 404 Not Found") == 2
    assert answer.endswith(b'{"error":"proxy not found","status":404}\n')


@pytest.mark.parametrize(
    "head",
    [
        b"GET /version HTTP/1.0\r\n\r\n",
        b"GET /version HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"GET /version?pretty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_the_answer_closes_the_connection_if_it_must(server: Server, head: bytes) -> None:
    """HTTP/1.0, an upgrade and `Connection: close` are answered, then the connection ends."""
    assert raw(server, head).endswith(b'{"version": "2.12.0"}\n')


def test_a_client_that_expects_100_continue_gets_it(server: Server) -> None:
    """A client that expects it gets 100 Continue before it sends the body."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as client:
        client.sendall(
            b"POST /populate HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"[]")
        assert client.recv(1000).startswith(b"HTTP/1.1 201 ")

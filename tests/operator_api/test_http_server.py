"""HTTP server under attack: strangers, web pages, garbage, slow clients and crowds; the run goes on."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gameday.operator_api import connection_limits
from gameday.operator_api.credentials import Credentials
from tests.support.operator_api_client import FakeRun, connect, read_all, send, serving


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


@pytest.fixture
def key(run: FakeRun) -> Iterator[Credentials]:
    with serving(run) as key:
        yield key


def unharmed(run: FakeRun, key: Credentials) -> None:
    """Check that nothing was requested of the run, and that the server still answers its client."""
    assert run.requested == []
    assert send(key, "GET", "/v1/status")[0] == 200


def test_listens_on_loopback_only(key: Credentials) -> None:
    """Another address of this machine is refused."""
    assert key.host == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", key.port), timeout=5)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": "Basic Og=="}, 401),
        ({"Authorization": "Bearer \u00e9"}, 401),
        ({"Host": "example.com"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Host": "localhost.example.com:80"}, 403),
        ({"Host": None}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_strangers_and_web_pages_are_refused(
    run: FakeRun, key: Credentials, headers: dict[str, str | None], status: int
) -> None:
    """Every endpoint refuses requests without the token, under another host, or from a browser, and says why."""
    for method, path, body in (("GET", "/v1/status", None), ("POST", "/v1/operations", {"name": "promote"})):
        got, answer = send(key, method, path, body, headers)
        assert got == status
        assert answer["error"]
    assert run.status_reads == 0
    unharmed(run, key)


def test_two_hosts_are_refused(run: FakeRun, key: Credentials) -> None:
    """It isn't known which of them a proxy would believe."""
    with connect(key) as connection:
        host = f"Host: 127.0.0.1:{key.port}\r\n"
        connection.sendall(f"GET /v1/status HTTP/1.1\r\n{host}{host}\r\n".encode())
        assert read_all(connection).startswith(b"HTTP/1.1 403 ")
    unharmed(run, key)


def test_localhost_is_a_valid_host(key: Credentials) -> None:
    """People write it in place of 127.0.0.1."""
    assert send(key, "GET", "/v1/status", headers={"Host": f"localhost:{key.port}"})[0] == 200


def flood(key: Credentials, head: str) -> tuple[bytes, int]:
    """Send 10 MB after `head`, until the server refuses; return (its answer, bytes that it took)."""
    sent = 0
    with connect(key) as connection:
        connection.sendall(head.encode())
        try:
            while sent < 10_000_000:
                sent += connection.send(b"\xff" * 65536)
        except ConnectionError:
            pass
        return read_all(connection), sent


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("admitted", [True, False])
def test_ten_megabytes_are_refused_unread(
    run: FakeRun, key: Credentials, stated: bool, admitted: bool
) -> None:
    """With the token or without, in one piece or in chunks, most of it is never read."""
    head = f"POST /v1/operations HTTP/1.1\r\nHost: 127.0.0.1:{key.port}\r\n"
    head += f"Authorization: Bearer {key.token}\r\n" if admitted else ""
    head += "Content-Length: 10000000\r\n\r\n" if stated else "Transfer-Encoding: chunked\r\n\r\n989680\r\n"
    answer, sent = flood(key, head)
    assert answer.startswith(b"HTTP/1.1 413 " if admitted else b"HTTP/1.1 401 ")
    assert sent < 10_000_000
    unharmed(run, key)


def test_a_body_announced_too_long_is_refused_before_its_first_byte(run: FakeRun, key: Credentials) -> None:
    """Nor is the client asked to continue."""
    head = (
        f"POST /v1/operations HTTP/1.1\r\nHost: 127.0.0.1:{key.port}\r\nAuthorization: Bearer {key.token}\r\n"
    )
    with connect(key) as connection:
        connection.sendall(f"{head}Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n".encode())
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")
    unharmed(run, key)


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 100_000, b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 100_000, b"\x16\x03\x01\x02\x00" * 20],
)
def test_garbage_for_a_head_is_refused(run: FakeRun, key: Credentials, garbage: bytes) -> None:
    """NUL bytes, an endless head and a TLS handshake are refused."""
    with connect(key) as connection:
        connection.sendall(garbage)
        assert read_all(connection).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    unharmed(run, key)


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999", "0x10", "5, 6"])
def test_an_invalid_length_is_refused(run: FakeRun, key: Credentials, length: str) -> None:
    """The server doesn't guess a length."""
    head = (
        f"POST /v1/operations HTTP/1.1\r\nHost: 127.0.0.1:{key.port}\r\nAuthorization: Bearer {key.token}\r\n"
    )
    with connect(key) as connection:
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        assert read_all(connection)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")
    unharmed(run, key)


def test_a_body_of_64_kib_is_still_read(run: FakeRun, key: Credentials) -> None:
    """A body of exactly the limit is parsed; one byte more is refused."""
    padded = json.dumps({"name": "promote"}).encode().ljust(65536)
    assert send(key, "POST", "/v1/operations", padded)[0] == 202
    assert send(key, "POST", "/v1/operations", padded + b" ")[0] == 413
    assert len(run.requested) == 1


def test_a_slow_request_is_cut_off(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then doesn't extend the time for a request."""
    monkeypatch.setattr(connection_limits, "REQUEST_TIMEOUT_S", 0.3)
    with serving(run) as key, connect(key) as connection:
        connection.settimeout(0.02)
        head, cut = iter(b"GET /v1/status HTTP/1.1\r\nX: " + b"y" * 400), False
        for byte in head:
            try:
                connection.send(bytes([byte]))
                cut = connection.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                cut = True
            if cut:
                break
        assert cut
        monkeypatch.undo()
        unharmed(run, key)


def test_slow_strangers_cannot_lock_out_the_on_call(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full server drops strangers after their grace, long before their time-out."""
    monkeypatch.setattr(connection_limits, "GRACE_S", 0.0)
    with serving(run, max_connections=8) as key:
        slow_clients = [connect(key) for _ in range(8)]
        for client in slow_clients:
            client.sendall(b"GET /v1/sta")
        assert [send(key, "GET", "/v1/status")[0] for _ in range(5)] == [200] * 5
        for client in slow_clients:
            client.close()


def test_two_hundred_requests_at_once_are_answered_or_told_to_retry(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them hangs, the run gives few statuses, and the server works afterwards."""
    monkeypatch.setattr(connection_limits, "GRACE_S", 30.0)
    with serving(run, max_connections=16) as key:
        with ThreadPoolExecutor(200) as pool:
            statuses = Counter(pool.map(lambda _: send(key, "GET", "/v1/status")[0], range(200)))
        assert set(statuses) <= {200, 503}
        assert statuses[200] >= 16
        assert run.status_reads < 50
        unharmed(run, key)


def test_a_run_that_hangs_delays_no_client(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients get a 503 after the time-out, and the server closes at once."""
    monkeypatch.setattr("gameday.operator_api.endpoints.RUN_TIMEOUT_S", 1.0)
    run.hold = threading.Event()
    with serving(run) as key:
        got, answer = send(key, "GET", "/v1/status")
        assert (got, answer["error"]) == (503, "the run doesn't answer")
        assert send(key, "POST", "/v1/operations", {"name": "promote"})[0] == 202
    run.hold.set()


def test_closing_aborts_long_polls(run: FakeRun) -> None:
    """A client that waits for an operation when the run ends is disconnected without an answer."""
    with serving(run) as key:
        assert send(key, "POST", "/v1/operations", {"name": "promote"}) == (202, {"id": "o1"})
        waiting = connect(key)
        head = f"GET /v1/operations/o1?wait=60 HTTP/1.1\r\nHost: 127.0.0.1:{key.port}\r\n"
        waiting.sendall(f"{head}Authorization: Bearer {key.token}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert waiting.recv(100).startswith(b"HTTP/1.1 100 ")
    with waiting:
        assert read_all(waiting) == b""

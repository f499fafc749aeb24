"""Requests to an operator endpoint: an answer, a refusal, or a failure with a clear message."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gameday.ports import PortError
from gameday.system.operator_client import MAX_TEXT, Refused, ask

TOKEN = "a-token-of-this-test"


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, int]]:
    """Yield the address of a server that always gives this answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield ("127.0.0.1", server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(status: int, body: bytes) -> object:
    with answering(status, body) as address:
        return ask(address, "POST", "/_operator/x", {"a": 1}, TOKEN, "edge.1")


@pytest.mark.parametrize("status", [200, 202])
def test_any_success_is_an_answer(status: int) -> None:
    """The answer is parsed as JSON."""
    assert asked(status, b'{"done": true}') == {"done": True}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_quotes_the_system(status: int) -> None:
    """The message has the answer's `error`, or its text if it has none, on one line and truncated."""
    for body, words in (
        (b'{"error": "not you"}', "not you"),
        (b"go\n away", "go away"),
        (b"[]", "[]"),
        (b"", "no reason given"),
        (b"x" * 999, "x" * MAX_TEXT),
    ):
        with pytest.raises(Refused) as refused:
            asked(status, body)
        assert (str(refused.value), refused.value.status) == (f"refused ({status}): {words}", status)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            b'{"error": "no flag is called x"}',
            "edge.1: POST /_operator/x: status 400: no flag is called x",
        ),
        (307, b"", "status 307"),
        (503, b"<html>", "status 503: <html>"),
        (200, b"<html>", "edge.1: POST /_operator/x: "),
    ],
)
def test_any_other_status_is_a_failure(status: int, body: bytes, words: str) -> None:
    """It is neither a success nor a refusal; a redirect isn't followed, since the token would go with it."""
    with pytest.raises(PortError) as failed:
        asked(status, body)
    assert words in str(failed.value)
    assert not isinstance(failed.value, Refused)


def test_a_refused_connection_is_a_failure_without_the_token() -> None:
    """The error names the instance and the request, but not the token."""
    with answering(200, b"{}") as address:
        pass
    with pytest.raises(PortError, match=r"edge\.1: POST /_operator/x: ") as failed:
        ask(address, "POST", "/_operator/x", None, TOKEN, "edge.1")
    assert TOKEN not in str(failed.value)

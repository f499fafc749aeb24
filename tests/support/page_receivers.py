"""Real receivers of webhooks on loopback: one that answers, one that hangs. The first is also a
recording proxy."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Messages in order of arrival; `statuses` are answered one by one, the last one from then on."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self.messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.paths: list[str] = []
        """Request targets; a proxy's are whole addresses."""
        self._statuses = list(statuses)
        self.url = ""

    def next(self) -> dict[str, Any]:
        """Wait for the next message and return it."""
        return self.messages.get(timeout=10)

    def take(self, path: str, body: bytes) -> int:
        """Record a message; return the status to answer."""
        self.paths.append(path)
        self.messages.put(json.loads(body or b"null"))
        return self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """Serve a receiver that answers with these statuses, 200 by default."""
    receiver = Receiver(statuses or (200,))

    class RequestHandler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            status = receiver.take(self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(status)
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), RequestHandler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def hanging() -> Iterator[str]:
    """Listen without ever answering; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"

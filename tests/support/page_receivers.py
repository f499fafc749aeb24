"""Real receivers of webhooks, on loopback: one that takes, one that fails, one that hangs."""

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
    """What came, in order; `answers` are given one by one, the last for ever."""

    def __init__(self, answers: Sequence[int]) -> None:
        self.got: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.paths: list[str] = []
        self._answers = list(answers)
        self.url = ""

    def next(self) -> dict[str, Any]:
        """The next message, waited for."""
        return self.got.get(timeout=10)

    def take(self, path: str, body: bytes) -> int:
        self.paths.append(path)
        self.got.put(json.loads(body))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """An HTTP server that answers with these statuses."""
    receiver = Receiver(answers or (200,))

    class Taker(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            status = receiver.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
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
    """A receiver that accepts and never answers; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"

"""A door with a small made-up run behind it, and raw ways to knock."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gameday.operations import Alert, Change, Operation
from gameday.operator_api.credentials import Key
from gameday.operator_api.http_server import Door
from gameday.operator_api.status_view import Ordered, picture
from gameday.ports import Health, View

PAGE = Alert("a1", 31.0, "cusum", "client", True, "checkout", "checkout fails", "us-east", "buy")
WATCHED = Alert("a2", 32.0, "ewma", "client", False, "checkout", "only watched")
CHANGE = Change(
    "c1",
    20.0,
    "pricing",
    "pricing-1.1.0",
    "pricing-1.0.0",
    "code",
    "New discounts",
    "timeline",
    "done",
    None,
    "engineer, mid",
)
REGION = Health(True, True, False, 12.0)


@dataclass
class MadeUp:
    """A run that carries out what it is asked when a test says so."""

    asked: list[Operation] = field(default_factory=list)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    looks: int = 0
    held: threading.Event | None = None

    def state(self) -> Mapping[str, Any]:
        self.looks += 1
        if self.held is not None:
            self.held.wait(30)
        listed = [
            Ordered(f"o{i}", operation, *self.states.get(f"o{i}", ("running", "")))
            for i, operation in enumerate(self.asked, 1)
        ]
        view = View(40.0, (PAGE, WATCHED), (CHANGE,), (), {"us-east": REGION}, "us-east")
        slo = {"name": "checkout", "state": "breach", "objective": 0.995, "bad": 9, "requests": 90}
        return picture("r1", view, listed, [slo], runbook="https://runbooks.example/checkout")

    def ask(self, operation: Operation) -> str:
        self.asked.append(operation)
        return f"o{len(self.asked)}"


@contextmanager
def opened(run: MadeUp, most: int = 64) -> Iterator[Key]:
    door = Door("r1", run.state, run.ask, most=most)
    try:
        yield door.open()
    finally:
        door.close()


def send(
    key: Key, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None
) -> tuple[int, dict[str, Any]]:
    """One request with the token; `headers` replace its own, None leaves one out."""
    connection = http.client.HTTPConnection(key.host, key.port, timeout=10)
    given = {"Host": f"{key.host}:{key.port}", "Authorization": f"Bearer {key.token}", **(headers or {})}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def knock(key: Key) -> socket.socket:
    """A raw connection."""
    return socket.create_connection((key.host, key.port), timeout=10)


def heard(connection: socket.socket) -> bytes:
    """All that comes until the door hangs up, however rudely."""
    found = b""
    try:
        while data := connection.recv(65536):
            found += data
    except ConnectionError:
        pass
    return found

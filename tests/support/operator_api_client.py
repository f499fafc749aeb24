"""An operators' API with a small fake run behind it, and raw clients for it."""

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
from gameday.operator_api.connection_limits import MAX_CONNECTIONS
from gameday.operator_api.credentials import Credentials
from gameday.operator_api.http_server import OperatorServer
from gameday.operator_api.status_document import SloRow, StatusDocument
from gameday.operator_api.status_view import OperationStatus, run_status
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
class FakeRun:
    """A run whose operations are in the state that a test sets; "running" otherwise."""

    requested: list[Operation] = field(default_factory=list)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    status_reads: int = 0
    hold: threading.Event | None = None
    """If set, a status isn't answered before the event."""

    def status(self) -> StatusDocument:
        """Return the status: a page, an alert that only watches, a change and a region."""
        self.status_reads += 1
        if self.hold is not None:
            self.hold.wait(30)
        operations = [
            OperationStatus(f"o{i}", operation, *self.states.get(f"o{i}", ("running", "")))
            for i, operation in enumerate(self.requested, 1)
        ]
        view = View(40.0, (PAGE, WATCHED), (CHANGE,), (), {"us-east": REGION}, "us-east")
        slo: SloRow = {
            "name": "checkout",
            "sli": "availability",
            "objective": 0.995,
            "journey": "buy",
            "state": "breach",
            "requests": 90,
            "bad": 9,
        }
        return run_status("r1", view, operations, [slo], runbook="https://runbooks.example/checkout")

    def request(self, operation: Operation) -> str:
        """Take an operation; return its id."""
        self.requested.append(operation)
        return f"o{len(self.requested)}"


@contextmanager
def serving(run: FakeRun, max_connections: int = MAX_CONNECTIONS) -> Iterator[Credentials]:
    """Serve the API of the run while the block lasts."""
    server = OperatorServer("r1", run.status, run.request, max_connections=max_connections)
    try:
        yield server.open()
    finally:
        server.close()


def send(
    credentials: Credentials,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str | None] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Send one request with the token; `headers` replace its own, None leaves one out."""
    connection = http.client.HTTPConnection(credentials.host, credentials.port, timeout=10)
    defaults = {
        "Host": f"{credentials.host}:{credentials.port}",
        "Authorization": f"Bearer {credentials.token}",
    }
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in {**defaults, **(headers or {})}.items():
            if value is not None:
                connection.putheader(name, value)
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def connect(credentials: Credentials) -> socket.socket:
    """Return a raw connection."""
    return socket.create_connection((credentials.host, credentials.port), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes or resets the connection."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionError:
        pass
    return received

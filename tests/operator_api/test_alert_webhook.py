"""Webhook for alerts from outside: its token opens nothing else, and a crowd or garbage leaves the run unharmed."""

from __future__ import annotations

import dataclasses
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gameday.operator_api.alert_webhook import BODY_BYTES, AlertDoor
from gameday.operator_api.credentials import Credentials
from gameday.operator_api.http_server import OperatorServer
from gameday.ports import TooManyAlerts
from tests.support.operator_api_client import FakeRun, send

PATH = "/v1/alerts/alertmanager"
TOKEN, OUTER = "a-token-for-alerts", "another-token-for-alerts"


class Taken:
    """What the run took."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def deliver(self, detector: str, body: bytes) -> int:
        if detector != "alertmanager":
            raise LookupError(detector)
        if body == b"full":
            raise TooManyAlerts("too many")
        if not body.startswith(b"{"):
            raise ValueError("not JSON")
        self.bodies.append(body)
        return 1


@contextmanager
def open_door(run: FakeRun, taken: Taken, listen: tuple[str, int] | None = None) -> Iterator[Credentials]:
    """Serve the API with a door for alerts; the credentials have the token of alerts."""
    door = AlertDoor(taken.deliver, TOKEN, listen, OUTER)
    server = OperatorServer("r1", run.status, run.request, alerts=door)
    try:
        yield server.open()
    finally:
        server.close()


def sender(key: Credentials, token: str = TOKEN) -> Credentials:
    return dataclasses.replace(key, token=token)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", PATH, b"{}", 202),
        ("POST", PATH, b"nonsense", 400),
        ("POST", PATH, b"", 400),
        ("POST", PATH, b"full", 503),
        ("POST", PATH, b"{" * BODY_BYTES, 202),
        ("POST", PATH, b"{" * (BODY_BYTES + 1), 413),
        ("POST", "/v1/alerts/other", b"{}", 404),
        ("GET", PATH, None, 401),
        ("GET", "/v1/status", None, 401),
        ("POST", "/v1/operations", b"{}", 401),
    ],
)
def test_the_token_of_alerts_opens_their_path_alone(
    method: str, path: str, body: bytes | None, status: int
) -> None:
    """Payloads are bounded; garbage and unknown detectors are refused; operations need the operators' token."""
    run, taken = FakeRun(), Taken()
    with open_door(run, taken) as key:
        assert key.alerts_token == TOKEN
        assert send(sender(key), method, path, body)[0] == status
        assert send(key, "POST", PATH, b"{}")[0] == 202
        assert run.requested == []
    assert len(taken.bodies) == (2 if status == 202 else 1)


def test_a_run_without_such_a_detector_takes_no_alerts() -> None:
    run = FakeRun()
    server = OperatorServer("r1", run.status, run.request)
    try:
        key = server.open()
        assert send(key, "POST", PATH, b"{}")[0] == 404
        assert send(sender(key, ""), "POST", PATH, b"{}")[0] == 401
    finally:
        server.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_another_address_serves_alerts_alone() -> None:
    """It has a token of its own, and the operators' token doesn't open it."""
    run, taken, port = FakeRun(), Taken(), free_port()
    with open_door(run, taken, ("127.0.0.1", port)) as key:
        outer = dataclasses.replace(key, port=port, token=OUTER)
        named = {"Host": f"gameday.example:{port}"}
        assert send(outer, "POST", PATH, b"{}", named)[0] == 202
        assert send(outer, "GET", "/v1/status")[0] == 401
        for token in (key.token, TOKEN, ""):
            assert send(sender(outer, token), "POST", PATH, b"{}")[0] == 401
            assert send(sender(outer, token), "GET", "/v1/status")[0] == 401
        assert send(sender(key, OUTER), "POST", PATH, b"{}")[0] == 401
        assert send(outer, "POST", PATH, b"{}", {"Origin": "http://x"})[0] == 403
    assert len(taken.bodies) == 1


def test_an_address_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(OSError, match="alerts can't be listened for"):
            with open_door(FakeRun(), Taken(), ("127.0.0.1", other.getsockname()[1])):
                pass


def test_five_hundred_requests_at_once_leave_the_run_unharmed() -> None:
    """Alerts, garbage and wrong tokens together: each is answered, none of the bad ones reaches the run."""
    run, taken = FakeRun(), Taken()
    kinds = [(TOKEN, b"{}"), (TOKEN, b"garbage"), ("wrong", b"{}"), (TOKEN, b"{" * (BODY_BYTES + 1))]
    with open_door(run, taken) as key:

        def one(number: int) -> int:
            token, body = kinds[number % len(kinds)]
            try:
                return send(sender(key, token), "POST", PATH, body)[0]
            except OSError:
                return 0

        with ThreadPoolExecutor(100) as pool:
            statuses = Counter(pool.map(one, range(500)))
        assert set(statuses) <= {0, 202, 400, 401, 413, 503}
        assert statuses[202] == len(taken.bodies) > 0
        assert set(taken.bodies) == {b"{}"}
        assert run.requested == []
        assert send(key, "GET", "/v1/status")[0] == 200

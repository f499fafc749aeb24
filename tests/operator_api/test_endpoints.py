"""Endpoints: their answers, and what they request of the run."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from gameday.operations import Operation
from gameday.operator_api.credentials import Credentials
from gameday.operator_api.status_document import StatusDocument
from tests.support.operator_api_client import FakeRun, send, serving


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


@pytest.fixture
def key(run: FakeRun) -> Iterator[Credentials]:
    with serving(run) as key:
        yield key


def test_the_status_is_what_the_on_call_sees(key: Credentials) -> None:
    """It holds pages but no watching alerts, SLOs, changes, regions, and acknowledgements."""
    status, seen = send(key, "GET", "/v1/status")
    assert status == 200
    assert [alert["id"] for alert in seen["alerts"]] == ["a1"]
    assert seen["alerts"][0]["acknowledged_by"] is None
    assert (seen["changes"][0]["release"], seen["changes"][0]["author"]) == ("pricing-1.1.0", "engineer, mid")
    assert seen["regions"] == [
        {
            "region": "us-east",
            "up": True,
            "database": True,
            "drained": False,
            "primary": True,
            "since_s": 12.0,
        }
    ]
    assert (seen["run"], seen["now"], seen["phase"]) == ("r1", 40.0, "running")


def test_many_requests_cost_the_run_one_status(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status is reused while it is fresh; a new operation makes it stale."""
    monkeypatch.setattr("gameday.operator_api.endpoints.STATUS_AGE_S", 60.0)
    with serving(run) as key:
        for _ in range(5):
            send(key, "GET", "/v1/status")
        assert run.status_reads == 1
        send(key, "POST", "/v1/operations", {"name": "promote"})
        assert len(send(key, "GET", "/v1/status")[1]["operations"]) == 1


def test_an_operation_reaches_the_run_as_requested(run: FakeRun, key: Credentials) -> None:
    """With name, target, change, text and role; the role is on-call by default."""
    asked = {
        "name": "rollback",
        "target": "pricing",
        "change": "c1",
        "text": "it raises",
        "as": "payments-lead",
    }
    assert send(key, "POST", "/v1/operations", asked) == (202, {"id": "o1"})
    assert send(key, "POST", "/v1/operations", {"name": "promote", "target": None}) == (202, {"id": "o2"})
    assert run.requested == [
        Operation("rollback", "pricing", "payments-lead", "c1", "it raises"),
        Operation("promote", "", "on-call"),
    ]


def test_a_request_waits_for_its_operation(run: FakeRun, key: Credentials) -> None:
    """It gets the state at once, or as soon as the operation has ended, with the reason if that failed."""
    send(key, "POST", "/v1/operations", {"name": "restart", "target": "checkout"})
    assert send(key, "GET", "/v1/operations/o1")[1]["state"] == "running"
    timer = threading.Timer(0.05, lambda: run.states.update(o1=("failed", "there is no service 'checkout'")))
    timer.start()
    ended = send(key, "GET", "/v1/operations/o1?wait=30")[1]
    timer.join()
    assert (ended["state"], ended["why"]) == ("failed", "there is no service 'checkout'")


def test_an_unread_operation_is_accepted(run: FakeRun) -> None:
    """It is known before the run has read it from its mailbox."""
    run.request = lambda operation: "o7"  # type: ignore[method-assign]
    with serving(run) as key:
        send(key, "POST", "/v1/operations", {"name": "restart", "target": "checkout"})
        assert send(key, "GET", "/v1/operations/o7")[1]["state"] == "accepted"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/operations/o99", 404),
        ("GET", "/v1/operations/../../etc/passwd", 404),
        ("POST", "/v1/status", 405),
        ("GET", "/v1/operations", 405),
        ("DELETE", "/v1/operations/o1", 405),
        ("GET", "/v1/operations/o1?wait=forever", 400),
        ("GET", "/v1/operations/o1?wait=nan", 400),
        ("GET", "/v1/operations/o1?wait=61", 400),
        ("GET", "/v1/operations/o1?until=1", 400),
        ("GET", "//[", 404),
    ],
)
def test_unknown_paths_and_parameters_are_refused(
    key: Credentials, method: str, path: str, status: int
) -> None:
    """Each answer says what would be right."""
    got, answer = send(key, method, path)
    assert got == status
    assert answer["error"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"name": "ack", "target": "a9"}, "no alert 'a9': there is a1"),
        ({"name": "rollback", "target": "pricing", "change": "c9"}, "no change 'c9': there is c1"),
        (
            {"name": "rollback", "target": "gateway", "change": "c1"},
            "change c1 is a change of pricing, not of gateway",
        ),
    ],
)
def test_an_unknown_reference_is_a_conflict(
    run: FakeRun, key: Credentials, asked: dict[str, str], says: str
) -> None:
    """An operation on an unknown alert or change doesn't reach the run."""
    assert send(key, "POST", "/v1/operations", asked) == (409, {"error": says})
    assert run.requested == []


def test_a_wrong_operation_reaches_the_run(run: FakeRun, key: Credentials) -> None:
    """One on the wrong service, even an unknown one, is counted by the run and not forbidden here."""
    assert send(key, "POST", "/v1/operations", {"name": "rollback", "target": "nonsense"})[0] == 202


def test_an_error_of_the_run_reveals_nothing(run: FakeRun) -> None:
    """The answer names the kind of the error, never its text."""

    def raises() -> StatusDocument:
        raise RuntimeError("the fault is pricing-1.1.0")

    run.status = raises  # type: ignore[method-assign]
    with serving(run) as key:
        assert send(key, "GET", "/v1/status") == (500, {"error": "the run could not be asked: RuntimeError"})

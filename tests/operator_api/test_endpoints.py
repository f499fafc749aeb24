"""The endpoints: what is answered, what is asked of the run."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from gameday.operations import Operation
from gameday.operator_api.credentials import Credentials
from tests.support.operator_api_client import FakeRun, send, serving


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


@pytest.fixture
def key(run: FakeRun) -> Iterator[Credentials]:
    with serving(run) as key:
        yield key


def test_the_status_is_what_somebody_on_call_sees(key: Credentials) -> None:
    """Pages and not what only watches, SLOs, changes, regions; who has taken what."""
    status, seen = send(key, "GET", "/v1/status")
    assert status == 200
    assert [each["id"] for each in seen["alerts"]] == ["a1"]
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


def test_many_who_ask_cost_the_run_one_look(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status is given again while it is fresh; what was asked for meanwhile makes it stale."""
    monkeypatch.setattr("gameday.operator_api.endpoints.STATUS_AGE_S", 60.0)
    with serving(run) as key:
        for _ in range(5):
            send(key, "GET", "/v1/status")
        assert run.status_reads == 1
        send(key, "POST", "/v1/operations", {"name": "promote"})
        assert len(send(key, "GET", "/v1/status")[1]["operations"]) == 1


def test_an_operation_goes_to_the_run_as_it_was_asked(run: FakeRun, key: Credentials) -> None:
    """Name, target, change, words, and in whose name; without one it is the on-call's."""
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


def test_an_operation_is_waited_for(run: FakeRun, key: Credentials) -> None:
    """Its state at once, or as soon as it has ended; with why where it failed."""
    send(key, "POST", "/v1/operations", {"name": "restart", "target": "checkout"})
    assert send(key, "GET", "/v1/operations/o1")[1]["state"] == "running"
    timer = threading.Timer(0.05, lambda: run.states.update(o1=("failed", "there is no service 'checkout'")))
    timer.start()
    ended = send(key, "GET", "/v1/operations/o1?wait=30")[1]
    timer.join()
    assert (ended["state"], ended["why"]) == ("failed", "there is no service 'checkout'")


def test_an_operation_that_the_run_has_not_read_yet_is_accepted(run: FakeRun) -> None:
    """Between the mailbox and the status it is known all the same."""
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
def test_what_is_not_there_is_said(key: Credentials, method: str, path: str, status: int) -> None:
    """Each with words that say what would be right."""
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
def test_what_no_engine_could_make_sense_of_is_a_conflict(
    run: FakeRun, key: Credentials, asked: dict[str, str], says: str
) -> None:
    """An alert or a change that isn't there; nothing goes to the run."""
    assert send(key, "POST", "/v1/operations", asked) == (409, {"error": says})
    assert run.requested == []


def test_a_wrong_operation_is_the_runs_to_carry_out(run: FakeRun, key: Credentials) -> None:
    """The wrong service, even one that doesn't exist: counted there, not forbidden here."""
    assert send(key, "POST", "/v1/operations", {"name": "rollback", "target": "nonsense"})[0] == 202


def test_a_run_that_raises_is_not_shown_inside_out(run: FakeRun) -> None:
    """The kind of error, never its text."""

    def raises() -> dict[str, str]:
        raise RuntimeError("the fault is pricing-1.1.0")

    run.status = raises  # type: ignore[method-assign]
    with serving(run) as key:
        assert send(key, "GET", "/v1/status") == (500, {"error": "the run could not be asked: RuntimeError"})

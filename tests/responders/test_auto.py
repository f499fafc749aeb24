"""Tests of the automatic responder, which acts on pages and the change feed alone."""

from dataclasses import replace

from gameday.operations import Change, Operation
from gameday.ports import View
from gameday.responders.auto import Auto
from gameday.responders.none import NoResponder
from tests.support.incidents import BAD, PAGE

LATER = Change("c2", 21.0, "gateway", "gateway-1.1.0", "gateway-1.0.0", "code", "", "timeline", "running")
ACK = Operation("ack", "a1", "auto")


def test_acknowledges_and_rolls_back_the_latest_change() -> None:
    """The newest change is rolled back first, whether it is the cause or not."""
    view = View(31.1, (PAGE,), (BAD, LATER))
    assert Auto().poll(view) == [ACK, Operation("rollback", "gateway", "auto", "c2")]


def test_waits_while_an_operation_is_under_way() -> None:
    """Nothing is ordered while an operation is in flight."""
    running = ((ACK, "done"), (Operation("rollback", "gateway", "auto", "c2"), "running"))
    assert list(Auto().poll(View(31.5, (PAGE,), (BAD, LATER), running))) == []


def test_rolls_back_the_next_change_when_the_alert_comes_again() -> None:
    """A rollback that didn't help isn't repeated, and a rollback itself is never rolled back."""
    back = Change("c3", 31.2, "gateway", "gateway-1.0.0", "gateway-1.1.0", "code", "", "auto", "done", "c2")
    done = ((ACK, "done"), (Operation("rollback", "gateway", "auto", "c2"), "done"))
    again = replace(PAGE, id="a2", t=35.0)
    view = View(35.1, (again,), (BAD, replace(LATER, state="rolled-back"), back), done)
    assert Auto().poll(view) == [
        Operation("ack", "a2", "auto"),
        Operation("rollback", "pricing", "auto", "c1"),
    ]


def test_without_a_change_it_rolls_nothing_back() -> None:
    """An outage with an empty change feed is acknowledged and nothing else."""
    assert Auto().poll(View(31.1, (PAGE,), ())) == [ACK]


def test_alerts_that_do_not_page_cause_no_operation() -> None:
    """An alert that doesn't page causes no operation."""
    assert list(Auto().poll(View(31.1, (replace(PAGE, pages=False),), (BAD,)))) == []


def test_responder_nobody_orders_nothing() -> None:
    """The responder `nobody`, the control, orders nothing."""
    assert list(NoResponder().poll(View(31.1, (PAGE,), (BAD,)))) == []


def test_a_change_shipped_after_the_page_is_not_rolled_back() -> None:
    """A fix forward shipped after the page isn't rolled back for it; a new outage may roll it back."""
    fix = replace(LATER, id="c4", t=32.0)
    assert Auto().poll(View(32.1, (PAGE,), (BAD, fix))) == [
        ACK,
        Operation("rollback", "pricing", "auto", "c1"),
    ]
    again = replace(PAGE, id="a2", t=35.0)
    assert Auto().poll(View(35.1, (again,), (BAD, fix)))[-1] == Operation("rollback", "gateway", "auto", "c4")

"""Pages on their way: to real receivers, to those that fail or hang, and never a word of a secret."""

from __future__ import annotations

import queue
import threading

import pytest

from gameday.paging import Page, Pager, read_target
from gameday.paging import delivery as pages_delivery
from gameday.paging.payloads import Action
from tests.support.page_receivers import hanging, receiving

PAGE = Page(
    "r1",
    "a1",
    "checkout fails",
    "checkout",
    "2026-01-02T03:04:05.678+00:00",
    "us-east",
    "https://rb.example/c",
)
SOON = (0.0, 0.0, 0.0)


class Notes:
    """What the pager told."""

    def __init__(self) -> None:
        self.told: queue.SimpleQueue[tuple[str, Action, str, str | None]] = queue.SimpleQueue()

    def __call__(self, alert: str, action: Action, to: str, why: str | None) -> None:
        self.told.put((alert, action, to, why))

    def next(self) -> tuple[str, Action, str, str | None]:
        return self.told.get(timeout=10)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_page_its_taking_and_its_end_arrive_in_order_at_each_receiver() -> None:
    """Slack, PagerDuty and plain JSON, each in its own shape; the end comes by itself when the run closes."""
    notes = Notes()
    with receiving() as room, receiving(202) as duty, receiving(204) as plain:
        targets = [f"slack={room.url}/services/T0/B0/secret", f"pagerduty={duty.url}/v2/enqueue#ROUTINGKEY"]
        pager = Pager([read_target(each) for each in (*targets, f"json={plain.url}/hook")], notes)
        pager.trigger(PAGE)
        pager.acknowledge("a1", "payments-lead")
        assert pager.close() == []
        assert [room.next()["text"].split(" ")[0] for _ in range(3)] == ["[DRILL]"] * 3
        events = [duty.next() for _ in range(3)]
        assert [each["event_action"] for each in events] == ["trigger", "acknowledge", "resolve"]
        assert {each["dedup_key"] for each in events} == {"gameday-r1-a1"}
        assert [plain.next()["action"] for _ in range(3)] == ["trigger", "acknowledge", "resolve"]
        assert (room.paths[0], duty.paths[0]) == ("/services/T0/B0/secret", "/v2/enqueue")
    told = [notes.next() for _ in range(9)]
    assert {(to, why) for _, _, to, why in told} == {
        (f"{each} at 127.0.0.1", None) for each in ("slack", "pagerduty", "json")
    }


def test_a_receiver_that_fails_is_tried_again() -> None:
    """Until it takes the page; what told of it says so once."""
    notes = Notes()
    with receiving(500, 429, 200) as receiver:
        pager = Pager([read_target(f"json={receiver.url}")], notes, backoff=SOON)
        pager.trigger(PAGE)
        assert notes.next() == ("a1", "trigger", "json at 127.0.0.1", None)
        assert [receiver.next()["action"] for _ in range(3)] == ["trigger"] * 3
        pager.close()


@pytest.mark.parametrize(
    ("answer", "tries", "why"), [(503, 4, "HTTP 503"), (404, 1, "HTTP 404"), (302, 1, "HTTP 302")]
)
def test_what_cannot_be_delivered_is_told(answer: int, tries: int, why: str) -> None:
    """After all tries; at once where another would be of no use. A redirect is not followed."""
    notes = Notes()
    with receiving(answer) as receiver:
        pager = Pager([read_target(f"slack={receiver.url}/services/secret")], notes, backoff=SOON)
        pager.trigger(PAGE)
        assert notes.next() == ("a1", "trigger", "slack at 127.0.0.1", why)
        assert receiver.paths == ["/services/secret"] * tries
        pager.close()


def test_nobody_there_is_told_without_the_address() -> None:
    """Nor anything of its path, which is the secret."""
    notes = Notes()
    with receiving() as gone:
        url = gone.url
    pager = Pager([read_target(f"slack={url}/services/secret")], notes, backoff=SOON)
    pager.trigger(PAGE)
    assert notes.next()[2:] == ("slack at 127.0.0.1", "can't be reached (ConnectionRefusedError)")
    pager.close()


def test_a_receiver_that_hangs_holds_up_nobody() -> None:
    """Not the caller, not the other receivers; the end of the run only for the patience it was given."""
    with hanging() as stuck, receiving() as receiver:
        targets = [read_target(f"slack={stuck}/secret"), read_target(f"json={receiver.url}")]
        pager = Pager(targets, Notes(), timeout=60)
        for _ in range(50):
            pager.trigger(PAGE)
        assert [receiver.next()["action"] for _ in range(50)] == ["trigger"] * 50
        assert pager.close(patience=2.0) == ["slack at 127.0.0.1"]
        assert receiver.next()["action"] == "resolve"


def test_a_queue_that_is_full_is_told_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm of alerts at a receiver that hangs costs bounded memory."""
    monkeypatch.setattr(pages_delivery, "MOST_WAITING", 2)
    notes = Notes()
    with hanging() as stuck:
        pager = Pager([read_target(f"json={stuck}")], notes, timeout=30)
        for _ in range(4):
            pager.trigger(PAGE)
        assert notes.next()[3] == "2 messages wait already"
        assert pager.close(patience=0.0) == ["json at 127.0.0.1"]


def test_after_a_crash_another_pager_ends_the_page() -> None:
    """By run and alert alone: PagerDuty knows it by the same key."""
    with receiving(202) as duty:
        pager = Pager([read_target(f"pagerduty={duty.url}#KEY")], Notes())
        pager.resolve(Page("r1", "a1", "checkout fails", "checkout", ""))
        assert pager.close() == []
        event = duty.next()
    assert event == {"routing_key": "KEY", "event_action": "resolve", "dedup_key": "gameday-r1-a1"}


def test_after_the_end_nothing_is_sent() -> None:
    """A late page is told as such, and harms nobody."""
    notes = Notes()
    with receiving() as receiver:
        pager = Pager([read_target(f"json={receiver.url}")], notes)
        pager.close()
        pager.trigger(PAGE)
        assert notes.next()[3] == "the run has ended"
        assert receiver.paths == []
    assert all(each.name != "pages" for each in threading.enumerate())

"""Delivery of pages: to real receivers, to those that fail or hang, and never with a secret in a report."""

from __future__ import annotations

import queue
import threading

import pytest

from gameday.paging import Page, Pager, Target, read_target
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
NO_BACKOFF = (0.0, 0.0, 0.0)


class Reports:
    """What the pager reported, in order."""

    def __init__(self) -> None:
        self.reports: queue.SimpleQueue[tuple[str, Action, str, str | None]] = queue.SimpleQueue()

    def __call__(self, alert: str, action: Action, to: Target, why: str | None) -> None:
        self.reports.put((alert, action, to.shown, why))

    def next(self) -> tuple[str, Action, str, str | None]:
        """Wait for the next report and return it."""
        return self.reports.get(timeout=10)


def test_page_acknowledgement_and_end_arrive_in_order_at_each_receiver() -> None:
    """Slack, PagerDuty and plain JSON get their own shapes; closing the pager resolves the page."""
    reports = Reports()
    with receiving() as room, receiving(202) as duty, receiving(204) as plain:
        targets = [f"slack={room.url}/services/T0/B0/secret", f"pagerduty={duty.url}/v2/enqueue#ROUTINGKEY"]
        pager = Pager([read_target(text) for text in (*targets, f"json={plain.url}/hook")], reports)
        pager.trigger(PAGE)
        pager.acknowledge("a1", "payments-lead")
        assert pager.close() == []
        assert [room.next()["text"].split(" ")[0] for _ in range(3)] == ["[DRILL]"] * 3
        events = [duty.next() for _ in range(3)]
        assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
        assert {event["dedup_key"] for event in events} == {"gameday-r1-a1"}
        assert [plain.next()["action"] for _ in range(3)] == ["trigger", "acknowledge", "resolve"]
        assert (room.paths[0], duty.paths[0]) == ("/services/T0/B0/secret", "/v2/enqueue")
    delivered = [reports.next() for _ in range(9)]
    assert {(to, why) for _, _, to, why in delivered} == {
        (f"{format_} at 127.0.0.1", None) for format_ in ("slack", "pagerduty", "json")
    }


def test_a_receiver_on_this_machine_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """`HTTP_PROXY` is for the way out: the proxy sees no page, and the receiver gets it."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with receiving() as proxy, receiving() as receiver:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        pager = Pager([read_target(f"json={receiver.url}/hook")], Reports())
        pager.trigger(PAGE)
        assert receiver.next()["action"] == "trigger"
        assert pager.close() == []
        assert proxy.paths == []


def test_a_receiver_that_fails_is_retried() -> None:
    """The pager retries until the receiver takes the page, and reports that once."""
    reports = Reports()
    with receiving(500, 429, 200) as receiver:
        pager = Pager([read_target(f"json={receiver.url}")], reports, backoff=NO_BACKOFF)
        pager.trigger(PAGE)
        assert reports.next() == ("a1", "trigger", "json at 127.0.0.1", None)
        assert [receiver.next()["action"] for _ in range(3)] == ["trigger"] * 3
        pager.close()


@pytest.mark.parametrize(
    ("status", "attempts", "why"), [(503, 4, "HTTP 503"), (404, 1, "HTTP 404"), (302, 1, "HTTP 302")]
)
def test_a_failed_delivery_is_reported(status: int, attempts: int, why: str) -> None:
    """After all attempts, or at once if a retry makes no sense. A redirect isn't followed."""
    reports = Reports()
    with receiving(status) as receiver:
        pager = Pager([read_target(f"slack={receiver.url}/services/secret")], reports, backoff=NO_BACKOFF)
        pager.trigger(PAGE)
        assert reports.next() == ("a1", "trigger", "slack at 127.0.0.1", why)
        assert receiver.paths == ["/services/secret"] * attempts
        pager.close()


def test_an_unreachable_receiver_is_reported_without_its_address() -> None:
    """The path of the address is the secret."""
    reports = Reports()
    with receiving() as stopped:
        url = stopped.url
    pager = Pager([read_target(f"slack={url}/services/secret")], reports, backoff=NO_BACKOFF)
    pager.trigger(PAGE)
    assert reports.next()[2:] == ("slack at 127.0.0.1", "can't be reached (ConnectionRefusedError)")
    pager.close()


def test_a_receiver_that_hangs_delays_no_other() -> None:
    """Neither the caller nor other receivers wait for it; closing waits for its patience only."""
    with hanging() as stuck, receiving() as receiver:
        targets = [read_target(f"slack={stuck}/secret"), read_target(f"json={receiver.url}")]
        pager = Pager(targets, Reports(), timeout=60)
        for _ in range(50):
            pager.trigger(PAGE)
        assert [receiver.next()["action"] for _ in range(50)] == ["trigger"] * 50
        assert [target.shown for target in pager.close(patience=2.0)] == ["slack at 127.0.0.1"]
        assert receiver.next()["action"] == "resolve"


def test_a_full_queue_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm of alerts at a receiver that hangs costs bounded memory and no time."""
    monkeypatch.setattr(pages_delivery, "QUEUE_LENGTH", 2)
    reports = Reports()
    with hanging() as stuck:
        pager = Pager([read_target(f"json={stuck}")], reports, timeout=30)
        for _ in range(4):
            pager.trigger(PAGE)
        assert reports.next()[3] == "2 messages are queued already"
        assert [target.shown for target in pager.close(patience=0.0)] == ["json at 127.0.0.1"]


def test_after_a_crash_another_pager_resolves_the_page() -> None:
    """Run and alert are enough: PagerDuty knows the page by the same key."""
    with receiving(202) as duty:
        pager = Pager([read_target(f"pagerduty={duty.url}#KEY")], Reports())
        pager.resolve(Page("r1", "a1", "checkout fails", "checkout", ""))
        assert pager.close() == []
        event = duty.next()
    assert event == {"routing_key": "KEY", "event_action": "resolve", "dedup_key": "gameday-r1-a1"}


def test_nothing_is_sent_after_the_end() -> None:
    """A late page is reported as failed, and the threads are gone."""
    reports, before = Reports(), set(threading.enumerate())
    with receiving() as receiver:
        pager = Pager([read_target(f"json={receiver.url}")], reports)
        pager.close()
        pager.trigger(PAGE)
        assert reports.next()[3] == "the run has ended"
        assert receiver.paths == []
    assert [thread for thread in set(threading.enumerate()) - before if thread.name == "pages"] == []

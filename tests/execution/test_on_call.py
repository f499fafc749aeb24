"""Pages of a run: what is resolved at its end, and what is left to the reaper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from gameday.execution import library
from gameday.execution.on_call import PageDelivery
from gameday.operations import Alert
from gameday.paging import read_target
from gameday.reaper.reaper_process import Reaper
from gameday.recording.clock import RunClock
from gameday.recording.journal import Event, Journal, read_journal
from tests.support.page_receivers import hanging, receiving

ALERTS = ("a1", "a2")


class FakeReaper:
    """Records what a run leaves with its reaper."""

    def __init__(self) -> None:
        self.left: dict[str, tuple[str, str]] = {}
        self.cancelled: list[str] = []
        self.late: list[str] = []

    def leave_request(self, key: str, url: str, body: Any, *, run: str, alert: str) -> None:
        self.left[key] = (run, alert)

    def cancel_request(self, key: str) -> None:
        self.cancelled.append(key)

    def make_later(self, key: str) -> None:
        self.late.append(key)


def paged(folder: Path, receivers: Sequence[str]) -> tuple[FakeReaper, list[Event]]:
    """Page two alerts to the receivers and end the run; return its reaper and its journal."""
    reaper, journal = FakeReaper(), Journal(folder / "journal.jsonl")
    scenario = library.read(library.find("good-release"))
    targets = [read_target(f"json={url}") for url in receivers]
    pages = PageDelivery("r1", scenario, targets, cast(Reaper, reaper), journal, RunClock())
    for alert in ALERTS:
        pages.page(Alert(alert, 1.0, "cusum", "client", True, "checkout", "checkout fails"))
    pages.close()
    journal.close()
    return reaper, list(read_journal(folder / "journal.jsonl"))


def test_resolved_pages_are_journalled_and_not_left_to_the_reaper(tmp_path: Path) -> None:
    """Every page at every receiver."""
    with receiving() as one, receiving() as two:
        reaper, events = paged(tmp_path, (one.url, two.url))
    assert reaper.left == {f"gameday-r1-{alert}-{n}": ("r1", alert) for alert in ALERTS for n in (0, 1)}
    assert sorted(reaper.cancelled) == sorted(reaper.left)
    assert reaper.late == []
    assert [event.subject for event in events if event.kind == "alert.resolved"] == list(ALERTS)


def test_a_refused_resolving_is_left_to_the_reaper(tmp_path: Path) -> None:
    """A page that one of two receivers refuses to resolve isn't resolved; the journal says where and why."""
    refusing = [200, 200, 400, 200]
    with receiving() as good, receiving(*refusing) as bad:
        reaper, events = paged(tmp_path, (good.url, bad.url))
    assert reaper.late == ["gameday-r1-a1-1"]
    assert len(reaper.cancelled) == 3
    assert [event.subject for event in events if event.kind == "alert.resolved"] == ["a2"]
    failed = [event.data for event in events if event.kind == "page.failed"]
    assert failed == [{"to": "json at 127.0.0.1", "action": "resolve", "why": "HTTP 400"}]


def test_a_receiver_that_hangs_leaves_its_pages_to_the_reaper(tmp_path: Path) -> None:
    """Each of its pages is journalled as open."""
    with hanging() as stuck:
        reaper, events = paged(tmp_path, (stuck,))
    assert reaper.late == [f"gameday-r1-{alert}-0" for alert in ALERTS]
    failed = {(event.subject, event.data["why"]) for event in events if event.data.get("action") == "resolve"}
    assert {(alert, "not done in time") for alert in ALERTS} <= failed

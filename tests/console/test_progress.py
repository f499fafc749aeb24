"""What people see while a run goes on."""

from __future__ import annotations

import io

from rich.console import Console

from gameday.console.event_sentences import sentence
from gameday.console.progress import OnCallScreen
from tests.support.journals import typed_event

ALERT = {"detector": "cusum", "side": "client", "slo": "checkout", "region": "us-east", "journey": None}
TOLD = [
    typed_event(
        0.0, "run.started", "r1", {"title": "Payments are down", "substrate": "process", "why": "asked for"}
    ),
    typed_event(0.1, "note", "", {"text": "building the image", "by": "gameday"}),
    typed_event(1.0, "phase", "warm"),
    typed_event(2.0, "phase", "steady"),
    typed_event(3.0, "steady", "", {"met": True, "why": ""}),
    typed_event(4.0, "phase", "fault"),
    typed_event(4.1, "fault.intended", "f1", {"kind": "link.down", "target": "payments"}),
    typed_event(4.2, "note", "", {"text": "fault f1 could not be reverted", "by": "gameday"}),
    typed_event(5.0, "alert.raised", "a1", {**ALERT, "pages": True, "summary": "checkout is bad"}),
    typed_event(5.0, "alert.raised", "a2", {**ALERT, "pages": False, "summary": "a watcher sees it"}),
    typed_event(6.0, "ack", "a1", {"by": "on-call"}),
    typed_event(7.0, "note", "", {"text": "customers call in", "by": "support"}),
    typed_event(8.0, "fault.reverted", "f1", {"by": "schedule"}),
]


def test_in_a_drill_only_what_somebody_on_call_may_see_is_shown() -> None:
    """Pages with a bell and the runbook, what people do; never the scenario, the fault, or when the timeline begins."""
    shown = io.StringIO()
    screen = OnCallScreen(Console(file=shown, force_terminal=True, width=200), "https://example.com/book")
    for event in TOLD:
        screen.event(event)
    text = shown.getvalue()
    for word in (
        "drill r1",
        "building the image",
        "you are on call",
        "PAGE a1: checkout is bad in us-east",
        "\a",
    ):
        assert word in text
    assert "runbook https://example.com/book" in text
    assert "acknowledged by on-call" in text
    assert "customers call in" in text
    for word in ("Payments", "fault", "link.down", "steady state", "timeline", "watcher"):
        assert word not in text


def test_a_change_that_was_refused_has_not_failed() -> None:
    """It is told by the words of who refused it."""
    no = {"why": "refused (403): no such scope", "refused": True, "status": 403}
    assert (
        sentence(typed_event(5.0, "change.failed", "c1", no)) == "change c1 was refused (403): no such scope"
    )
    assert (
        sentence(typed_event(5.0, "change.failed", "c1", {"why": "it ended"})) == "change c1 failed: it ended"
    )

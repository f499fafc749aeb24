"""Progress of a run on a terminal and in a log."""

from __future__ import annotations

import io
from typing import cast

import pytest
from rich.console import Console

from gameday.console.event_sentences import event_sentence
from gameday.console.progress import LiveScreen, OnCallScreen, PlainScreen
from gameday.run.events import Health
from gameday.run.run_state import Plan, State
from tests.support.journals import typed_event
from tests.support.nonempty_all import nonempty_all

ALERT = {"detector": "cusum", "side": "client", "slo": "checkout", "region": "us-east", "journey": None}
EVENTS = [
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


def terminal(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width)


def output(console: Console) -> str:
    return cast(io.StringIO, console.file).getvalue()


def state() -> State:
    """Return a state under load whose SLO is in breach."""
    health = Health(1.0, 1.0, "checkout [red]breach[/]", True, None)
    return State(cast(Plan, None), load_began=1.0, health=health)


def test_a_drill_shows_only_what_the_on_call_may_see() -> None:
    """Pages ring with their runbook, what people do is shown; never the scenario, the fault, or the timeline's start."""
    console = terminal(200)
    screen = OnCallScreen(console, "https://example.com/book")
    for event in EVENTS:
        screen.event(event)
    text = output(console)
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


def test_a_refused_change_has_not_failed() -> None:
    """Its line quotes the system that refused it."""
    refusal = {"why": "refused (403): no such scope", "refused": True, "status": 403}
    assert event_sentence(typed_event(5.0, "change.failed", "c1", refusal)) == (
        "change c1 was refused (403): no such scope"
    )
    assert (
        event_sentence(typed_event(5.0, "change.failed", "c1", {"why": "it ended"}))
        == "change c1 failed: it ended"
    )


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        (
            "fault.intended",
            {"kind": "link.down", "target": "payments"},
            "fault f2: injecting link.down on payments",
        ),
        ("fault.injected", {}, "fault f2 confirmed by the system"),
        ("fault.failed", {"why": "no such link"}, "fault f2 could not be injected: no such link"),
        ("fault.reverted", {"by": "schedule"}, "fault f2 reverted by schedule"),
    ],
)
def test_every_line_about_a_fault_names_it(kind: str, data: dict[str, str], line: str) -> None:
    """With three overlapping faults, each line says which one it is about."""
    assert event_sentence(typed_event(1.0, kind, "f2", data)) == line


def test_an_event_of_the_journal_alone_has_no_line() -> None:
    """Readings of the samples would flood the terminal."""
    assert event_sentence(typed_event(1.0, "poll", "", {"shard": "s", "count": 1})) is None


def test_the_live_view_never_shows_markup() -> None:
    """Not even when an event's line is printed above it, which happens with markup switched off."""
    console = terminal()
    screen = LiveScreen(console, lambda: (10.0, 0.2))
    screen.status(state(), 1.0)
    for event in EVENTS:
        screen.event(event)
    screen.close()
    assert "bringing the system up" in output(console)
    assert "[bold]" not in output(console)
    assert "20.0%" in output(console)
    assert "checkout [red]breach[/]" in output(console)


def test_long_lines_are_wrapped_between_words_on_a_terminal() -> None:
    """The rest of a line is indented below its text; in a log an event stays one line."""
    words = " ".join(["unbroken-word"] * 12)
    event = typed_event(1.0, "note", "", {"text": words, "by": "gameday"})
    console, log = terminal(60), Console(file=io.StringIO(), width=60)
    PlainScreen(console).event(event)
    PlainScreen(log).event(event)
    lines = output(console).splitlines()
    assert len(lines) > 1
    assert nonempty_all(len(line) <= 60 and line.endswith("unbroken-word") for line in lines)
    assert lines[1].startswith(" " * 11 + "unbroken-word")
    assert output(log).splitlines() == [f"    1.00s  {words}"]


def test_a_region_that_takes_orders_without_a_standby_is_told() -> None:
    """A line of the progress says so, and the next one that it is over."""
    state = {"up": True, "database": True, "drained": False}
    without = typed_event(8.0, "region.seen", "us-east", {**state, "asynchronous": True})
    assert event_sentence(without) == "region us-east is up, takes orders without a standby"
    assert event_sentence(typed_event(9.0, "region.seen", "us-east", state)) == "region us-east is up"

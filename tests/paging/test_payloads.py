"""Messages to receivers: the fields that each format documents, marked as a drill."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from gameday.paging import Page, Target
from gameday.paging.payloads import Action, payload
from gameday.registries import PAGING

URL = "https://hooks.example/T0"
PAGE = Page(
    "r1",
    "a1",
    "checkout <fails> & more",
    "checkout",
    "2026-01-02T03:04:05Z",
    "us-east",
    "https://rb.example/c",
)


def test_pagerduty_gets_a_version_2_event() -> None:
    """Key, action, dedup key, and the payload's required summary, source and severity; the runbook as a link."""
    event = payload(Target(URL, "pagerduty", "KEY"), "trigger", PAGE)
    assert event["routing_key"] == "KEY"
    assert event["event_action"] == "trigger"
    assert event["payload"]["summary"] == "[DRILL] checkout <fails> & more"
    assert event["payload"]["source"] == "us-east"
    assert event["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert event["links"] == [{"href": "https://rb.example/c", "text": "Runbook"}]


def test_pagerduty_takes_no_more_than_1024_characters() -> None:
    """A longer summary is truncated and keeps its mark."""
    long = Page("r1", "a1", "x" * 5000, "checkout", "")
    summary = payload(Target(URL, "pagerduty", "KEY"), "trigger", long)["payload"]["summary"]
    assert len(summary) == 1024
    assert summary.startswith("[DRILL] x")


def test_slack_gets_escaped_text() -> None:
    """The three special characters are escaped, so that no summary notifies a whole channel."""
    text = payload(Target(URL, "slack"), "trigger", PAGE)["text"]
    assert (
        text == "[DRILL] PAGE a1 (us-east): checkout &lt;fails&gt; &amp; more\nRunbook: https://rb.example/c"
    )


@pytest.mark.parametrize("format", [name for name in PAGING if name != "pagerduty"])
def test_every_text_is_marked_and_has_the_runbook(format: str) -> None:
    """So have page, acknowledgement and end; a page without a runbook says so."""
    target = Target(URL, format)
    for action in get_args(Action):
        text = payload(target, action, PAGE, "lead")["text"]
        assert text.startswith("[DRILL] ")
        assert "https://rb.example/c" in text
    assert "No runbook." in payload(target, "trigger", Page("r", "a", "s", "o", ""))["text"]


@pytest.mark.parametrize("format", PAGING)
def test_no_payload_holds_the_address(format: str) -> None:
    """A payload is shown to a room full of people."""
    secret = Target("https://hooks.example/very/secret", format, "KEY")
    assert "very" not in json.dumps(payload(secret, "trigger", PAGE))

"""Addresses of receivers: parsed strictly, and never quoted."""

from __future__ import annotations

import pytest

from gameday.paging import Page, ReceiverKind, payloads, read_target
from gameday.paging import target as target_module
from gameday.paging.payloads import PAGERDUTY
from gameday.registries import PAGING


def test_each_format_has_its_own_syntax() -> None:
    """PagerDuty itself needs the key only."""
    assert read_target("slack=https://hooks.example/T0").format == "slack"
    own = read_target("pagerduty=abc123")
    assert (own.url, own.key) == (PAGERDUTY.default_url, "abc123")
    other = read_target("pagerduty=http://127.0.0.1:9/v2/enqueue#abc123")
    assert (other.url, other.key) == ("http://127.0.0.1:9/v2/enqueue", "abc123")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://hooks.example/s3cret",
        "slack=hooks.example/s3cret",
        "slack=file:///s3cret",
        "slack=https://user:s3cret@hooks.example/",
        "slack=https://hooks.example/s3cret#x",
        "slack=https://hooks.example:port/s3cret",
        "json=https://[s3cret",
        "json=https://hooks.example/s3cret x",
        "pagerduty=",
        "pagerduty=https://events.example/s3cret",
        "pagerduty=s3cret key",
        "smoke=s3cret",
    ],
)
def test_errors_hide_the_secret(text: str) -> None:
    """The message says what is wrong and quotes nothing."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_target(text)
    assert "s3cret" not in str(caught.value)


def test_a_target_shows_only_its_host() -> None:
    """Path, query and key are hidden."""
    for text in ("slack=https://hooks.example/s3cret?s3cret", "pagerduty=s3cret"):
        target = read_target(text)
        assert "s3cret" not in f"{target} {target!r} {target.shown}"
    assert read_target("slack=https://hooks.example:8443/s3cret").shown == "slack at hooks.example"


def test_a_registered_kind_is_written_as_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in's receiver is named by its entry point and makes its own payload."""
    kind = ReceiverKind(
        lambda target, action, page, by: {"say": f"{target.format} {action} {page.alert} {by}"}
    )
    registered = {**PAGING, "pigeon": kind}
    monkeypatch.setattr(target_module, "PAGING", registered)
    monkeypatch.setattr(payloads, "PAGING", registered)
    target = read_target("pigeon=https://loft.example/1")
    page = Page("r1", "a1", "checkout is bad", "checkout", "2026-01-01T00:00:00Z")
    assert target.shown == "pigeon at loft.example"
    assert payloads.payload(target, "acknowledge", page, "on-call") == {
        "say": "pigeon acknowledge a1 on-call"
    }
    with pytest.raises(ValueError, match="no # part"):
        read_target("pigeon=https://loft.example/1#key")

"""Signals: JSON, labels and times of payloads, whatever they hold."""

from __future__ import annotations

import math

import pytest

from gameday.detect.outside.signals import MOST_ALERTS, epoch, items, parse_json, texts
from tests.support.alert_payloads import STARTED, STARTED_S


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"nonsense"])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """Garbage raises ValueError, a nesting that the parser can't take included."""
    with pytest.raises(ValueError, match="not JSON"):
        parse_json(body)


@pytest.mark.parametrize("value", [None, {}, "x", [1], [{}] * (MOST_ALERTS + 1)])
def test_a_list_of_alerts_is_bounded_and_holds_objects(value: object) -> None:
    with pytest.raises(ValueError, match="the list"):
        items(value, "the list")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (STARTED, STARTED_S),
        ("2026-11-30T22:00:05.123456+01:00", STARTED_S),
        (1796072405, 1796072405.0),
        (1796072405123, 1796072405.123),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        (True, None),
        (None, None),
        (10**400, None),
        (-(10**400), None),
        (math.nan, None),
        (math.inf, None),
    ],
)
def test_times_are_read_in_every_form(written: object, seconds: float | None) -> None:
    """Go's zero time, and what isn't a time, is None."""
    assert epoch(written) == (seconds if seconds is None else pytest.approx(seconds, abs=1e-5))


def test_labels_are_texts_of_bounded_length() -> None:
    assert texts({"a": "x" * 1000, "b": 2, "c": [1], "d": None}) == {"a": "x" * 500, "b": "2"}
    assert texts([1]) == {}

"""Sizes, speeds and counts, as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gameday.faults.fault_units import (
    Count,
    Delay,
    Memory,
    Millis,
    Share,
    Size,
    Speed,
    milliseconds,
    show_size,
    size,
)


@pytest.mark.parametrize(
    ("text", "number"), [("10B", 10), ("64KB", 64_000), ("64KiB", 65_536), ("1.5MB", 1_500_000)]
)
def test_a_size_carries_its_unit(text: str, number: int) -> None:
    """Powers of ten, or of two with an i; what is written is read back the same."""
    assert size(text) == number
    assert size(show_size(number)) == number


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Size, "64"),
        (Size, 64),
        (Size, "64kb"),
        (Size, "5000GB"),
        (Memory, "64KB"),
        (Speed, "64KB"),
        (Speed, "100B/s"),
        (Count, 0),
        (Count, True),
        (Count, "some"),
        (Share, "0%"),
        (Share, "101%"),
        (Millis, "500us"),
        (Delay, "0s"),
    ],
)
def test_what_means_nothing_is_refused(kind: Any, value: Any) -> None:
    """No unit, an unknown one, none at all, or less than a link server can count."""
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


def test_speeds_counts_and_durations() -> None:
    """In kilobytes a second, whole numbers or all, and whole milliseconds."""
    assert TypeAdapter(Speed).validate_python("2MB/s") == 2000
    assert TypeAdapter(Speed).dump_python(2000, mode="json") == "2000KB/s"
    assert [TypeAdapter(Count).validate_python(each) for each in (3, "all")] == [3, "all"]
    assert TypeAdapter(Millis).validate_python("0s") == 0
    assert [milliseconds(each) for each in (0.0, 0.25, 1.5)] == [0, 250, 1500]
    assert milliseconds(0.01, 0.001) == 1

"""Sizes, speeds and counts in scenario files."""

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
    """A size needs a unit: powers of ten, or of two with an i; it is written and read back unchanged."""
    assert size(text) == number
    assert size(show_size(number)) == number


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Size, "64", "isn't a size"),
        (Size, 64, "isn't a size"),
        (Size, "64kb", "isn't a size"),
        (Size, "5000GB", "terabyte"),
        (Memory, "64KB", "at least 1MiB"),
        (Speed, "64KB", "isn't a speed"),
        (Speed, "100B/s", "under 1KB/s"),
        (Count, 0, "isn't a count"),
        (Count, True, "isn't a count"),
        (Count, "some", "isn't a count"),
        (Share, "0%", "must be over 0"),
        (Share, "101%", "between 0% and 100%"),
        (Millis, "500us", "under a millisecond"),
        (Delay, "0s", "must be over 0"),
    ],
)
def test_an_invalid_size_is_refused(kind: Any, value: Any, message: str) -> None:
    """A size is rejected if its unit is missing or unknown, if it is empty, or below what a link
    server can count."""
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(kind).validate_python(value)


def test_speeds_counts_and_durations() -> None:
    """Speeds are in kilobytes a second, counts are whole numbers or `all`, durations are whole
    milliseconds."""
    assert TypeAdapter(Speed).validate_python("2MB/s") == 2000
    assert TypeAdapter(Speed).dump_python(2000, mode="json") == "2000KB/s"
    assert [TypeAdapter(Count).validate_python(value) for value in (3, "all")] == [3, "all"]
    assert TypeAdapter(Millis).validate_python("0s") == 0
    assert [milliseconds(value) for value in (0.0, 0.25, 1.5)] == [0, 250, 1500]
    assert milliseconds(0.01, 0.001) == 1

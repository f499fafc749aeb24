"""Tests of literals: units in expressions become plain doubles, and nothing else changes."""

from __future__ import annotations

import pytest

from gameday.analysis.expressions.literals import UnitError, rewrite


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ttd < 5s", "ttd < 5.0"),
        ("ttd<300ms", "ttd<0.3"),
        ("1.5m 2min 1h 1d 5us", "90.0 120.0 3600.0 86400.0 5e-06"),
        ("x < 2% && y", "x < 0.02 && y"),
        ("x < 99.9%", "x < 0.999"),
        ("audit.lost == 0", "audit.lost == 0.0"),
        ("7 % 2", "7.0 % 2.0"),
        ("7%2", "7.0%2.0"),
        ("1e3 < .5", "1000.0 < 0.5"),
        ("1e30", "1e+30"),
        ("slos[\"p99 5s\"].verdict == '2%'", "slos[\"p99 5s\"].verdict == '2%'"),
        (r'"a\"5s" == x', r'"a\"5s" == x'),
        ("ttd < 5s // in 5s", "ttd < 5.0 // in 5s"),
        ("p99 < v2", "p99 < v2"),
    ],
)
def test_rewriting(written: str, read: str) -> None:
    """Seconds and ratios are rewritten; quoted text, comments and names keep their digits."""
    assert rewrite(written).text == read


def test_an_unknown_unit_is_located() -> None:
    """The error has the offset of the unit."""
    with pytest.raises(UnitError, match="unknown unit 'sec'") as caught:
        rewrite("ttd < 5sec")
    assert caught.value.at == 7


def test_places_are_mapped_to_the_original() -> None:
    """A token after longer and shorter replacements has its offset in the original text."""
    result = rewrite("300ms < ttd &&\n 5s < x")
    assert result.text == "0.3 < ttd &&\n 5.0 < x"
    assert result.origin(result.text.index("ttd")) == 8
    assert result.origin(result.offset(2, 8)) == 21

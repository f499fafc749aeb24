"""gameday_reports.text.statistics_text: numbers that may be infinite or missing, in words."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from gameday.analysis.model.trials_model import MetricSummary
from gameday_reports.text import statistics_text


@pytest.mark.parametrize(
    ("value", "told", "change"),
    [
        (1.8, "1.80 s", "+1.80 s"),
        (-0.25, "−0.25 s", "−0.25 s"),
        (0, "0.00 s", "none"),
        ("Infinity", "never", "+∞"),
        ("-Infinity", "−∞", "−∞"),
        (inf, "never", "+∞"),
        (nan, "not known", "not known"),
        (None, "not known", "not known"),
        ("12", "not known", "not known"),
        (True, "not known", "not known"),
        ([1], "not known", "not known"),
    ],
)
def test_every_value_has_words(value: Any, told: str, change: str) -> None:
    """As a time, and as a difference of times."""
    assert (statistics_text.format_amount(value), statistics_text.change(value)) == (told, change)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([1.6, 2.3], "[1.60 s, 2.30 s]"),
        ([1.6, "Infinity"], "[1.60 s, never]"),
        ([1.6, None], ""),
        ([1.6], ""),
        (None, ""),
        ("Infinity", ""),
    ],
)
def test_an_interval_has_both_ends_or_none(value: Any, shown: str) -> None:
    """Half an interval isn't shown."""
    assert statistics_text.interval(value) == shown


def test_a_median_is_told_with_what_stands_behind_it() -> None:
    """Coverage, interval, trials and those that never came."""
    by_name = {"n": 10, "censored": 2, "interval": [1.6, "Infinity"], "coverage": 0.978516}
    assert (
        statistics_text.spread(MetricSummary.model_validate(by_name))
        == "97.9 % [1.60 s, never], 10 trials, 2 of which never"
    )
    assert statistics_text.spread(MetricSummary(n=1)) == "1 trial"
    assert statistics_text.spread(MetricSummary()) == "no trial has a value"


@pytest.mark.parametrize(
    ("p", "shown"),
    [(0.5, "0.5"), (0.012345, "0.012"), (5.4e-6, "under 0.0001"), (0, "under 0.0001"), (None, "not known")],
)
def test_a_chance_has_two_digits(p: Any, shown: str) -> None:
    """A tiny one isn't given with a precision that nobody has."""
    assert statistics_text.chance(p) == shown

"""gameday_reports.text.formatting: no value without words."""

from __future__ import annotations

from typing import Any

import pytest

from gameday_reports.text import formatting
from tests.support.nonempty_all import nonempty_all
from tests.support.sample_outcome import sparse_outcome


@pytest.mark.parametrize(
    ("value", "said"), [(1.084, "1.08 s"), (0, "0.00 s"), (123.45, "123.5 s"), (None, "not measured")]
)
def test_seconds(value: Any, said: str) -> None:
    """Two decimals, one from 100 s on."""
    assert formatting.seconds(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.032, "3.2 %"),
        (0.0041, "0.41 %"),
        (1, "100 %"),
        (4.8, "480 %"),
        (0.00001, "under 0.01 %"),
        (0, "0 %"),
        ("x", "not measured"),
    ],
)
def test_percent(value: Any, said: str) -> None:
    """A small share keeps its digits and a tiny one isn't called zero."""
    assert formatting.percent(value) == said


def test_a_censored_interval_says_how_long_it_had_lasted() -> None:
    """The time of censoring is on the run's clock; the report says how long after the interval's begin that was."""
    outcome = sparse_outcome(ttr_state="censored", ttr_censored_at=74.0, clocks={"effect": 14.0})
    assert formatting.interval(outcome, "ttr") == ("never", "censored after 60.00 s")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"ttd_s": 1.08, "ttd_state": "measured"}, "1.08 s"),
        ({"ttd_s": None, "ttd_state": "no_effect"}, "no effect"),
        ({"ttd_s": None, "ttd_state": "not_measured"}, "not measured"),
        ({"ttd_s": None, "ttd_state": "measured"}, "not measured"),
        ({}, "not measured"),
    ],
)
def test_each_state_has_its_words(outcome: dict[str, Any], said: str) -> None:
    """Measured, no effect and not measured read differently; a number that is missing is never shown as one."""
    assert formatting.interval(sparse_outcome(**outcome), "ttd")[0] == said


def test_figures_of_nothing_are_words() -> None:
    """An empty outcome gives six figures, none of them empty, a dash or a number."""
    figures = formatting.figures(sparse_outcome())
    assert len(figures) == 6
    assert nonempty_all(figure.value == "not measured" and figure.note for figure in figures)


def test_lost_orders_are_marked() -> None:
    """A lost order is shown as bad; none lost as good."""
    audits = [{"lost": lost, "acknowledged": 10} for lost in (0, 1)]
    tones = [formatting.orders_figure(sparse_outcome(audit=audit)).tone for audit in audits]
    assert tones == ["good", "bad"]


def test_an_interval_carries_its_error_and_ttd_its_limit() -> None:
    """Where they are known; a figure without them says nothing of them."""
    measured = {
        f"{key}_{part}": value
        for key in ("ttd", "ttr")
        for part, value in (("s", 1.9), ("state", "measured"))
    }
    known = {**measured, "detection": {"ratio": 1.3}, "error_s": {"ttd": 0.1, "ttr": 0.2}}
    shown = [(figure.value, figure.note) for figure in formatting.figures(sparse_outcome(**known))]
    assert shown[0] == ("1.90 s ± 0.10 s", "TTD, first effect to first page: 1.3× the limit")
    assert shown[2] == ("1.9 s ± 0.2 s", "TTR, first effect to users well")
    assert formatting.figures(sparse_outcome(**measured))[0].note == "TTD, first effect to first page"


@pytest.mark.parametrize(
    ("value", "bound", "text"),
    [
        (2.134, 0.87, "2.1 s ± 0.9 s"),
        (1.5634, 0.062, "1.56 s ± 0.06 s"),
        (12.34, 1.23, "12.3 s ± 1.2 s"),
        (43.2, 8.4, "43 s ± 8 s"),
        (0.36, 0.0004, "0.360 s ± 0.000 s"),
    ],
)
def test_a_time_has_as_many_digits_as_its_bound(value: float, bound: float, text: str) -> None:
    """One digit of the bound, two if the first is a 1, at most milliseconds."""
    assert formatting.with_bound(value, bound) == text


def test_without_a_calibration_the_bound_is_the_spacing_s() -> None:
    """TTR adds the errors of both of its ends."""
    spaced = sparse_outcome(spacing_s={"effect": 0.5, "recovered": 0.25})
    assert (formatting.bound_of(spaced, "ttd"), formatting.bound_of(spaced, "ttr")) == (0.5, 0.75)
    assert formatting.bound_of(sparse_outcome(), "ttr") is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (257.2, "257 an hour"),
        (0.2996, "0.3 an hour"),
        (0.0, "0 an hour"),
        (4.567, "4.57 an hour"),
        (None, "not measured"),
    ],
)
def test_rates(value: Any, said: str) -> None:
    """Small rates keep their digits."""
    assert formatting.per_hour(value) == said


@pytest.mark.parametrize(
    ("ratio", "words", "cell"),
    [(0.4, "at the limit", "at the limit"), (1.0, "1.0× the limit", "1.0×"), (None, None, "not measured")],
)
def test_a_lucky_detection_is_at_the_limit(ratio: float | None, words: str | None, cell: str) -> None:
    """A ratio below 1 is a lucky run of a detector that can't be better than the limit in the mean."""
    assert formatting.ratio_to_limit(ratio) == cell
    if ratio is not None and words is not None:
        assert formatting.beside_limit(ratio) == words

"""gameday_reports.charts.time_series against values counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gameday.recording.samples import RECORD, ErrorKind, Records, Samples
from gameday_reports.charts import time_series


def _records(*rows: dict[str, float]) -> Records:
    records = np.zeros(len(rows), RECORD)
    records["correct"] = 1
    for record, row in zip(records, rows, strict=True):
        for name, value in row.items():
            record[name] = value
    return records


def test_bins_are_half_open() -> None:
    """A time on an edge belongs to the bin that begins there; times before the first and at the end belong to none."""
    bins = time_series.Bins(10.0, 0.5, 3)
    planned = np.array([9.99, 10.0, 10.49, 10.5, 11.499, 11.5])
    assert bins.places(planned) == [(1, 3), (3, 4), (4, 5)]
    assert time_series.counts(bins, planned, np.ones(6, bool)).tolist() == [2, 1, 1]
    assert bins.edges.tolist() == [10.0, 10.5, 11.0, 11.5]


@pytest.mark.parametrize(
    ("until", "at_least", "width", "n"),
    [(45, 0.0, 0.5, 90), (45, 1.0, 1.0, 45), (170, 0.0, 1.0, 170), (1000, 0.0, 10.0, 100)],
)
def test_the_width_of_bins_grows_with_the_run(until: float, at_least: float, width: float, n: int) -> None:
    """The finest width is taken that keeps the number of bins readable."""
    assert time_series.bins_over(0, until, at_least) == time_series.Bins(0, width, n)


@pytest.mark.parametrize("until", [1e6, 3e9, 1e18])
def test_an_absurd_time_gives_as_many_bins_as_any(until: float) -> None:
    """A damaged sample years ahead makes bins wider, not more; they cover all of the time."""
    bins = time_series.bins_over(0, until)
    assert bins.n == time_series.MAX_BINS
    assert bins.edges[-1] == pytest.approx(until)


def test_rates_count_requests_per_second_and_empty_bins_are_zero() -> None:
    """Three requests in the loaded 0.4 s of a bin are 7.5/s; a bin without any is 0/s."""
    planned = np.array([0.1, 0.2, 0.4, 1.2])
    rates = time_series.rates(time_series.Bins(0, 0.5, 3), planned, np.ones(4, bool))
    assert rates.tolist() == [pytest.approx(3 / 0.4), 0.0, pytest.approx(1 / 0.25)]


def test_a_bin_that_the_load_covers_in_part_has_the_rate_of_that_part() -> None:
    """Load from 0.25 s to 1.75 s at 4/s is 4/s in both bins of a second, not less in the first and the last."""
    planned = np.array([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75])
    rates = time_series.rates(time_series.Bins(0, 1, 2), planned, np.ones(7, bool))
    assert rates.tolist() == [pytest.approx(3 / 0.75), pytest.approx(4 / 0.75)]


def test_a_ratio_is_of_what_was_counted_and_a_gap_where_nothing_was() -> None:
    """Bad requests outside the counted ones don't show; an empty bin is NaN, never 0."""
    planned = np.array([0.1, 0.2, 0.3, 0.4, 2.5])
    counted = np.array([True, True, True, False, True])
    bad = np.array([True, False, False, True, False])
    ratio = time_series.ratio(time_series.Bins(0, 1, 3), planned, counted, bad)
    assert ratio[0] == pytest.approx(1 / 3)
    assert np.isnan(ratio[1])
    assert ratio[2] == 0.0


def test_quantiles_are_nearest_rank_in_each_bin() -> None:
    """Of 1 … 20 the nearest-rank p50, p95, p99 are 10, 19, 20; of one value all are that value; of none NaN."""
    values = np.array([*range(20, 0, -1), 7.0])
    planned = np.array([*np.linspace(0, 0.9, 20), 2.5])
    p50, p95, p99 = time_series.quantiles(time_series.Bins(0, 1, 3), planned, values, np.ones(21, bool))
    assert (p50[0], p95[0], p99[0]) == (10, 19, 20)
    assert np.isnan([p50[1], p95[1], p99[1]]).all()
    assert (p50[2], p95[2], p99[2]) == (7, 7, 7)


def test_requests_never_sent_have_no_latency() -> None:
    """NaN values are left out of the quantiles, also where they would be the only ones."""
    found = time_series.quantiles(
        time_series.Bins(0, 1, 1), np.array([0.5]), np.array([np.nan]), np.ones(1, bool), (0.5,)
    )
    assert np.isnan(found[0][0])


def test_every_record_has_exactly_one_outcome() -> None:
    """A failed answer isn't also wrong, whatever its content check says; a wrong one is neither failed nor good."""
    records = _records(
        {"error": ErrorKind.NONE},
        {"error": ErrorKind.STATUS, "correct": 0},
        {"error": ErrorKind.TIMEOUT, "correct": 2},
        {"error": ErrorKind.CONNECTION, "correct": 2},
        {"error": ErrorKind.WRONG, "correct": 0},
        {"error": ErrorKind.NOT_SENT, "correct": 2},
    )
    masks = time_series.outcome_masks(records)
    named = [[name for name in time_series.OUTCOMES if masks[name][i]] for i in range(len(records))]
    assert named == [["good"], ["failed"], ["failed"], ["failed"], ["wrong"], ["not sent"]]


def test_a_name_of_several_words_has_each() -> None:
    """An answer in which several releases had part counts for each of them, and only whole names match."""
    names = ("gateway-1.0.0", "gateway-1.0.0 pricing-1.1.0", "pricing-1.1.0-hotfix")
    column = np.array([0, 1, 1, 2], np.uint16)
    assert time_series.members(names, ["pricing-1.1.0"], column).tolist() == [False, True, True, False]


def test_releases_of_a_service_are_those_that_answered() -> None:
    """A release that is only named and never answered isn't shown, nor is another service with a longer name."""
    records = _records({"release": 0}, {"release": 1})
    releases = ("pricing-1.0.0 gateway-1.0.0", "gateway-1.0.0 dynamic-pricing-1.0.0", "pricing-9.0.0")
    assert time_series.releases_of(Samples(records, releases=releases), "pricing") == ["pricing-1.0.0"]


def test_latency_counts_from_the_planned_time() -> None:
    """A request that waited a second before it was sent is a second slower."""
    records = _records({"planned": 1.0, "start": 2.0, "end": 2.5})
    assert time_series.latency(records).tolist() == [1.5]

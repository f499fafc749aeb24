"""Tests of the detection limit, against published figures, a brute-force solution and simulated
detectors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from gameday.analysis.detection.detection_limit import DAY_S, limit
from gameday.slo import run_lengths as module

P0 = 0.001


def fine_design(p0: float, p1: float, arl: float, parts: int) -> float:
    """Return the mean number of requests to the alarm from the chain's linear system.

    A good request is `parts` steps of the lattice.
    """
    good = math.log((1 - p0) / (1 - p1)) / parts
    bad = round(math.log(p1 / p0) / good)

    def length(p: float, h: int) -> float:
        chain, s = np.eye(h), np.arange(h)
        np.add.at(chain, (s, np.maximum(0, s - parts)), p - 1)
        stays = s[s + bad < h]
        chain[stays, stays + bad] -= p
        return float(np.linalg.solve(chain, np.ones(h))[0])

    return length(p1, smallest(lambda h: length(p0, h) >= arl))


def smallest(fits: Callable[[int], bool]) -> int:
    low, high = 0, 1
    while not fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


@pytest.mark.parametrize(("p1", "seconds"), [(0.01, 9.62), (0.05, 1.07), (0.25, 0.160), (1.0, 0.030)])
def test_the_known_table_counts_from_the_change(p1: float, seconds: float) -> None:
    """100 requests/s, 0.1 % before, one false alarm in 30 days: the published row counts from the
    change itself."""
    assert limit(P0, p1, 100, since="change") == pytest.approx(seconds, rel=0.005)


def test_the_first_bad_request_comes_one_over_p1_requests_after_the_change() -> None:
    """60/s at 5 %: 1.72 s from the change, 1.39 s from the first bad request, a third of a second later."""
    assert limit(P0, 0.05, 60, since="change") == pytest.approx(1.72, abs=0.005)
    assert limit(P0, 0.05, 60) == pytest.approx(1.39, abs=0.005)
    assert limit(P0, 0.05, 60, since="change") - limit(P0, 0.05, 60) == pytest.approx(1 / 3)


def test_a_fifth_of_the_rate_takes_more_than_five_times_as_long_less_the_smaller_budget() -> None:
    """12/s at 5 %: 7.65 s from the change and 5.99 s from the first bad request; fewer requests,
    fewer false alarms."""
    assert limit(P0, 0.05, 12, since="change") == pytest.approx(7.65, abs=0.01)
    assert limit(P0, 0.05, 12) == pytest.approx(5.99, abs=0.01)


@pytest.mark.parametrize(
    ("p0", "p1", "arl", "parts"),
    [
        (0.001, 0.25, 1e8, 3),
        (0.001, 0.9, 1e8, 4),
        (0.01, 0.05, 1e5, 2),
        (0.05, 0.1, 1e5, 4),
        (0.02, 0.999, 1e8, 6),
    ],
)
def test_it_equals_the_solution_of_a_finer_chain(p0: float, p1: float, arl: float, parts: int) -> None:
    """The likelihood ratio with hardly rounded weights, solved as a linear system, is the same
    within 1 %."""
    assert limit(p0, p1, 1.0, arl, since="change") == pytest.approx(fine_design(p0, p1, arl, parts), rel=0.01)


@pytest.mark.parametrize("p1", [0.05, 0.25])
def test_the_detector_simulated_takes_as_long(p1: float) -> None:
    """The mean delay of 20,000 simulated streams at the threshold for 1e5 requests is the computed
    one and the limit."""
    weight = math.floor(math.log(p1 / P0) / math.log((1 - P0) / (1 - p1)))
    threshold = smallest(lambda h: run_length(weight, h, P0) >= 1e5)
    assert simulated(weight, threshold, p1, 20_000) == pytest.approx(
        run_length(weight, threshold, p1), rel=0.02
    )
    assert limit(P0, p1, 1.0, 1e5, since="change") <= run_length(weight, threshold, p1)
    assert limit(P0, p1, 1.0, 1e5, since="change") == pytest.approx(
        run_length(weight, threshold, p1), rel=0.01
    )


def run_length(weight: int, threshold: int, p: float) -> float:
    return module.average_run_length(weight, 1, threshold, p)


def simulated(weight: int, threshold: int, p: float, streams: int) -> float:
    """Return the mean number of requests to the alarm over so many streams, simulated together."""
    random = np.random.default_rng(3)
    sums, requests = np.zeros(streams), 0
    while len(sums):
        requests += len(sums)
        bad = random.random(len(sums)) < p
        sums = np.where(bad, sums + weight, np.maximum(0, sums - 1))
        sums = sums[sums < threshold]
    return requests / streams


def test_a_false_alarm_comes_as_rarely_as_the_budget_asks() -> None:
    """At the threshold for 2,000 requests, quiet streams raise once in 2,000 or a little less often."""
    threshold = smallest(lambda h: run_length(39, h, 0.01) >= 2000)
    measured = simulated(39, threshold, 0.01, 4000)
    assert measured == pytest.approx(run_length(39, threshold, 0.01), rel=0.06)
    assert measured > 2000 * 0.95


def test_all_requests_bad_take_a_number_in_a_row() -> None:
    """Two bad in a row come by chance once in 1e6 requests, three in 1e9: 30 days at 100/s are between."""
    assert limit(P0, 1.0, 100, since="change") == pytest.approx(0.03)
    assert limit(P0, 1.0, 100) == pytest.approx(0.02)
    assert limit(P0, 1 - 1e-12, 100) == pytest.approx(0.02)
    assert limit(0.5, 1.0, 1.0, 2.0**20, since="change") == pytest.approx(
        20
    )  # 2²⁰ − 2 is short, 2²¹ − 2 isn't


def test_streams_share_the_budget_of_false_alarms() -> None:
    """Three paging streams have a third of the alarms each, so the limit is that of three times the
    run length."""
    assert limit(P0, 0.05, 60, streams=3) == limit(P0, 0.05, 60, 90 * DAY_S)
    assert limit(P0, 0.05, 60, streams=3) > limit(P0, 0.05, 60)


@pytest.mark.parametrize(("p0", "p1"), [(0.01, 0.01), (0.01, 0.001), (0.0, 0.0), (1.0, 1.0)])
def test_nothing_to_detect_has_no_limit(p0: float, p1: float) -> None:
    """With no more errors after than before the limit is infinite."""
    assert limit(p0, p1, 60) == math.inf


@pytest.mark.parametrize(
    ("p0", "p1"), [(0.0, 0.5), (0.0, 1e-9), (1e-300, 1e-3), (1e-9, 1.0), (0.999, 1.0), (0.5, 0.501)]
)
def test_extremes_have_a_limit_too(p0: float, p1: float) -> None:
    """For rare, near-certain and hardly different errors the limit is between 0 and the time to a
    false alarm."""
    assert 0 <= limit(p0, p1, 60) <= max(30 * DAY_S * 2, 1 / (60 * p1))


def test_a_change_hardly_there_takes_almost_as_long_as_a_false_alarm() -> None:
    """As p1 approaches p0 the delay approaches the run length and never exceeds it."""
    near, nearer = (limit(P0, P0 * (1 + e), 100, DAY_S) for e in (0.1, 1e-6))
    assert near < nearer
    assert nearer == pytest.approx(DAY_S, rel=0.02)


def test_a_budget_below_the_first_bad_request_alarms_on_it() -> None:
    """If a single bad request is a rare enough alarm, there is no delay after it: 1/p1 requests
    from the change."""
    assert limit(P0, 0.05, 1e-4) == 0.0
    assert limit(P0, 0.05, 1e-4, since="change") == pytest.approx(20 / 1e-4)


def test_rare_errors_are_taken_several_requests_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of three requests give the result of single ones within 0.3 %."""
    coarse = limit(1e-4, 1e-3, 1.0, 2.6e8)
    monkeypatch.setattr(module, "COARSEST", 10_000)
    module.design.cache_clear()
    assert limit.__wrapped__(1e-4, 1e-3, 1.0, 2.6e8) == pytest.approx(coarse, rel=0.003)
    module.design.cache_clear()


@pytest.mark.parametrize(
    ("p0", "p1", "rate"), [(-0.1, 0.5, 1), (0.1, 1.1, 1), (0.1, 0.5, 0), (math.nan, 0.5, 1)]
)
def test_invalid_probabilities_are_rejected(p0: float, p1: float, rate: float) -> None:
    """A probability outside 0…1 and a number of requests of zero are rejected."""
    with pytest.raises(ValueError, match="no limit"):
        limit(p0, p1, rate)

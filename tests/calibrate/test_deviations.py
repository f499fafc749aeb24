"""Deviations of measured from true times, checked against values computed by hand."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from gameday.calibrate.bench import SLO
from gameday.calibrate.deviations import Measured, Truth, apart, beyond, measured, spread
from gameday.recording.samples import RECORD, ErrorKind, Samples
from gameday.slo import Outage, course

TRUTHS = (Truth(5.015, 6.5), Truth(9.2, 10.333))


def samples(*outages: tuple[float, float], until: float = 14.0) -> Samples:
    """Return a request every 20 ms, answered after 10 ms; requests planned during an outage are
    refused."""
    records = np.zeros(round(until / 0.02), RECORD)
    records["planned"] = np.arange(len(records)) * 0.02
    records["end"] = records["planned"] + 0.01
    cut = np.zeros(len(records), np.bool_)
    for begin, end in outages:
        cut |= (records["planned"] >= begin) & (records["planned"] < end)
    records["error"] = np.where(cut, ErrorKind.CONNECTION, ErrorKind.NONE)
    records["correct"] = np.where(cut, 2, 1)
    return Samples(records, ("browse",), ("product",), ("bench",), ("stub-1.0.0",))


def measured_outages(pages: tuple[float, ...] = (5.1, 9.35), slip: float = 0.0) -> list[Measured]:
    """Return the two outages as any run measures them, with a load whose clock is ahead by `slip`."""
    recorded = samples(*((truth.cut, truth.restored) for truth in TRUTHS))
    recorded.records["planned"] += slip
    recorded.records["end"] += slip
    return measured(TRUTHS, course(SLO, recorded, 1.0, 14.0).outages, pages, SLO, recorded)


def test_each_outage_is_measured_between_the_requests_around_its_ends() -> None:
    """Requests are planned every 20 ms and take 10: effect is midway between two planned times, recovered between two
    answers."""
    one, two = measured_outages()
    assert (one.effect, one.recovered, one.detect) == pytest.approx((5.01, 6.5, 5.1))
    assert (two.effect, two.recovered, two.detect) == pytest.approx((9.19, 10.34, 9.35))
    assert (one.next_cut, one.next_restored) == pytest.approx((5.02, 6.5))
    assert (one.last_cut, one.last_restored) == pytest.approx((5.0, 6.48))
    assert [apart(outage.effect, outage.truth.cut) for outage in measured_outages()] == pytest.approx(
        [-0.005, -0.01], abs=1e-9
    )


def test_buckets_of_a_second_round_outwards() -> None:
    """Buckets give the first second with a failure and the first one after it without, by the time
    of the answer."""
    one, two = measured_outages()
    assert (one.bucket_effect, one.bucket_recovered) == (5.0, 7.0)
    assert (two.bucket_effect, two.bucket_recovered) == (9.0, 11.0)


def test_an_outage_that_was_not_seen_has_no_times() -> None:
    """Times of an outage that wasn't measured are None, never 0."""
    blank = measured(TRUTHS, (), (), SLO, samples())
    assert [(one.effect, one.recovered, one.detect, one.bucket_effect) for one in blank] == [(None,) * 4] * 2


def test_an_outage_measured_as_two_counts_as_not_measured() -> None:
    """Two measured outages in the span of one are ambiguous."""
    split = (Outage(5.02, 5.4), Outage(6.0, 6.5), Outage(9.2, 10.34))
    one, two = measured(TRUTHS, split, (), SLO, samples(*((truth.cut, truth.restored) for truth in TRUTHS)))
    assert one.effect is None
    assert two.effect == 9.2


def test_a_page_before_the_cut_detects_nothing() -> None:
    """A page counts from the cut to the middle of the quiet time after the outage."""
    early, late = measured_outages(pages=(5.0, 8.0))
    assert (early.detect, late.detect) == (None, None)


@pytest.mark.parametrize("slip", [0.3, -0.3])
def test_a_load_whose_clock_slips_is_off_by_the_slip(slip: float) -> None:
    """A slip of 300 ms is an error of 300 ms in both clocks, beyond any gap between requests."""
    for one in measured_outages(slip=slip):
        assert apart(one.effect, one.truth.cut) == pytest.approx(slip, abs=0.021)
        assert apart(one.recovered, one.truth.restored) == pytest.approx(slip, abs=0.021)
        outside = beyond(one.effect, one.last_cut, one.next_cut)
        assert outside is not None
        assert abs(outside) > 0.25


def test_beyond_spacing_is_what_lies_outside_of_the_gap() -> None:
    """A time between the last request before the true one and the next has no error beyond the spacing; other times
    have."""
    assert beyond(5.01, 5.0, 5.02) == 0.0
    assert beyond(4.98, 5.0, 5.02) == pytest.approx(-0.02)
    assert beyond(5.05, 5.0, 5.02) == pytest.approx(0.03)
    assert beyond(None, 5.0, 5.02) is None
    assert beyond(5.01, 5.0, None) is None


def test_a_spread_is_of_sizes_and_its_bias_of_signs() -> None:
    """Late and early errors cancel in the bias but not in the quantiles; unknown errors are left out."""
    errors = spread([-0.2, 0.1, 0.3, None])
    assert errors is not None
    assert astuple(errors) == pytest.approx((0.2, 0.29, 0.3, 0.1))
    assert spread([None, None]) is None

"""The plan and its schedule of arrivals."""

from __future__ import annotations

from collections import Counter
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from gameday.load.load_plan import STEPS, LoadPlan, Surge, arrivals, even_arrivals, pool_for
from tests.support.load_plans import WEIGHTS, plan


def test_the_schedule_is_of_its_seed() -> None:
    """The same seed gives the same arrivals, another seed gives others, and a later start shifts
    all of them."""
    first = list(islice(arrivals(plan()), 50))
    assert first == list(islice(arrivals(plan()), 50))
    assert first != list(islice(arrivals(plan(seed=8)), 50))
    later = list(islice(arrivals(plan(begin=15.0)), 50))
    assert [one.planned for one in later] == pytest.approx([one.planned + 10 for one in first])
    assert [one.user for one in later] == [one.user for one in first]


def test_rate_counts_requests() -> None:
    """Over a long time the steps of the arrivals come at `rate`, within four standard deviations of
    their sum."""
    seconds, one = 1000.0, plan()
    steps = [len(STEPS[a.journey]) for a in takewhile(lambda a: a.planned < 5.0 + seconds, arrivals(one))]
    assert sum(steps) == pytest.approx(one.rate * seconds, abs=4 * float(np.sum(np.square(steps))) ** 0.5)


def test_arrivals_are_poisson() -> None:
    """The gaps are exponential: their standard deviation is their mean, and a share of 1/e is
    longer than the mean."""
    times = np.array([5.0, *(one.planned for one in islice(arrivals(plan()), 20_000))])
    gaps = np.diff(times)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)
    assert (gaps > gaps.mean()).mean() == pytest.approx(np.exp(-1), abs=0.02)


def test_journeys_come_by_their_weights_and_orders_are_counted() -> None:
    """Journeys have their shares, users are in 1..users, and purchases alone are numbered, from 1 up."""
    some = list(islice(arrivals(plan()), 20_000))
    shares = Counter(one.journey for one in some)
    for journey, weight in WEIGHTS.items():
        assert shares[journey] / len(some) == pytest.approx(weight / 10, abs=0.015)
    assert {one.order for one in some if one.journey != "buy"} == {0}
    assert [one.order for one in some if one.journey == "buy"] == list(range(1, shares["buy"] + 1))
    assert min(one.user for one in some) >= 1
    assert max(one.user for one in some) <= 20_000


def test_homes_have_their_shares() -> None:
    """Each user has one home region, and the regions have their shares of the users."""
    homes = Counter(plan().home(user) for user in range(1, 20_001))
    assert homes["us-east"] / 20_000 == pytest.approx(2 / 3, abs=0.001)
    assert set(homes) == {"us-east", "eu-west"}


def test_it_goes_through_a_file(tmp_path: Path) -> None:
    """A plan survives writing and reading, and no draft of the file is left."""
    one = plan()
    one.write(tmp_path / "load.json")
    assert LoadPlan.read(tmp_path / "load.json") == one
    assert [path.name for path in tmp_path.iterdir()] == ["load.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"journeys": {"browse": 1, "fly": 1}}, "no such journey: fly"),
        ({"journeys": {"browse": 0}}, "weights over 0"),
        ({"regions": {}}, "at least 1 item"),
        ({"regions": {"us-east": 0}}, "shares over 0"),
        ({"pool": 399}, "400 are needed"),
        ({"headroom": 2.5}, "1000 are needed"),
        ({"headroom": 0.5}, "greater than or equal to 1"),
        ({"surges": [{"since": 9, "factor": 0}]}, "greater than 0"),
        ({"surges": [{"since": 9, "factor": 2}, {"since": 8, "factor": 1}]}, "in the order of their times"),
        ({"rate": 0}, "greater than 0"),
        ({"mistake": 1}, "Extra inputs"),
    ],
)
def test_an_invalid_plan_is_refused(changes: dict[str, Any], message: str) -> None:
    """A plan that can't be carried out is rejected."""
    with pytest.raises(ValidationError, match=message):
        plan(**changes)


def test_a_surge_moves_later_arrivals_only() -> None:
    """Arrivals before a surge are unchanged; during it the same arrivals come 3 times as fast;
    after it they come at the planned rate."""
    even = list(islice(even_arrivals(plan()), 3000))
    surging = plan(surges=(Surge(since=7.0, factor=3.0), Surge(since=10.0, factor=1.0)))
    moved = list(islice(arrivals(surging), 3000))
    assert even == list(islice(arrivals(plan()), 3000))
    assert [(one.journey, one.user, one.choice, one.order) for one in moved] == [
        (one.journey, one.user, one.choice, one.order) for one in even
    ]
    expected = [
        t if t < 7.0 else 7.0 + (t - 7.0) / 3.0 if t < 16.0 else t - 6.0
        for t in (one.planned for one in even)
    ]
    assert [one.planned for one in moved] == pytest.approx(expected, abs=1e-9)
    before = [one for one in even if one.planned < 7.0]
    assert moved[: len(before)] == before


def test_a_surge_is_still_poisson() -> None:
    """Within a surge the gaps are exponential, at the rate times the factor."""
    surging = plan(rate=50.0, surges=(Surge(since=5.0, factor=4.0),))
    gaps = np.diff([5.0, *(one.planned for one in islice(arrivals(surging), 20_000))])
    assert 1 / gaps.mean() == pytest.approx(4 * 50.0 / surging.steps_per_journey(), rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)


def test_no_schedule_without_begin() -> None:
    """A plan without a start time has no schedule."""
    with pytest.raises(ValueError, match="begin"):
        next(arrivals(plan(begin=None)))


def test_the_pool_covers_two_timeouts() -> None:
    """The pool holds twice what arrives within one time-out, and at least 64."""
    assert (pool_for(60, 2), pool_for(1, 1)) == (240, 64)

"""Tests of the expected schedule, which is computed apart from the load and equals it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameday.analysis.evidence.schedule import STEPS, Schedule
from gameday.load import load_plan as load

PLAN: dict[str, Any] = {
    "seed": 7,
    "begin": 2.5,
    "rate": 60.0,
    "users": 20_000,
    "think_time": 0.2,
    "pool": 240,
}


def written(folder: Path, **more: Any) -> Path:
    path = folder / "load.json"
    path.write_text(json.dumps({**PLAN, "journeys": {"browse": 6.0, "buy": 2.0}, **more}), encoding="utf-8")
    return path


@given(
    seed=st.integers(0, 2**31),
    rate=st.floats(1, 1000),
    users=st.integers(1, 50_000),
    weights=st.lists(st.floats(0.1, 10), min_size=len(STEPS), max_size=len(STEPS)),
    surges=st.lists(st.tuples(st.floats(0.5, 30), st.floats(0.01, 50)), max_size=4).map(sorted),
)
@settings(deadline=None, max_examples=60)
def test_it_is_the_load_s_own_to_the_bit(
    seed: int, rate: float, users: int, weights: list[float], surges: list[tuple[float, float]]
) -> None:
    """For any plan and surges the planned times of the first 200 journeys equal the load's to the bit."""
    journeys = dict(zip(STEPS, weights, strict=True))
    plan = load.LoadPlan(
        run="r",
        target="http://127.0.0.1",
        origin=0.0,
        begin=1.5,
        seed=seed,
        rate=rate,
        journeys=journeys,
        users=users,
        timeout=2.0,
        think_time=0.2,
        regions={"us-east": 1.0},
        pool=load.pool_for(rate, 2.0),
        products=Path("products.json"),
        shard=Path("0.shard"),
        surges=tuple(load.Surge(since=since, factor=factor) for since, factor in surges),
    )
    planned = [arrival.planned for arrival in itertools.islice(load.arrivals(plan), 200)]
    kinds = tuple((STEPS[name], weight) for name, weight in journeys.items())
    schedule = Schedule(seed, 1.5, rate, kinds, users, 0.2, tuple(surges))
    assert schedule.begins(planned[-1]).tolist() == planned


def test_journeys_have_the_load_s_steps() -> None:
    """The journeys are the load's, each with the same steps."""
    assert dict(STEPS) == dict(load.STEPS)


def test_it_is_read_from_the_plan(tmp_path: Path) -> None:
    """The plan gives about 60 requests a second, 1.25 a journey, from `begin` on; its other keys
    don't matter."""
    schedule = Schedule.read(written(tmp_path))
    assert schedule is not None
    begins = schedule.begins(12.5)
    assert 2.5 < begins[0] < begins[-1] <= 12.5
    assert 400 < len(begins) < 560
    assert len(schedule.begins(2.5)) == 0


def test_a_surge_is_read_from_the_plan(tmp_path: Path) -> None:
    """A surge multiplies the arrivals in it and moves none before it; an older plan has no surges."""
    even = Schedule.read(written(tmp_path))
    surges = [{"since": 10.0, "factor": 4.0}, {"since": 15.0, "factor": 1.0}]
    surging = Schedule.read(written(tmp_path, surges=surges))
    assert even is not None
    assert surging is not None
    assert even.surges == ()
    before, times = even.begins(30.0), surging.begins(30.0)
    assert times[times < 10.0].tolist() == before[before < 10.0].tolist()
    assert ((times >= 10.0) & (times < 15.0)).sum() == ((before >= 10.0) & (before < 30.0)).sum()
    assert times[times >= 15.0] == pytest.approx(even.begins(45.0)[len(before) :] - 15.0)


def test_a_load_that_never_began_has_none(tmp_path: Path) -> None:
    """A load that never began has no schedule, nor does a run without a plan."""
    assert Schedule.read(tmp_path / "load.json") is None
    assert Schedule.read(written(tmp_path, begin=None)) is None


@pytest.mark.parametrize(
    "more", [{"seed": "x"}, {"journeys": {"fly": 1.0}}, {"journeys": None}, {"rate": []}, {"surges": [1]}]
)
def test_an_invalid_plan_is_an_error(tmp_path: Path, more: dict[str, Any]) -> None:
    """An invalid plan is an error with its path."""
    with pytest.raises(ValueError, match=r"load\.json: not a plan of the load"):
        Schedule.read(written(tmp_path, **more))

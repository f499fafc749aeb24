"""Tests of impact: users hurt between effect and recovery, and the budget spent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gameday.analysis.impact.blast_radius import Homes, read_homes
from gameday.load.load_plan import LoadPlan
from gameday.recording.samples import ErrorKind
from tests.support.measured import measure
from tests.support.run_folders import HOMES, Story, failing, steadily, write

STORY = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()


def test_the_hurt_are_counted_by_region_release_and_journey(tmp_path: Path) -> None:
    """Of 200 requests from 20 s to 30 s one in four fails, those of us-east on the new release."""
    requests = steadily()
    for number, request in enumerate(requests):
        request.region = "us-east" if number % 2 else "eu-west"
        request.release = "pricing-1.1.0" if number % 4 == 1 else "pricing-1.0.0"
        request.user = number % 50
        request.journey = "buy" if number % 2 else "browse"
    failing(requests, 20.0, 30.0, which=lambda r: r.release == "pricing-1.1.0")
    impact = measure(write(tmp_path / "run", STORY, requests))["impact"]
    # The first bad request is number 361 at 20.075 s, the last 557 at 29.875 s; the next good one is at 29.925 s.
    assert (impact["requests"], impact["failed"]) == (197, 50)
    assert impact["failed_ratio"] == pytest.approx(50 / 197, abs=1e-6)
    none = {"wrong": 0, "slow": 0}
    assert impact["served"]["us-east"] == {
        "requests": 99,
        "bad": 50,
        "failed": 50,
        **none,
        "bad_ratio": pytest.approx(50 / 99, abs=1e-6),
        "failed_ratio": pytest.approx(50 / 99, abs=1e-6),
        "hurt_s": pytest.approx(9.8),  # from 20.075 s to 29.875 s, when the last one was answered
    }
    assert impact["served"]["eu-west"] == {
        "requests": 98,
        **dict.fromkeys(("bad", "failed", "wrong", "slow"), 0),
        **dict.fromkeys(("bad_ratio", "failed_ratio", "hurt_s"), 0.0),
    }
    assert impact["releases"]["pricing-1.1.0"]["failed_ratio"] == 1.0
    assert impact["journeys"]["browse"]["failed"] == 0
    # Users number%50 with number%4 == 1 within 0..49, over all residues: 25 odd ones, each hit within 100 requests.
    assert (impact["users"], impact["users_affected_ratio"]) == (25, 0.5)


def test_users_are_hurt_where_they_live(tmp_path: Path) -> None:
    """Unanswered users of one region count for their home region, although no region served them."""
    homes = Homes(tuple(HOMES), tuple(HOMES.values()))
    requests = steadily()
    for request in requests:
        request.journey = "buy" if request.user % 2 else "browse"
    lives_east = dict(enumerate((homes.of(np.arange(len(requests))) == 0).tolist()))
    failing(requests, 20.0, 30.0, ErrorKind.TIMEOUT, which=lambda r: lives_east[r.user])
    for request in requests:
        if request.error == ErrorKind.TIMEOUT:
            request.region, request.took = "", 2.0
    impact = measure(write(tmp_path / "run", STORY, requests))["impact"]
    bad = [r for r in requests if r.error == ErrorKind.TIMEOUT]
    assert set(impact["served"]) == {"", "us-east"}
    east, west = impact["regions"]["us-east"], impact["regions"]["eu-west"]
    assert (east["failed"], east["users"]) == (len(bad), len(bad))
    # The outage ends with the last time-out, 2 s later: until then one user of the region in twenty is well.
    assert east["failed_ratio"] == pytest.approx(len(bad) / east["requests"], abs=1e-6)
    assert (west["failed"], west["users"], west["users_affected_ratio"], west["hurt_s"]) == (0, 0, 0.0, 0.0)
    assert east["hurt_s"] == pytest.approx(bad[-1].planned + 2.0 - bad[0].planned)
    cells = {(cell["region"], cell["journey"]): cell for cell in impact["blast"]}
    assert set(cells) == {(region, journey) for region in HOMES for journey in ("buy", "browse")}
    buyers = [r for r in bad if r.journey == "buy"]
    assert cells["us-east", "buy"]["failed"] == len(buyers)
    assert cells["us-east", "buy"]["hurt_s"] == pytest.approx(buyers[-1].planned + 2.0 - buyers[0].planned)
    assert cells["eu-west", "buy"]["failed"] == 0


def test_how_long_each_user_was_hurt(tmp_path: Path) -> None:
    """Of ten users in turn five fail; each is hurt every half second from first to last."""
    requests = steadily()
    for number, request in enumerate(requests):
        request.user = number % 10
    failing(requests, 20.0, 30.0, which=lambda r: r.user < 5)
    impact = measure(write(tmp_path / "run", STORY, requests))["impact"]
    # 200 requests, twenty of each user, 0.5 s apart: 9.5 s from first to last.
    assert impact["user_hurt_s"] == {key: pytest.approx(9.5) for key in ("median", "p95", "longest")}
    assert impact["hurt_s"] == pytest.approx(9.7)


def test_without_the_load_s_plan_homes_are_unknown(tmp_path: Path) -> None:
    """Without the plan home regions are unknown, and serving regions are still known."""
    folder = write(tmp_path / "run", STORY, failing(steadily(), 20.0, 30.0))
    (folder / "samples" / "load.json").unlink()
    impact = measure(folder)["impact"]
    assert (impact["regions"], impact["blast"], impact["served"]["us-east"]["failed"]) == ({}, [], 200)


@pytest.mark.parametrize("regions", [{"a": 1.0, "b": 1.0}, {"a": 3.0, "b": 0.5, "c": 1.5}, {"a": 1.0}])
def test_homes_are_those_of_the_load(tmp_path: Path, regions: dict[str, float]) -> None:
    """The computed home of each user equals the load's."""
    plan = LoadPlan(
        run="r",
        target="http://127.0.0.1:1",
        seed=1,
        origin=0.0,
        rate=10.0,
        journeys={"buy": 1.0},
        timeout=2.0,
        think_time=0.2,
        regions=regions,
        pool=64,
        products=tmp_path / "p",
        shard=tmp_path / "s",
    )
    plan.write(tmp_path / "load.json")
    homes = read_homes(tmp_path / "load.json")
    assert homes is not None
    users = np.arange(1, 20_001)
    assert [homes.names[code] for code in homes.of(users)] == [plan.home(user) for user in users.tolist()]


def test_the_budget_is_that_of_the_whole_run(tmp_path: Path) -> None:
    """200 bad of 1,100 since 5 s, with 1 % (11) allowed: the budget is spent 18 times; unsent
    requests don't count."""
    requests = failing(failing(steadily(), 20.0, 30.0), 50.0, 50.04, ErrorKind.NOT_SENT)
    outcome = measure(write(tmp_path / "run", STORY, requests))
    assert outcome["impact"]["error_budget_spent"] == pytest.approx(200 / (1099 * 0.01), abs=1e-6)
    assert outcome["slos"][0]["budget_spent"] == outcome["impact"]["error_budget_spent"]
    assert outcome["impact"]["budgets"] == {"shop": outcome["impact"]["error_budget_spent"]}


def test_requests_not_sent_are_no_failures(tmp_path: Path) -> None:
    """An unsent request is no request and no failure: 196 of 200 remain."""
    requests = failing(failing(steadily(), 20.0, 30.0), 25.0, 25.2, ErrorKind.NOT_SENT)
    impact = measure(write(tmp_path / "run", STORY, requests))["impact"]
    assert (impact["requests"], impact["failed"], impact["users"]) == (196, 196, 196)


def test_impact_lasts_to_the_end_without_a_recovery(tmp_path: Path) -> None:
    """Without a recovery the impact lasts to the end of the run."""
    outcome = measure(write(tmp_path / "run", STORY, failing(steadily(), 20.0, 60.0)))
    assert (outcome["impact"]["requests"], outcome["impact"]["failed"]) == (800, 800)


def test_slow_answers_hurt(tmp_path: Path) -> None:
    """161 logins that are answered after 900 ms are bad by the objective of logins; other requests as slow are not."""
    slos = [
        {"name": "login", "sli": "latency", "under": "500ms", "objective": "95%", "journey": "login"},
        {"name": "shop", "sli": "availability", "objective": "99%"},
    ]
    requests = steadily()
    for number, request in enumerate(requests):
        request.journey = "login" if number % 2 else "browse"
        request.took = 0.9 if 20.0 <= request.planned < 36.1 else 0.0
    outcome = measure(write(tmp_path / "run", STORY, requests, slos=slos))
    impact, login = outcome["impact"], outcome["impact"]["journeys"]["login"]
    assert (impact["bad"], impact["slow"], impact["failed"], impact["users"]) == (161, 161, 0, 161)
    assert (login["bad"], login["failed_ratio"], impact["journeys"]["browse"]["bad"]) == (161, 0.0, 0)
    assert outcome["customer_reports"]["total"] > 0
    # One was planned every 100 ms and took 0.9 s: some bad request was waited for all the time.
    assert impact["bad_s"] == pytest.approx(16.0 + 0.9)
    assert impact["users_per_minute"] == pytest.approx(161 * 60 / outcome["ttr_s"], abs=1e-3)


def test_what_is_bad_after_the_recovery_is_counted_apart(tmp_path: Path) -> None:
    """Two requests that fail 20 s later are no part of the outage, but of what is shown."""
    requests = failing(failing(steadily(), 20.0, 30.0), 50.0, 50.1)
    impact = measure(write(tmp_path / "run", STORY, requests))["impact"]
    assert (impact["bad"], impact["after_recovery"]["bad"], impact["after_recovery"]["requests"]) == (
        200,
        2,
        600,
    )


def test_wrong_answers_hurt(tmp_path: Path) -> None:
    """A wrong price is bad, though no error shows."""
    slos = [{"name": "prices", "sli": "correctness", "objective": "99%"}]
    requests = failing(steadily(), 20.0, 30.0, ErrorKind.WRONG)
    outcome = measure(write(tmp_path / "run", STORY, requests, slos=slos))
    assert (outcome["clocks"]["effect"], outcome["impact"]["wrong"]) == (20.0, 200)
    assert (outcome["impact"]["bad"], outcome["impact"]["failed"], outcome["impact"]["users"]) == (
        200,
        0,
        200,
    )

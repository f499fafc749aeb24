"""Who was hurt, between effect and recovery only, and what it cost the budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.measure import measure
from runner.samples import ErrorKind
from tests.measure.folders import Story, failing, steadily, write

STORY = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()


def test_the_hurt_are_counted_by_region_release_and_journey(tmp_path: Path) -> None:
    """200 requests from 20 s to 30 s; those of us-east on the new release fail: one in four."""
    requests = steadily()
    for number, request in enumerate(requests):
        request.region = "us-east" if number % 2 else "eu-west"
        request.release = "pricing-1.1.0" if number % 4 == 1 else "pricing-1.0.0"
        request.user = number % 50
        request.journey = "buy" if number % 2 else "browse"
    failing(requests, 20.0, 30.0, which=lambda r: r.release == "pricing-1.1.0")
    found = measure(write(tmp_path / "run", STORY, requests))["impact"]
    # The first bad request is number 361 at 20.05 s, the last 557 at 29.85 s; the next good one is at 29.9 s.
    assert (found["requests"], found["failed"]) == (197, 50)
    assert found["failed_ratio"] == pytest.approx(50 / 197, abs=1e-6)
    assert found["regions"]["us-east"] == {
        "requests": 99,
        "failed": 50,
        "failed_ratio": pytest.approx(50 / 99, abs=1e-6),
    }
    assert found["regions"]["eu-west"] == {"requests": 98, "failed": 0, "failed_ratio": 0.0}
    assert found["releases"]["pricing-1.1.0"]["failed_ratio"] == 1.0
    assert found["journeys"]["browse"]["failed"] == 0
    # Users number%50 with number%4 == 1 within 0..49, over all residues: 25 odd ones, each hit within 100 requests.
    assert (found["users"], found["users_affected_ratio"]) == (25, 0.5)


def test_the_budget_is_that_of_the_whole_run(tmp_path: Path) -> None:
    """200 bad of 1,100 since 5 s, where 1 % (11) may be: the budget is spent 18 times; unsent ones don't count."""
    requests = failing(failing(steadily(), 20.0, 30.0), 50.0, 50.01, ErrorKind.NOT_SENT)
    outcome = measure(write(tmp_path / "run", STORY, requests))
    assert outcome["impact"]["error_budget_spent"] == pytest.approx(200 / (1099 * 0.01), abs=1e-6)
    assert outcome["slos"][0]["budget_spent"] == outcome["impact"]["error_budget_spent"]


def test_requests_not_sent_hurt_nobody_we_know_of(tmp_path: Path) -> None:
    """What was never sent is no request and no failure: 196 of 200 remain."""
    requests = failing(failing(steadily(), 20.0, 30.0), 25.0, 25.2, ErrorKind.NOT_SENT)
    found = measure(write(tmp_path / "run", STORY, requests))["impact"]
    assert (found["requests"], found["failed"], found["users"]) == (196, 196, 196)


def test_to_the_end_where_it_never_recovered(tmp_path: Path) -> None:
    """Without a recovery the impact goes on to the end of the run."""
    outcome = measure(write(tmp_path / "run", STORY, failing(steadily(), 20.0, 60.0)))
    assert (outcome["impact"]["requests"], outcome["impact"]["failed"]) == (800, 800)


def test_wrong_answers_hurt(tmp_path: Path) -> None:
    """A wrong price is a failure too, though no error shows."""
    slos = [{"name": "prices", "sli": "correctness", "objective": "99%"}]
    requests = failing(steadily(), 20.0, 30.0, ErrorKind.WRONG)
    outcome = measure(write(tmp_path / "run", STORY, requests, slos=slos))
    assert (outcome["clocks"]["effect"], outcome["impact"]["failed"]) == (20.0, 200)

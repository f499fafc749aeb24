"""Tests of what still fails at the end of a run, and of what its last seconds can't rule out."""

from __future__ import annotations

from math import comb
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.impact.residual import fisher
from tests.support.measured import measure
from tests.support.run_folders import Request, Story, failing, steadily, write

JOURNEYS = ("browse", "buy", "login", "history")


def story() -> Story:
    return Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()


def requests(*, recovered: float = 30.0) -> list[Request]:
    """Return requests of four journeys in turn, of which buy fails from 20 s until `recovered`."""
    items = steadily()
    for number, request in enumerate(items):
        request.journey = JOURNEYS[number % 4]
    return failing(items, 20.0, recovered, which=lambda request: request.journey == "buy")


def outcome(folder: Path, items: list[Request], **scenario: Any) -> dict[str, Any]:
    slos = [{"name": "buy", "sli": "availability", "objective": "99%", "journey": "buy"}]
    return measure(write(folder / "run", story(), items, slos=slos, **scenario))


def test_a_journey_that_is_dead_without_an_slo_fails_the_run(tmp_path: Path) -> None:
    """51 of 51 requests for the history failed in the last seconds, which no SLO covers."""
    items = failing(requests(), 40.0, 60.0, which=lambda request: request.journey == "history")
    result = outcome(tmp_path, items)
    assert (result["clocks"]["recovered"], result["exit_status"]) == (29.975, 1)
    assert result["reasons"] == ["history: 50 of 50 requests failed in the last 10 s; no SLO covers it"]
    (place,) = result["residual"]["places"]
    assert (place["journey"], place["bad"], place["slos"]) == ("history", 50, [])


def test_a_scenario_may_allow_it(tmp_path: Path) -> None:
    """With allowResidual the reason stands, and the run passes."""
    items = failing(requests(), 40.0, 60.0, which=lambda request: request.journey == "history")
    result = outcome(tmp_path, items, allowResidual=True)
    assert (result["exit_status"], len(result["reasons"])) == (0, 1)


def test_a_journey_dead_under_a_wide_slo_fails_the_run(tmp_path: Path) -> None:
    """An overall SLO of 90 % allows one in twelve requests to be bad; the login, one in twelve, is dead all the same."""
    slos = [{"name": "all", "sli": "availability", "objective": "90%"}]
    items = failing(steadily(), 20.0, 25.0)
    for number, request in enumerate(items):
        request.journey = "login" if number % 12 == 0 else "browse"
    failing(items, 25.0, 60.0, which=lambda request: request.journey == "login")
    result = measure(write(tmp_path / "run", story(), items, slos=slos))
    assert result["reasons"] == ["login: 17 of 17 requests failed in the last 10 s; though all may hold"]


@pytest.mark.parametrize(("every", "exit_status"), [(100, 0), (66, 0), (50, 0), (33, 0)])
def test_a_rare_residual_is_bounded_and_not_claimed(tmp_path: Path, every: int, exit_status: int) -> None:
    """1, 1.5, 2 or 3 % of 200 requests, of journeys without an SLO, may be chance: the bound says what was not ruled out."""
    items = failing(
        requests(), 30.0, 60.0, which=lambda request: request.user % every == 0 and request.journey != "buy"
    )
    result = outcome(tmp_path, items)
    bad = result["residual"]["bad"]
    assert (result["exit_status"], result["residual"]["requests"]) == (exit_status, 200)
    assert bad / 200 < result["residual"]["at_most"] < bad / 200 + 0.05


def test_nothing_bad_bounds_the_rest_at_three_over_n(tmp_path: Path) -> None:
    """None of 200 requests in the last 10 s: at most 1.5 % still fail."""
    result = outcome(tmp_path, requests())
    assert (result["residual"]["since"], result["residual"]["bad"]) == (50.0, 0)
    assert result["residual"]["at_most"] == pytest.approx(1 - 0.05 ** (1 / 200), abs=1e-6)


def test_a_thin_journey_that_is_well_is_unknown_and_one_that_is_dead_is_not(tmp_path: Path) -> None:
    """At 1.7 requests/s no window has 20 of them: inconclusive while all is well, a failure if all fail."""
    slos = [
        {"name": "all", "sli": "availability", "objective": "90%"},
        {"name": "history", "sli": "availability", "objective": "99%", "journey": "history"},
    ]
    statuses = {}
    for dead in (False, True):
        items = failing(steadily(), 20.0, 30.0)
        for number, request in enumerate(items):
            request.journey = "history" if number % 12 == 0 else "browse"
        if dead:
            failing(items, 30.0, 60.0, which=lambda request: request.journey == "history")
        result = measure(write(tmp_path / str(dead), story(), items, slos=slos))
        statuses[dead] = result["exit_status"]
    assert statuses == {False: 3, True: 1}


@pytest.mark.parametrize(("bad", "n", "before", "n_before"), [(3, 10, 1, 30), (5, 5, 0, 20), (1, 50, 4, 50)])
def test_fisher_is_the_sum_of_all_tables(bad: int, n: int, before: int, n_before: int) -> None:
    """The p-value is that of counting every table with the same margins."""
    drawn = bad + before
    tables = sum(comb(n, k) * comb(n_before, drawn - k) for k in range(bad, min(n, drawn) + 1))
    assert fisher(bad, n, before, n_before) == pytest.approx(tables / comb(n + n_before, drawn))

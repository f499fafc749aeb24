"""Tests of suite results: one verdict of many, what counts and what doesn't."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from gameday.analysis.model.baseline_model import MachineSpeed
from tests.support.documents import attempt
from tests.support.suites import SIX, attempts, entry, full, made


def single(status: int, why: str = "why") -> Any:
    """Return a scenario with one run of this exit status."""
    name = f"ended-{status}"
    return entry(name, [1.0], attempts=attempts([full(f"r{status}", name, status=status, why=why)], name))


@pytest.mark.parametrize(
    ("statuses", "status", "verdict"),
    [
        ((0, 0), 0, "pass"),
        ((0, 1), 1, "fail"),
        ((1, 4), 4, "error"),
        ((4, 5, 1), 5, "error"),
        ((0, 3), 3, "inconclusive"),
        ((1, 3), 3, "inconclusive"),
    ],
)
def test_the_gravest_counts(statuses: tuple[int, ...], status: int, verdict: str) -> None:
    """The gravest exit status wins; a scenario without a steady state makes it 3, whatever else holds."""
    result = made(*map(single, statuses))
    assert (result["exit_status"], result["verdict"]) == (status, verdict)
    assert len(result["reasons"]) == sum(statuse > 0 for statuse in statuses)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_an_interruption_and_a_failure_of_the_tool_take_precedence() -> None:
    """An interruption gives 130; a failure of the tool gives 4 and is the first reason."""
    assert made(single(3), interrupted=True)["exit_status"] == 130
    broken = made(single(3), broken="the disk is full")
    assert (broken["exit_status"], broken["reasons"][0]) == (4, "the disk is full")


def test_one_trial_of_several_without_a_steady_state_makes_nothing_else_void() -> None:
    """A failed trial beside an unsteady one fails the scenario; it is inconclusive only if no trial
    was steady."""
    outcomes = [full("a", status=1, ttr=inf), full("b", status=3)]
    result = made(entry(attempts=attempts(outcomes, "x"), trials=2))
    assert (result["exit_status"], result["scenarios"][0]["unmet"]) == (1, False)


def test_a_scenario_that_did_not_run_is_no_pass() -> None:
    """A scenario that ran too rarely, or never, is inconclusive, with the reason."""
    never = made(entry("late", [], trials=2, missing="time was up"))
    assert (never["exit_status"], never["reasons"]) == (3, ["late: not run: time was up"])
    some = made(entry("late", [5.0], trials=2, missing="time was up"))
    assert some["exit_status"] == 3
    assert some["reasons"] == ["late: 1 of 2 trials ran: time was up"]
    assert [never["totals"][key] for key in ("not_run", "inconclusive", "trials", "planned")] == [1, 0, 0, 2]


def test_a_repeated_trial_is_listed_and_does_not_count() -> None:
    """A repeated inconclusive trial stays among the runs, but not in the verdict or the medians."""
    first = attempt(full("a", status=3, ttr=None), "x/a", {}, retried=True)
    result = made(entry(ttrs=[5.0], attempts=[first, *attempts([full("b", ttr=5.0)], "x")]))
    (scenario,) = result["scenarios"]
    assert (result["exit_status"], scenario["n"], scenario["metrics"]["ttr_s"]["n"]) == (0, 1, 1)
    assert [(run["run"], run["retried"]) for run in scenario["runs"]] == [("a", True), ("b", False)]
    assert result["totals"]["retried"] == 1


def test_an_expectation_is_summed_over_all_trials() -> None:
    """An expectation has the number of trials in which it held, and its values in the others."""
    (scenario,) = made(entry(ttrs=[*SIX, inf, None]))["scenarios"]
    (expected,) = scenario["expectations"]
    assert [expected[key] for key in ("held", "failed", "unknown")] == [6, 1, 1]
    assert [(trial["run"], trial["values"]) for trial in expected["said"]] == [
        ("bad-deploy-6", "ttr = censored"),
        ("bad-deploy-7", "ttr = not_measured"),
    ]


def test_orders_are_summed_and_the_machine_is_a_median() -> None:
    """Orders are summed over audited trials; the machine's speed is the median of trials that have it."""
    outcomes = [full("a", lost=2), full("b", lost=None), full("c", lost=1)]
    result = attempts(outcomes, "x")
    result[0] = replace(result[0], speed=MachineSpeed(start_s=0.5, base_p50_s=0.004))
    result[2] = replace(result[2], speed=MachineSpeed(start_s=0.7))
    (scenario,) = made(entry(attempts=result, trials=3))["scenarios"]
    assert (
        scenario["orders"]["audited"],
        scenario["orders"]["lost"],
        scenario["orders"]["acknowledged"],
    ) == (
        2,
        3,
        300,
    )
    assert scenario["machine"] == {
        "probe_s": None,
        "start_s": 0.5,
        "base_p50_s": 0.0043,
        "lag_p95_s": 0.0195,
    }

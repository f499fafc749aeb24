"""Tests of trial summaries: every value with its state, medians with intervals, the verdict of all."""

from __future__ import annotations

import json
import math
from math import inf
from pathlib import Path

import jsonschema
import pytest

from gameday.analysis import Outcome
from gameday.analysis.model.result_file import number
from gameday.analysis.model.trials_model import Trials
from gameday.analysis.trials.trial_summary import METRICS, value_of
from tests.support.documents import summarise
from tests.support.measured import measure
from tests.support.outcomes import outcome, trials
from tests.support.run_folders import Story, failing, steadily, write


def test_five_trials_have_medians_with_intervals() -> None:
    """Times 8 … 12 s: median 10, and [8, 12] contains it in 93.75 %; runs and seeds are kept in order."""
    summary = summarise([outcome(f"r{i}", ttr=8.0 + i, seed=40 + i) for i in (3, 0, 1, 2, 4)])
    ttr = summary["metrics"]["ttr_s"]
    assert (ttr["median"], ttr["interval"], ttr["coverage"]) == (10.0, [8.0, 12.0], 0.9375)
    assert [value["value"] for value in ttr["values"]] == [11.0, 8.0, 9.0, 10.0, 12.0]
    assert [(trial["run"], trial["seed"]) for trial in summary["trials"]] == [
        ("r3", 43),
        ("r0", 40),
        ("r1", 41),
        ("r2", 42),
        ("r4", 44),
    ]
    assert (summary["scenario"], summary["n"], summary["verdict"], summary["exit_status"]) == (
        "bad-deploy",
        5,
        "pass",
        0,
    )
    assert summary["reasons"] == []
    assert set(summary["metrics"]) == set(METRICS)


def test_a_trial_that_never_recovered_counts_as_infinite() -> None:
    """Its value is null with its state; the median counts it, and the interval is open above."""
    ttr = summarise(trials([8.0, 9.0, 10.0, 11.0, inf]))["metrics"]["ttr_s"]
    assert ttr["values"][-1] == {
        "run": "bad-deploy-b4",
        "value": None,
        "state": "censored",
        "censored_at": 90.0,
    }
    assert (ttr["n"], ttr["censored"], ttr["median"], ttr["interval"]) == (5, 1, 10.0, [8.0, "Infinity"])
    assert summarise(trials([8.0, inf, inf]))["metrics"]["ttr_s"]["median"] == "Infinity"


def test_unmeasured_values_are_listed_and_not_counted() -> None:
    """A missing value and a fault without effect give no time; with fewer than five the summary
    says how many it takes."""
    summary = summarise(
        [outcome("a", ttr=None), outcome("b", effect=False), outcome("c", ttr=7.0, bad_ratio=None)]
    )
    ttr = summary["metrics"]["ttr_s"]
    assert [value["state"] for value in ttr["values"]] == ["not_measured", "no_effect", "measured"]
    assert (ttr["n"], ttr["median"], ttr["interval"], ttr["coverage"], ttr["needed"]) == (
        1,
        7.0,
        None,
        None,
        5,
    )
    assert summary["metrics"]["bad_ratio"]["values"][2]["state"] == "not_measured"


@pytest.mark.parametrize(
    ("status", "state"), [(130, "not_measured"), (4, "not_measured"), (1, "censored"), (5, "censored")]
)
def test_a_run_broken_off_censors_nothing(status: int, state: str) -> None:
    """An interrupted run, or a failure of the tool, isn't a trial that never recovered."""
    assert value_of(Outcome.model_validate(outcome(ttr=inf, status=status)), "ttr_s").state == state


def test_the_success_rate_has_a_bound() -> None:
    """Nine passes of ten leave at least 60.6 % credible; an inconclusive trial isn't judged."""
    statuses = [0] * 9 + [1, 3]
    success = summarise([outcome(f"r{i}", status=status) for i, status in enumerate(statuses)])["success"]
    assert (success["passed"], success["judged"], success["ratio"], success["confidence"]) == (
        9,
        10,
        0.9,
        0.95,
    )
    assert success["at_least"] == pytest.approx(0.6058, abs=0.0001)


@pytest.mark.parametrize(
    ("statuses", "status", "verdict"),
    [
        ([0, 0], 0, "pass"),
        ([0, 3], 3, "inconclusive"),
        ([3, 1], 1, "fail"),
        ([1, 4], 4, "error"),
        ([4, 5, 1], 5, "error"),
        ([5, 130], 130, "error"),
    ],
)
def test_the_gravest_status_is_that_of_all(statuses: list[int], status: int, verdict: str) -> None:
    """The order is 130, 5, 4, 1, 3, 0."""
    summary = summarise([outcome(f"r{i}", status=value) for i, value in enumerate(statuses)])
    assert (summary["exit_status"], summary["verdict"]) == (status, verdict)


def test_reasons_are_listed_by_trial_the_gravest_first() -> None:
    """Reasons count the trials of each exit status and quote each trial, the gravest first."""
    summary = summarise(
        [
            outcome("a", status=3, why="the load was late"),
            outcome("b"),
            outcome("c", status=1, why="ttr was 40"),
        ]
    )
    assert summary["reasons"] == [
        "1 of 3 trials failed",
        "c: ttr was 40",
        "1 of 3 trials were inconclusive",
        "a: the load was late",
    ]


def test_trials_are_of_one_scenario() -> None:
    """No trial, and trials of two scenarios, are rejected by name."""
    with pytest.raises(ValueError, match="one, two"):
        summarise([outcome("a", "two"), outcome("b", "one")])
    with pytest.raises(ValueError, match="none"):
        summarise([])


def test_the_content_is_json_and_fits_its_schema() -> None:
    """The summary is JSON without NaN or infinity and fits its schema, with every kind of value."""
    summary = summarise(
        [*trials([1.0, None, inf, inf, inf]), outcome("n", effect=False, bad_ratio=None, status=1)]
    )
    schema = Trials.schema_of_file()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(summary, allow_nan=False)), schema)
    summary["metrics"]["ttr_s"]["median"] = "Inf"
    with pytest.raises(jsonschema.ValidationError, match=r"^'Inf' is not valid"):
        jsonschema.validate(summary, schema)


def test_numbers_are_as_json_can_hold_them() -> None:
    """Infinities are texts that Python and JavaScript read back; unknown is null; the rest is rounded."""
    assert [number(status) for status in (inf, -inf, math.nan, None, 1 / 3)] == [
        "Infinity",
        "-Infinity",
        None,
        None,
        0.333333,
    ]
    assert float("Infinity") == inf


def test_outcomes_as_measured_can_be_summarised(tmp_path: Path) -> None:
    """Two measured runs have ten seconds of outage each, detected after one."""
    outcomes = []
    for name in ("one", "two"):
        story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
        outcomes.append(measure(write(tmp_path / name, story, failing(steadily(), 20.0, 30.0))))
    summary = summarise(outcomes)
    assert {name: summary["metrics"][name]["median"] for name in ("ttd_s", "tta_s", "ttr_s")} == {
        "ttd_s": 1.0,
        "tta_s": 1.5,
        "ttr_s": 10.0,
    }
    jsonschema.validate(summary, Trials.schema_of_file())

"""Tests of the history: the quarter of a run, what is counted in it, and what is left out."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis import Outcome
from gameday.analysis.trials.trend import history as trend_of
from gameday.analysis.trials.trend import quarter, read
from tests.support.documents import history
from tests.support.suites import full


def run(run_id: str, started: str | None = None, **given: Any) -> dict[str, Any]:
    document = full(run_id, **given)
    document["run"]["started"] = started
    return document


@pytest.mark.parametrize(
    ("run_id", "started", "expected"),
    [
        ("x", "2026-03-31T23:59:59+00:00", "2026 Q1"),
        ("x", "2026-03-31T23:59:59-01:00", "2026 Q2"),
        ("x", "2026-12-31T00:00:00", "2026 Q4"),
        ("20251001-000000-ab12", None, "2025 Q4"),
        ("20251341-000000-ab12", None, "undated"),
        ("x", "yesterday", "undated"),
    ],
)
def test_a_run_is_of_the_quarter_in_which_it_began(run_id: str, started: str | None, expected: str) -> None:
    """The quarter is that of the start in UTC or, without one, of the run's id."""
    assert quarter(Outcome.model_validate(run(run_id, started))) == expected


def test_each_quarter_has_medians_counts_and_the_shift_since_the_last() -> None:
    """Quarters are in order, censored times are infinite, and the first quarter has no shift."""
    early = [run(f"20250801-0000{i:02d}-a", ttr=10.0 + i) for i in range(5)]
    late = [run(f"20260801-0000{i:02d}-b", ttr=20.0 + i) for i in range(4)]
    bad = run("20260802-000000-c", ttr=inf, status=1, lost=2)
    (scenario,) = history([*late, bad, *early])["scenarios"]
    first, second = scenario["quarters"]
    assert (first["quarter"], second["quarter"]) == ("2025 Q3", "2026 Q3")
    assert (second["runs"], second["pass"], second["fail"], second["lost"]) == (5, 4, 1, 2)
    ttr = second["metrics"]["ttr_s"]
    assert (ttr["median"], ttr["interval"], ttr["never"]) == (22.0, [20.0, "Infinity"], 1)
    assert first["metrics"]["ttr_s"]["shift"] is None
    assert ttr["shift"]["value"] == 10.0
    json.dumps(scenario, allow_nan=False)


def test_scenarios_are_sorted_by_name() -> None:
    """Scenarios are sorted by name, each with its own quarters only."""
    outcomes = history([run("20250801-000000-a", scenario="b"), run("20260801-000000-b", scenario="a")])
    assert [(scenario["scenario"], len(scenario["quarters"])) for scenario in outcomes["scenarios"]] == [
        ("a", 1),
        ("b", 1),
    ]
    assert outcomes["quarters"] == ["2025 Q3", "2026 Q3"]


def test_unreadable_files_are_reported_and_the_rest_is_used(tmp_path: Path) -> None:
    """Unreadable files are reported, at any depth, and the rest is used; a copy of a run doesn't
    count."""
    good, less = run("20250801-000000-a"), run("20250801-000000-b")
    del less["ttr_state"]
    for folder, content in {"a": good, "deep/er/a": good, "b": less, "c": {}}.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "outcome.json").write_text(json.dumps(content), encoding="utf-8")
    found = read(tmp_path)
    assert [outcome.run.id for outcome in found.outcomes] == ["20250801-000000-a"]
    assert len(found.problems) == 2
    assert "ttr_state: Field required" in found.problems[0]


def test_responders_substrates_and_machines_are_told_apart() -> None:
    """A drill of a person, automation, another substrate and another machine have entries and medians of their own."""
    ours = {"substrate": "process", "host": "two cores"}
    kinds = [
        ("human", ours, 10.3), ("auto", ours, 0.8), ("auto", ours | {"substrate": "docker"}, 2.0),
        ("auto", ours | {"host": "64 cores"}, 0.4),
    ]  # fmt: skip
    runs = []
    for number, (responder, where, ttr) in enumerate(kinds):
        document = run(f"20250801-00000{number}-a", ttr=ttr)
        document["run"] |= where
        runs.append(document | {"responder": {"kind": responder}})
    entries = history(runs)["scenarios"]
    seen = {
        (one["responder"], one["substrate"], one["machine"]): one["quarters"][0]["metrics"]["ttr_s"]["median"]
        for one in entries
    }
    assert seen == {
        ("human", "process", "two cores"): 10.3,
        ("auto", "process", "two cores"): 0.8,
        ("auto", "docker", "two cores"): 2.0,
        ("auto", "process", "64 cores"): 0.4,
    }


def test_each_value_names_its_run_and_the_page_of_it(tmp_path: Path) -> None:
    """The values of a metric are listed with their runs, and runs with their pages, if there are any."""
    for name, ttr in (("a", 3.0), ("b", None)):
        folder = tmp_path / "deep" / name
        folder.mkdir(parents=True)
        document = run(f"20250801-000000-{name}", ttr=ttr)
        (folder / "outcome.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "deep" / "a" / "report.html").write_text("x", encoding="utf-8")
    found = read(tmp_path)
    (quarter_,) = trend_of(found.outcomes, found.pages).scenarios[0].quarters
    assert quarter_.metrics["ttr_s"].runs == ("20250801-000000-a",)
    assert quarter_.pages == {"20250801-000000-a": "deep/a/report.html"}

"""Tests of the variant matrix: two variants' runs side by side, against figures worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import matrix
from tests.support.run_folders import END
from tests.support.sample_matrix import GUARDED, SINCE, UNTIL, pair, run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return pair(tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def result(runs: Mapping[str, Path]) -> dict[str, Any]:
    return matrix(runs)


def changed(folder: Path, **keys: Any) -> None:
    """Overwrite keys of a run's outcome."""
    path = folder / "outcome.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | keys), encoding="utf-8")


def test_variants_are_in_order_with_their_outcomes_values(
    result: dict[str, Any], runs: Mapping[str, Path]
) -> None:
    """Variants are in order, with verdict, times, users hurt and orders of their outcomes."""
    assert [variant["name"] for variant in result["variants"]] == ["with", "without"]
    for variant, folder in zip(result["variants"], runs.values(), strict=True):
        outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        for key in (
            "verdict",
            "exit_status",
            "reasons",
            "clocks",
            "ttd_s",
            "ttr_state",
            "ttr_censored_at",
            "audit",
        ):
            assert variant[key] == outcome[key]
        assert variant["impact"]["failed_ratio"] == outcome["impact"]["failed_ratio"]
        assert variant["run"] == outcome["run"]["id"]


def test_only_settings_that_differ_are_named(result: dict[str, Any]) -> None:
    """Settings that differ are named as in a scenario."""
    assert [variant["settings"] for variant in result["variants"]] == [
        {"guardrails.breaker": True, "guardrails.bulkhead": True},
        {"guardrails.breaker": False, "guardrails.bulkhead": False},
    ]


def test_outages_of_each_slo_are_counted(result: dict[str, Any]) -> None:
    """Without, two browses of three fail from 20 s to 41 s: 315 in all, 210 bad. With, none fails."""
    browse = [
        next(slo for slo in variant["slos"] if slo["name"] == "browse") for variant in result["variants"]
    ]
    assert (browse[0]["verdict"], browse[0]["outage_s"], browse[0]["outage_bad_ratio"]) == ("ok", 0.0, None)
    assert browse[1]["verdict"] == "breach"
    assert browse[1]["outage_s"] == pytest.approx(UNTIL - SINCE, abs=0.06)
    assert (browse[1]["outage_requests"], browse[1]["outage_bad"]) == (315, 210)
    assert browse[1]["outage_bad_ratio"] == pytest.approx(2 / 3, abs=1e-6)


def test_an_outage_without_an_end_lasts_to_the_end_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open outage lasts to the end of the run, not to the last failed request."""
    monkeypatch.setattr("tests.support.sample_matrix.UNTIL", END)
    run(tmp_path / "r", "without", {}, True)
    (variant,) = matrix({"without": tmp_path / "r"})["variants"]
    browse = next(slo for slo in variant["slos"] if slo["name"] == "browse")
    assert browse["outage_s"] == pytest.approx(END - SINCE, abs=0.06)


def test_the_whole_is_judged_by_the_worst(result: dict[str, Any]) -> None:
    """One failed variant fails the matrix, with its name in the reasons; the scenario has no
    variant's name."""
    assert (result["verdict"], result["exit_status"]) == ("fail", 1)
    assert [reason.split(":")[0] for reason in result["reasons"]] == ["without"]
    assert result["scenario"] == "payments-slow"
    assert result["title"] == "The third party answers after seconds"


def test_an_unmet_steady_state_is_inconclusive(tmp_path: Path) -> None:
    """An unmet steady state of one variant gives 3, whatever else holds, since it can't be compared."""
    runs = {name: run(tmp_path / name, name, GUARDED, name == "without") for name in ("with", "without")}
    changed(runs["with"], verdict="inconclusive", exit_status=3, steady_state={"met": False, "why": "noise"})
    assert (matrix(runs)["verdict"], matrix(runs)["exit_status"]) == ("inconclusive", 3)


def test_a_run_that_can_t_be_read_is_an_error(tmp_path: Path) -> None:
    """An unreadable run is an error with its path, and so is an empty list of runs."""
    with pytest.raises(ValueError, match="outcome"):
        matrix({"with": tmp_path})
    with pytest.raises(ValueError, match="at least one variant"):
        matrix({})


def test_it_can_be_written_as_json(result: dict[str, Any]) -> None:
    """The matrix is JSON without infinity."""
    assert json.loads(json.dumps(result, allow_nan=False)) == result

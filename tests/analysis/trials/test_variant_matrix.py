"""gameday.analysis.trials.variant_matrix: two variants' runs side by side, against figures worked out by hand."""

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
def found(runs: Mapping[str, Path]) -> dict[str, Any]:
    return matrix(runs)


def changed(folder: Path, **keys: Any) -> None:
    """Keys of a run's outcome put in by hand."""
    path = folder / "outcome.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | keys), encoding="utf-8")


def test_variants_stand_in_their_order_with_what_their_outcomes_say(
    found: dict[str, Any], runs: Mapping[str, Path]
) -> None:
    """Verdict, times, who was hurt, orders: as the outcomes have them."""
    assert [variant["name"] for variant in found["variants"]] == ["with", "without"]
    for each, folder in zip(found["variants"], runs.values(), strict=True):
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
            assert each[key] == outcome[key]
        assert each["impact"]["failed_ratio"] == outcome["impact"]["failed_ratio"]
        assert each["run"] == outcome["run"]["id"]


def test_only_settings_that_differ_are_named(found: dict[str, Any]) -> None:
    """As they are written in a scenario."""
    assert [variant["settings"] for variant in found["variants"]] == [
        {"guardrails.breaker": True, "guardrails.bulkhead": True},
        {"guardrails.breaker": False, "guardrails.bulkhead": False},
    ]


def test_outages_of_each_slo_are_counted(found: dict[str, Any]) -> None:
    """Without, two browses of three fail from 20 s to 41 s: 315 of them, 210 bad. With, none does."""
    browse = [
        next(slo for slo in variant["slos"] if slo["name"] == "browse") for variant in found["variants"]
    ]
    assert (browse[0]["verdict"], browse[0]["outage_s"], browse[0]["outage_bad_ratio"]) == ("ok", 0.0, None)
    assert browse[1]["verdict"] == "breach"
    assert browse[1]["outage_s"] == pytest.approx(UNTIL - SINCE, abs=0.06)
    assert (browse[1]["outage_requests"], browse[1]["outage_bad"]) == (315, 210)
    assert browse[1]["outage_bad_ratio"] == pytest.approx(2 / 3, abs=1e-6)


def test_an_outage_without_an_end_lasts_to_the_end_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to the last request that failed."""
    monkeypatch.setattr("tests.support.sample_matrix.UNTIL", END)
    run(tmp_path / "r", "without", {}, True)
    (variant,) = matrix({"without": tmp_path / "r"})["variants"]
    browse = next(slo for slo in variant["slos"] if slo["name"] == "browse")
    assert browse["outage_s"] == pytest.approx(END - SINCE, abs=0.06)


def test_the_whole_is_judged_by_the_worst(found: dict[str, Any]) -> None:
    """Here one failed; its reasons are told with its name. The scenario is called without its variants' names."""
    assert (found["verdict"], found["exit_status"]) == ("fail", 1)
    assert [reason.split(":")[0] for reason in found["reasons"]] == ["without"]
    assert found["scenario"] == "payments-slow"
    assert found["title"] == "The third party answers after seconds"


def test_an_unmet_steady_state_is_inconclusive(tmp_path: Path) -> None:
    """Whatever else there is: nothing of that variant can be held against the other."""
    runs = {name: run(tmp_path / name, name, GUARDED, name == "without") for name in ("with", "without")}
    changed(runs["with"], verdict="inconclusive", exit_status=3, steady_state={"met": False, "why": "noise"})
    assert (matrix(runs)["verdict"], matrix(runs)["exit_status"]) == ("inconclusive", 3)


def test_a_run_that_can_t_be_read_is_an_error(tmp_path: Path) -> None:
    """Named by its path; and there must be runs."""
    with pytest.raises(ValueError, match="outcome"):
        matrix({"with": tmp_path})
    with pytest.raises(ValueError, match="at least one variant"):
        matrix({})


def test_it_can_be_written_as_json(found: dict[str, Any]) -> None:
    """No infinity, no type that JSON hasn't."""
    assert json.loads(json.dumps(found, allow_nan=False)) == found

"""Tests of abort conditions: the names they know, what is unknown during a run, agreement with
outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis import measure
from gameday.analysis.expressions.abort_conditions import Conditions, Moment, shown
from gameday.analysis.expressions.expectations import check
from gameday.analysis.expressions.vocabulary import ABORT, LIVE, values_of
from gameday.analysis.impact.blast_radius import read_homes
from gameday.recording.samples import read_samples
from gameday.scenario import Scenario
from gameday.scenario.scenario_file import read_resolved
from tests.support.run_folders import MET, STEADY, Request, Story, failing, steadily, write

HURT = (20.0, 60.0)
ENTRY = [{"at": "0s", "deploy": {"release": "pricing-1.1.0"}}]
EVERYTHING = (
    "elapsed > 1h || alerts > 99 || pages > 99 || effect && elapsed > 1h || impact.users > 99999 "
    '|| impact.regions["us-east"].failed > 99999 || impact.journeys["buy"].failed > 99999 '
    '|| slos["shop"].breached_s > 1h'
)


class Stage:
    """A run's folder and the conditions of its scenario, evaluated as the loop does."""

    def __init__(
        self, folder: Path, conditions: Sequence[str], requests: list[Request], **scenario: Any
    ) -> None:
        changed = {"timeline": ENTRY, "abort": list(conditions), **scenario}
        self.folder = write(
            folder / "run", Story().begin().deploy(MET, 16.0).finish(reason="give_up"), requests, **changed
        )
        self.scenario: Scenario = read_resolved(self.folder / "scenario.yaml")
        self.asked = 0
        self.conditions = Conditions(self.scenario, self._homes)

    def _homes(self) -> Any:
        self.asked += 1
        return read_homes(self.folder / "samples" / "load.json")

    def at(self, now: float, alerts: int = 0, pages: int = 0) -> Any:
        samples = read_samples(self.folder / "samples")
        known = {"steady": STEADY, "zero": MET, "end": now - 2.0, "now": now}
        return self.conditions(samples, alerts=alerts, pages=pages, **known)

    def values(self, end: float) -> Any:
        samples = read_samples(self.folder / "samples")
        return self.conditions.values(Moment(samples, STEADY, MET, MET, end, end, 0, 0))


def test_a_condition_holds_once_the_requests_that_make_it_are_settled(tmp_path: Path) -> None:
    """All fail from 20 s on; samples known at 22 s end at 20 s, and at 23 s twenty of them are bad."""
    stage = Stage(tmp_path, ["impact.failed >= 20"], failing(steadily(), *HURT))
    assert stage.at(22.0) is None
    assert stage.at(22.9) is None
    expr, values = stage.at(23.0)
    assert (expr, dict(values)) == ("impact.failed >= 20", {"impact.failed": 20.0})


def test_a_ratio_of_few_requests_is_unknown_and_never_stops(tmp_path: Path) -> None:
    """If the only ten requests since the effect are bad, their ratio is unknown, not 100 %."""
    stage = Stage(tmp_path, ["impact.failed_ratio > 90%"], failing(steadily(), *HURT))
    assert stage.at(22.5) is None
    assert stage.at(23.0)[1] == {"impact.failed_ratio": 1.0}


def test_before_the_fault_nothing_is_known_of_users(tmp_path: Path) -> None:
    """Failures in the steady state don't count; elapsed and alerts are known all the same."""
    stage = Stage(
        tmp_path, ["impact.failed >= 0", "elapsed >= 1s && pages > 1"], failing(steadily(), 10.0, 12.0)
    )
    assert stage.at(16.5) is None
    assert stage.at(16.5, alerts=3, pages=2)[1] == {"elapsed": 1.5, "pages": 2.0}


def test_an_slo_that_cannot_be_judged_is_unknown(tmp_path: Path) -> None:
    """For a window of few requests `!= "ok"` is unknown; for a breach it holds."""
    thin = [{"name": "shop", "sli": "availability", "objective": "99%", "journey": "login"}]
    stage = Stage(tmp_path / "a", ['slos["shop"].verdict != "ok"'], failing(steadily(), *HURT), slos=thin)
    assert stage.at(40.0) is None
    stage = Stage(tmp_path / "b", ['slos["shop"].verdict != "ok"'], failing(steadily(), *HURT))
    assert stage.at(40.0)[1] == {"slos.shop.verdict": "breach"}


def test_the_first_condition_that_holds_is_the_one(tmp_path: Path) -> None:
    """The first condition that holds, in the order of the file, is the reason."""
    stage = Stage(tmp_path, ["elapsed > 1h", "elapsed > 2s", "elapsed > 1s"], steadily())
    assert stage.at(30.0)[0] == "elapsed > 2s"


@pytest.mark.parametrize("hurt", [HURT, (20.0, 20.2), (70.0, 71.0)])
def test_live_values_equal_the_outcome_s(tmp_path: Path, hurt: tuple[float, float]) -> None:
    """Each shared name has the outcome's value, if the run ended then: never recovered, hardly
    hurt, unhurt."""
    stage = Stage(tmp_path, [EVERYTHING], failing(steadily(), *hurt), hold="200s")
    outcome = measure(stage.folder)
    expected, live = values_of(outcome), stage.values(outcome.run.judged_s or 0.0)
    assert live["effect"] == expected["effect"]
    assert _close(live["slos"]) == expected["slos"]
    assert _close(live["impact"]) == _close({name: expected["impact"][name] for name in live["impact"]})
    assert set(LIVE["impact"]) == {*live["impact"]}


def _close(tree: Any) -> Any:
    """Compare with the precision of outcomes."""
    if isinstance(tree, dict):
        return {name: _close(branch) for name, branch in tree.items()}
    return round(tree, 6) if isinstance(tree, float) else tree


def test_only_mentioned_groups_are_computed(tmp_path: Path) -> None:
    """Homes are computed once, and only for conditions on regions; a condition on time alone reads
    no sample."""
    stage = Stage(tmp_path / "a", ["elapsed > 1h", "alerts > 9"], failing(steadily(), *HURT))
    assert set(stage.values(40.0)) == {"elapsed", "alerts", "pages"}
    stage = Stage(tmp_path / "b", ["impact.failed > 9999"], failing(steadily(), *HURT))
    assert "users" not in stage.values(40.0)["impact"]
    assert (stage.values(40.0)["impact"]["regions"], stage.asked) == ({}, 0)
    stage = Stage(tmp_path / "c", ['impact.regions["us-east"].failed > 9999'], failing(steadily(), *HURT))
    assert (stage.at(40.0), stage.at(41.0), stage.asked) == (None, None, 1)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (
            "ttr > 30s",
            ["'ttr' is known only at the end of a run", "belongs in expect; abort may use elapsed"],
        ),
        ("audit.lost > 0", ["'audit' is known only at the end of a run"]),
        ("impact.fialed > 1", ["unknown name 'impact.fialed'", "did you mean 'failed'"]),
        ("impact.failed_ratio", ["isn't true or false", "impact.failed_ratio > 50%"]),
        ("effect > 3s", ["'effect' is true or false", "a time is elapsed"]),
        (
            'impact.regions["us-esat"].failed > 3',
            ["there is no 'us-esat' in regions", "did you mean 'us-east'"],
        ),
        ('impact.journeys["by"].failed > 3', ["there is no 'by' in journeys"]),
        ('slos["shp"].verdict == "breach"', ["there is no 'shp' in slos"]),
    ],
)
def test_bad_conditions(expression: str, words: list[str]) -> None:
    """A misspelt name, or one known only after the run, is rejected before a run."""
    problem = check(expression, ABORT, slos=["shop"], regions=["us-east"], journeys=["buy"])
    assert problem is not None
    for word in words:
        assert word in problem


def test_names_of_a_run_under_way_are_none_of_expect() -> None:
    """A name for abort conditions is rejected in `expect` with a hint where it belongs."""
    assert "'elapsed' is known only while a run goes on" in str(check("elapsed < 5s"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("impact.failed_ratio", 0.6123, "61.2%"),
        ("elapsed", 12.34, "12.3 s"),
        ("impact.failed", 1200.0, "1200"),
        ("slos.shop.verdict", "breach", "'breach'"),
        ("effect", True, "true"),
        ("impact.users", None, "unknown"),
    ],
)
def test_values_in_words(name: str, value: Any, words: str) -> None:
    """Values are shown with the usual unit."""
    assert shown(name, value) == words

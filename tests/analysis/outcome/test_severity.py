"""Tests of severities: the default table, a scenario's own, and runs that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.outcome.severity import DEFAULT, severity
from gameday.scenario import SeverityRule
from tests.support.measured import measure
from tests.support.outcomes import outcome
from tests.support.run_folders import Story, failing, steadily, write

STORY = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()


def hurt(share: float, *, recovered: bool = True, lost: int | None = 0, journey: str = "buy") -> Outcome:
    document: dict[str, Any] = outcome(ttr=5.0 if recovered else float("inf"))
    document["clocks"] = {"effect": 20.0, "recovered": 25.0 if recovered else None}
    document["audit"] = {"lost": lost}
    document["impact"]["journeys"] = {journey: {"users": 5, "users_affected_ratio": share}}
    return Outcome.model_validate(document)


@pytest.mark.parametrize(
    ("result", "sev"),
    [
        (hurt(0.01, lost=1), 1),
        (hurt(0.5, recovered=False), 1),
        (hurt(0.4, recovered=False), 2),
        (hurt(0.25), 2),
        (hurt(0.25, journey="login"), 2),
        (hurt(0.25, journey="browse"), 4),
        (hurt(0.05), 3),
        (hurt(0.04), 4),
        (hurt(0.04, lost=None), 4),
        (Outcome.model_validate(outcome(effect=False)), 5),
    ],
)
def test_the_first_rule_that_holds_gives_the_severity(result: Outcome, sev: int) -> None:
    """Lost orders are the gravest, then outages without an end, then the share of users hurt; unknown values are skipped."""
    assert severity(result) == sev


def test_a_scenario_replaces_the_table() -> None:
    """Only its own rules count."""
    rules = (SeverityRule(sev=2, when="ttr > 4s"), SeverityRule(sev=1, when="effect"))
    assert severity(hurt(0.0), rules) == 2
    assert [rule.sev for rule in DEFAULT] == sorted(rule.sev for rule in DEFAULT)


def test_the_outcome_has_the_severity(tmp_path: Path) -> None:
    """A run that was judged has one, which expectations can use; a run whose steady state wasn't met has none."""
    judged = measure(write(tmp_path / "run", STORY, failing(steadily(), 20.0, 30.0)))
    assert judged["severity"] in (1, 2, 3, 4)
    unmet = Story().begin(met=False, why="not steady").finish(reason="unsteady")
    assert measure(write(tmp_path / "unmet", unmet, steadily()))["severity"] is None

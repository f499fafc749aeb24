"""Canaries on the page of a run."""

from __future__ import annotations

from pathlib import Path

from gameday.analysis.model.evidence_models import CanaryResult
from gameday_reports.run_page.canary_table import canaries
from gameday_reports.run_page.render import render
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run

CANARY = CanaryResult.model_validate(
    {
        "change": "c1",
        "release": "pricing-1.1.0",
        "result": "aborted",
        "why": "checkout: 9 of 15 <bad>",
        "by": "canary analysis",
        "ended": 33.0,
        "false_abort": 0.01,
        "pauses": ["2 requests, 20 are needed"],
        "steps": [
            {"t": 20.0, "share": 0.05, "state": "worse", "requests": 15, "bad": 9, "rest_requests": 180}
        ],
        "limits": [{"defect": 0.05, "requests": 48.0, "percent_seconds": 90.0}],
        "users": 7,
        "users_at_once": 140.0,
    }
)


def run_with(tmp_path: Path, *results: CanaryResult) -> Run:
    run = read(sample_run.bad_deploy(tmp_path / "run"))
    object.__setattr__(run, "outcome", run.outcome.model_copy(update={"canaries": results}))
    return run


def test_the_page_shows_end_steps_users_and_limit(tmp_path: Path) -> None:
    """Escaped, with the time that the first share would need."""
    run = run_with(tmp_path, CANARY)
    (canary,) = canaries(run)
    assert canary.steps[0]["canary"] == "9 of 15"
    assert canary.limits[0]["at_first"].startswith("18")
    page = render(run)
    assert "aborted at 33" in page
    assert "9 of 15 &lt;bad&gt;" in page
    assert "7 of its users were hurt" in page
    assert "about 140" in page
    assert "It paused: 2 requests, 20 are needed." in page


def test_a_run_without_a_canary_shows_none(tmp_path: Path) -> None:
    """No heading without content."""
    run = run_with(tmp_path)
    assert canaries(run) == []
    assert "Canary of" not in render(run)


def test_a_canary_that_never_ended_says_so(tmp_path: Path) -> None:
    """Neither users nor a limit are made up."""
    (canary,) = canaries(run_with(tmp_path, CanaryResult(change="c1", release="pricing-1.1.0")))
    assert canary.sentences == ["The canary was still in progress at the run's end."]

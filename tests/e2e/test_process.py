"""Whole runs on plain processes: the incident, the control, nobody on call, wrong prices without an error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.e2e.conftest import GAMEDAY, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
Play = Callable[..., Run]
ON = ("--substrate", "process")


def test_a_bad_deploy_is_seen_rolled_back_and_measured(play: Play) -> None:
    """The main job: pass, TTD under 5 s, TTR under 30 s, no order lost, the responder ended it."""
    run = play("bad-deploy-pricing", *ON)
    outcome = run.outcome
    assert (run.status, outcome["verdict"]) == (0, "pass"), outcome["reasons"]
    assert 0 < outcome["ttd_s"] < 5
    assert 0 < outcome["ttr_s"] < 30
    assert outcome["ended_by"] == "responder"
    assert [(o["name"], o["target"], o["right"]) for o in outcome["operations"]] == [("rollback", "pricing", True)]
    assert outcome["audit"]["acknowledged"] > 20
    assert outcome["audit"]["lost"] == 0
    assert outcome["impact"]["failed"] > 10
    assert outcome["run"]["duration_s"] < 75
    assert outcome["lag_p95_s"] < 0.5
    again_and_again(run)


def again_and_again(run: Run) -> None:
    """The report from disk, by two new processes, is the same bytes; so is the outcome."""
    names = ("report.html", "outcome.json")
    before = [(run.folder / name).read_bytes() for name in names]
    for _ in range(2):
        subprocess.run([*GAMEDAY, "report", str(run.folder)], check=True, capture_output=True, timeout=60)
        assert [(run.folder / name).read_bytes() for name in names] == before
    twice = f"""
import pathlib, sys
from reports.render import render_run
folder = pathlib.Path({str(run.folder)!r})
first = render_run(folder).read_bytes()
sys.exit(first != render_run(folder).read_bytes())
"""
    subprocess.run([sys.executable, "-c", twice], check=True, timeout=60)
    assert (run.folder / "report.html").read_bytes() == before[0]


def test_nobody_on_call_is_a_failure(play: Play) -> None:
    """Without a responder it never recovers: fail, exit 1, TTR censored and never dropped."""
    run = play("bad-deploy-pricing", *ON, "--responder", "none", "--set", "giveUp=15s")
    assert (run.status, run.outcome["verdict"]) == (1, "fail")
    assert run.outcome["clocks"]["recovered"] is None
    assert run.outcome["ttr_state"] == "censored"
    assert run.outcome["ttr_censored_at"] > 10
    assert run.outcome["ended_by"] is None


def test_a_good_release_disturbs_nobody(play: Play) -> None:
    """The control: no alert, no rollback, not one failed request."""
    run = play("good-release", *ON)
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert run.outcome["alerts"] == []
    assert run.outcome["operations"] == []
    assert run.outcome["ttd_state"] == "no_effect"
    assert [c["release"] for c in run.outcome["changes"]] == ["catalog-1.1.0"]


def test_silently_wrong_prices_are_found_by_content_alone(play: Play) -> None:
    """Client-side correctness pages; the service-side scrape sees nothing; rolled back."""
    run = play("wrong-prices", *ON)
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert {a["slo"] for a in run.outcome["alerts"] if a["pages"]} == {"prices"}
    assert run.outcome["detectors"]["scrape"]["ttd_s"] is None
    assert run.outcome["ended_by"] == "responder"

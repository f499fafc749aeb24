"""Whole runs on plain processes: the incident, the control, no responder, silently wrong prices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gameday.recording.samples import read_samples
from tests.support.whole_runs import GAMEDAY, Run, ended_by_responder, finished

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
Play = Callable[..., Run]
Altered = Callable[..., str]
ON = ("--substrate", "process")
FAST_SCRAPE = "  - {detector: scrape, every: 1s, for: 2s}\n"


def test_a_bad_deploy_is_seen_rolled_back_and_measured(play: Play) -> None:
    """The run passes: TTD under 5 s, TTR under 30 s, no order lost, and the responder ended it.

    GAMEDAY_FIRST_RUN names a folder with one finished run of this scenario, of exit status 0, to be
    judged instead of a new one.
    """
    first_run = os.environ.get("GAMEDAY_FIRST_RUN")
    run = finished(Path(first_run), 0, "") if first_run else play("bad-deploy-pricing", *ON)
    outcome = run.outcome
    assert (run.status, outcome["verdict"]) == (0, "pass"), outcome["reasons"]
    assert 0 < outcome["ttd_s"] < 5
    assert 0 < outcome["ttr_s"] < 30
    assert ended_by_responder(outcome)
    assert [(o["name"], o["target"], o["right"]) for o in outcome["operations"]] == [
        ("rollback", "pricing", True)
    ]
    assert outcome["audit"]["acknowledged"] > 20
    assert outcome["audit"]["lost"] == 0
    assert outcome["impact"]["failed"] >= 5  # the page that ended it took five
    assert outcome["run"]["duration_s"] < 120
    assert outcome["lag_p95_s"] < 0.25
    assert base_latency(run, "browse") < 0.05
    again_and_again(run)


def base_latency(run: Run, journey: str) -> float:
    """Return the median latency in the steady state, in seconds from the planned time."""
    steady = run.events("steady")[0].data
    samples = read_samples(run.folder / "samples")
    records = samples.records
    inside = (records["planned"] >= steady["since"]) & (records["planned"] < steady["until"])
    these = records[inside & (records["journey"] == samples.journeys.index(journey))]
    assert len(these) > 50
    return float(np.median(these["end"] - these["planned"]))


def again_and_again(run: Run) -> None:
    """Check that report, review and outcome are the same bytes if two new processes compute them
    from disk."""
    names = ("report.html", "outcome.json", "review.md")
    before = [(run.folder / name).read_bytes() for name in names]
    for _ in range(2):
        subprocess.run([*GAMEDAY, "report", str(run.folder)], check=True, capture_output=True, timeout=60)
        assert [(run.folder / name).read_bytes() for name in names] == before
    twice = f"""
import pathlib, sys
from gameday_reports.run_page.render import render_run
folder = pathlib.Path({str(run.folder)!r})
first = render_run(folder).read_bytes()
sys.exit(first != render_run(folder).read_bytes())
"""
    subprocess.run([sys.executable, "-c", twice], check=True, timeout=60)
    assert (run.folder / "report.html").read_bytes() == before[0]


@pytest.mark.full
def test_a_run_without_a_responder_fails(play: Play, altered: Altered) -> None:
    """It never recovers: exit status 1, TTR censored but not dropped; the services show 5xx."""
    watched = "detectors:\n  - {detector: cusum, pages: true}\n" + FAST_SCRAPE
    run = play(altered("bad-deploy-pricing", watched), *ON, "--responder", "none", "--set", "giveUp=15s")
    assert (run.status, run.outcome["verdict"]) == (1, "fail")
    assert run.outcome["clocks"]["recovered"] is None
    assert run.outcome["ttr_state"] == "censored"
    assert run.outcome["ttr_censored_at"] > 10
    assert run.outcome["ended_by"] is None
    assert 0 < run.outcome["detectors"]["scrape"]["ttd_s"] < 10


@pytest.mark.full
def test_an_abort_condition_ends_the_run_at_once(play: Play, altered: Altered) -> None:
    """A bad deploy without a responder is aborted once 5 % of requests fail, long before `giveUp`;
    nothing is left."""
    condition = "impact.failed_ratio > 5%"
    aborting = altered("bad-deploy-pricing", f"abort:\n  - {condition}\n")
    run = play(aborting, *ON, "--responder", "none", "--set", "steadyState.for=4s")
    outcome = run.outcome
    assert (run.status, outcome["verdict"]) == (1, "fail"), outcome["reasons"]
    stopped = outcome["stopped"]
    assert outcome["reasons"][0].startswith(
        f'stopped by its abort condition "{condition}" at {stopped["t"]:.1f} s ('
    )
    assert outcome["reasons"][0] in run.printed
    assert stopped["values"]["impact.failed_ratio"] > 0.05
    assert outcome["clocks"]["effect"] < stopped["t"] < outcome["clocks"]["effect"] + 20
    assert (outcome["ttr_state"], outcome["ended_by"]) == ("censored", "cleanup")
    assert abs(outcome["ttr_censored_at"] - stopped["t"]) < 0.5
    assert [fault["reverted_by"] for fault in outcome["faults"]] == ["cleanup"]
    assert outcome["audit"]["acknowledged"] is not None
    assert [event.data["reason"] for event in run.events("run.ended")] == ["stopped"]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "its abort condition “impact.failed_ratio &gt; 5%” held" in page


@pytest.mark.full
def test_a_good_release_fails_no_request(play: Play) -> None:
    """The control has no alert, no rollback and no failed request."""
    run = play("good-release", *ON)
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert run.outcome["alerts"] == []
    assert run.outcome["operations"] == []
    assert run.outcome["ttd_state"] == "no_effect"
    assert [c["release"] for c in run.outcome["changes"]] == ["catalog-1.1.0"]


@pytest.mark.full
def test_silently_wrong_prices_are_detected_by_content_alone(play: Play, altered: Altered) -> None:
    """Client-side correctness pages, and the release is rolled back; the service-side scrape sees
    nothing.

    The page needs so many wrong answers that the scrape, at its speed for 5xx, had the time to
    raise an alert.
    """
    slow = "detectors:\n  - {detector: threshold, pages: true, params: {least: 60}}\n  - {detector: cusum}\n"
    run = play(altered("wrong-prices", slow + FAST_SCRAPE, {"ttd < 5s": 'detectors["cusum"].ttd < 5s'}), *ON)
    outcome = run.outcome
    assert (run.status, outcome["verdict"]) == (0, "pass"), outcome["reasons"]
    assert {a["slo"] for a in outcome["alerts"] if a["pages"]} == {"prices"}
    effect, act = outcome["clocks"]["effect"], outcome["clocks"]["act"]
    assert len([e for e in run.events("scrape") if e.subject == "gateway" and effect < e.t < act]) >= 4
    assert [a for a in outcome["alerts"] if a["detector"] == "scrape"] == []
    assert outcome["detectors"]["scrape"]["ttd_s"] is None
    assert outcome["ended_by"] == "responder"

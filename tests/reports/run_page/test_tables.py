"""gameday_reports.run_page.tables: rows of words."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday_reports.run_page import tables
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("sections") / "run"))


def test_a_detector_that_saw_nothing_comes_last_and_says_so(run: Run) -> None:
    """Fastest first; null is 'did not see it'."""
    race = tables.detectors(run)
    assert [(row["name"], row["ttd"]) for row in race] == [
        ("cusum", "1.08 s"),
        ("threshold", "2.49 s"),
        ("scrape", "did not see it"),
    ]


def test_a_detector_without_an_outage_did_not_miss_anything(tmp_path: Path) -> None:
    """Where there was no effect there was nothing to see."""
    race = tables.detectors(read(sample_run.no_effect(tmp_path / "run")))
    assert race[-1]["ttd"] == "nothing to see"


def test_alerts_are_split_by_side(run: Run) -> None:
    """Client-side alerts aren't shown among service-side ones."""
    assert [row["detector"] for row in tables.alerts(run, "client")] == ["cusum", "threshold"]
    assert tables.alerts(run, "service") == []


def test_the_log_leaves_polls_out(run: Run) -> None:
    """Every event but the polls, in order."""
    kinds = [row["kind"] for row in tables.log(run)]
    assert kinds[0] == "run.started"
    assert "poll" not in kinds
    assert len(kinds) == sum(event.kind != "poll" for event in run.events)


def test_expectations_have_three_answers(tmp_path: Path) -> None:
    """Unknown is neither yes nor no."""
    folder = sample_run.never_recovered(tmp_path / "run")
    marks = [row["mark"] for row in tables.expectations(read(folder))]
    other = [row["mark"] for row in tables.expectations(read(sample_run.no_effect(tmp_path / "other")))]
    assert (marks, other) == (["yes", "no"], ["unknown", "unknown"])

"""The end of a run as a terminal shows it."""

from __future__ import annotations

from pathlib import Path

from runner.cli.summary import lines
from tests.reports.sample_outcome import outcome_of


def test_what_was_left_is_told_with_its_remover() -> None:
    """One command for everything that the same one removes; none where nothing was left."""
    outcome = outcome_of(str, {"requests": 9, "failed": 1, "users": 5, "affected": 1})
    assert "to remove" not in "".join(lines(outcome, Path("report.html")))
    outcome["cleanup"] = {"clean": False, "left": ["what the run has on the engine", "a start", "volume x"]}
    told = [line for line in lines(outcome, Path("report.html")) if "to remove" in line]
    run = outcome["run"]["id"]
    assert [line.split("to remove")[1].strip() for line in told] == [
        f"gameday heal {run}",
        "docker volume rm --force x",
    ]

"""gameday_reports.pages.history_page: quarters by responder, substrate and machine, with links to the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gameday.analysis.trials.trend import history
from gameday_reports.pages.history_page import lines, render_history
from tests.support.documents import outcomes_of
from tests.support.suites import full


def run(name: str, responder: str, substrate: str, ttr: float, host: str = "two cores") -> dict[str, Any]:
    document = full(f"20250801-000000-{name}", ttr=ttr)
    document["run"] |= {"substrate": substrate, "host": host}
    return document | {"responder": {"kind": responder}}


def test_people_and_automation_have_lines_of_their_own() -> None:
    """A line says who answered and on what; the machine only if there are several."""
    runs = [run("a", "human", "process", 10.0), run("b", "auto", "docker", 1.0)]
    assert [line.about for line in lines(history(outcomes_of(runs)))] == [
        "answered by automation, on docker",
        "answered by people, on process",
    ]
    runs.append(run("c", "none", "process", 1.0, "64 cores"))
    assert "answered by nobody, on process, 64 cores" in [
        line.about for line in lines(history(outcomes_of(runs)))
    ]


def test_dots_lead_to_the_runs(tmp_path: Path) -> None:
    """A run with a page is linked from its dots, relative to where the history's page is written; others aren't."""
    runs = outcomes_of([run("a", "auto", "process", 3.0), run("b", "auto", "process", float("inf"))])
    pages = {"20250801-000000-a": "x y/a/report.html", "20250801-000000-b": 'q"/report.html'}
    there = tmp_path / "pages" / "trend.html"
    there.parent.mkdir()
    text = render_history(history(runs, pages), there, tmp_path / "runs").read_text(encoding="utf-8")
    assert '<a href="../runs/x%20y/a/report.html"><circle' in text
    assert '<a href="../runs/q%22/report.html"><circle class="never"' in text
    plain = render_history(history(runs), there).read_text(encoding="utf-8")
    assert "<circle" in plain
    assert "<a href" not in plain.partition("<svg")[2]

"""gameday_reports.pages.suite_page, its Markdown, and gameday_reports.pages.history_page: they say what was found, and hold nothing from outside."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.model.history_model import History
from gameday.analysis.model.suite_model import Suite
from gameday_reports.charts.sparklines import Period, axis_of, spark, trend
from gameday_reports.pages.history_page import render_history
from gameday_reports.pages.suite_markdown import markdown
from gameday_reports.pages.suite_page import render_suite
from tests.support.documents import baseline, gate, history, suite
from tests.support.html_page import HOSTILE, Page
from tests.support.nonempty_all import nonempty_all
from tests.support.suites import ABOUT, GROUND, SIX, attempts, entry, full, made


def shown(suite: Mapping[str, Any], tmp_path: Path) -> Page:
    page = Page(
        render_suite(Suite.model_validate(suite), tmp_path / "suite.html").read_text(encoding="utf-8")
    )
    assert not page.open
    return page


def regressed(**ground: float) -> dict[str, Any]:
    """Two scenarios against their baseline, one slower by half; `ground`: of another machine."""
    base = baseline(made(entry(), entry("region-lost")))
    slow = [full(f"n{i}", ttr=1.5 * ttr) for i, ttr in enumerate(SIX)]
    entries = entry(attempts=attempts(slow, "x", GROUND | ground)), entry("region-lost")
    return made(*entries, gate=gate(made(*entries), base, "baseline.json"))


def test_a_row_says_verdict_times_blast_and_orders(tmp_path: Path) -> None:
    """The median with its interval and a dot for each trial, open where it never came; the name leads to the report."""
    outcomes = [
        full(f"r{i}", ttr=ttr, status=int(ttr == inf), lost=1) for i, ttr in enumerate([*SIX[:5], inf])
    ]
    suite = made(entry(attempts=attempts(outcomes, "bad-deploy")), entry("quiet", [4.0]))
    page = shown(suite, tmp_path)
    for words in (
        "Failed",
        "1 of 2",
        "5 of 6 trials passed",
        "5.15 s",
        "[4.80 s, never], 1 never",
        "of 900",
        "5.0 %",
    ):
        assert words in page.text()
    links = [each["href"] for each in page.all("a")]
    assert links[:2] == ["bad-deploy/trials.html", "quiet/quiet-0/report.html"]
    assert "bad-deploy/r5/report.html" in links
    sparks = [each for each in page.all("svg") if each.get("class") == "spark"]
    assert len(sparks) == 3
    assert sum("never" in str(each.get("class")) for each in page.all("circle")) == 1
    assert len(page.all("circle")) == 18
    assert "6" in page.text("strong")


def test_what_failed_or_never_ran_says_why(tmp_path: Path) -> None:
    """The expectation with its value, the reason why a scenario isn't there, and that a trial was made again."""
    first = attempts([full("a", status=3, ttr=None, why="not steady")], "x")[0]
    again = entry(
        "again", attempts=[first.__class__(first.outcome, first.folder, retried=True), *first_of("b")]
    )
    late = entry("late", [], trials=2, missing="time was up")
    page = shown(made(entry(ttrs=[5.0, inf]), again, late), tmp_path)
    for words in (
        "in 1 of 2 trials; ttr = censored",
        "not run: time was up",
        "run again 1 time",
        "not steady",
    ):
        assert words in page.text()


def first_of(run: str) -> list[Any]:
    return attempts([full(run)], "x")


def test_the_baseline_says_which_by_how_much_and_how_surely(tmp_path: Path) -> None:
    """Both sides as dots, the shift with its interval, p; in the page and in the Markdown."""
    suite = regressed()
    page, text = shown(suite, tmp_path), markdown(Suite.model_validate(suite))
    for words in ("regression", "+2.52 s (+50.0 %)", "95.9 % [+2.15 s, +2.90 s]", "0.0027", "no regression"):
        assert words in page.text()
        assert words.replace("[", "\\[").replace("]", "\\]") in text
    assert "recovery 2.5 s slower (+50 %); detection unchanged" in page.text("li")


def test_another_machine_gets_the_command_instead_of_a_judgement(tmp_path: Path) -> None:
    """No badge of a judgement, the quantities marked, the commands ready to be copied."""
    suite = regressed(start_s=2.0, base_p50_s=0.02)
    page, text = shown(suite, tmp_path), markdown(Suite.model_validate(suite))
    for words in ("another machine", "not judged", "gameday compare BASE/scenarios/bad-deploy.yaml"):
        assert words in page.text()
        assert words in text
    assert "no regression" not in page.text()


def test_interrupted_is_said(tmp_path: Path) -> None:
    """In place of the verdict's word."""
    suite = made(entry(), entry("late", [], trials=1, missing="interrupted by SIGINT"), interrupted=True)
    assert "Interrupted" in shown(suite, tmp_path).text("p")
    assert markdown(Suite.model_validate(suite)).startswith("## 💥 Interrupted")


def test_nothing_from_outside_is_markup(tmp_path: Path) -> None:
    """Names, titles, reasons and folders are text; a link never leads out of the suite's folder."""
    outcomes = [full(HOSTILE, HOSTILE, status=1, why=HOSTILE)]
    bad = entry(HOSTILE, attempts=attempts(outcomes, "../x"), title=HOSTILE, report="https://example.com/x")
    suite = made(bad, broken=HOSTILE)
    page = shown(suite, tmp_path)
    assert page.all("script") == []
    assert page.all("img") == []
    assert page.all("a") == []
    text = markdown(Suite.model_validate(suite))
    assert not re.search(r"(?<!\\)<(?!/?sub>)", text)
    assert "\n|" in text
    assert nonempty_all(
        len(re.findall(r"(?<!\\)\|", line)) == 8 for line in text.splitlines() if line.startswith("|")
    )


UNJUDGED: dict[str, Any] = {"verdict": "inconclusive", "exit_status": 3}
RULES: dict[str, Any] = {
    "alpha": 0.01,
    "threshold": 0.15,
    "power": 0.8,
    "gated": [],
    "tests": 0,
    "trials_needed": 5,
}
COMPARED: dict[str, Any] = {"scenarios": [{"scenario": "", "verdict": "too-few"}], "missing": {}}


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {
            "scenarios": [{"scenario": ""} | UNJUDGED],
            "baseline": UNJUDGED | {"judged": False, "comparison": UNJUDGED | RULES | COMPARED},
        },
    ],
)
def test_whatever_is_missing_has_a_page(parts: dict[str, Any], tmp_path: Path) -> None:
    """Words in place of every number."""
    suite: dict[str, Any] = UNJUDGED | parts
    page = shown(suite, tmp_path)
    assert "Inconclusive" in page.text()
    assert "None" not in page.text()
    assert markdown(Suite.model_validate(suite))
    quarter = {"quarter": "2026 Q1"}
    for scenarios in ((), ({"scenario": ""},), ({"scenario": "", "quarters": [quarter]},)):
        history = History.model_validate({"scenarios": scenarios})
        text = render_history(history, tmp_path / "h.html").read_text(encoding="utf-8")
        assert Page(text).open == []
        assert "None" not in Page(text).text()


def test_the_same_suite_makes_the_same_bytes(tmp_path: Path) -> None:
    """Also by way of JSON, and without a script or anything from elsewhere."""
    suite = regressed()
    first = render_suite(Suite.model_validate(suite), tmp_path / "a.html").read_bytes()
    assert (
        first
        == render_suite(Suite.model_validate(json.loads(json.dumps(suite))), tmp_path / "b.html").read_bytes()
    )
    assert b"<script" not in first
    assert b"http" not in first.replace(b"http-equiv", b"")


def test_dots_of_a_cell_stay_in_it_and_apart() -> None:
    """Six alike and two that never came: all seen, none above another, the open ones right of every other."""
    values = [5.0] * 6 + [9.0, inf, inf]
    drawn = spark("about", values, 5.0, (5.0, inf), axis_of(values))
    everything = [*drawn.dots, *drawn.open]
    assert len(set(everything)) == 9
    assert nonempty_all(drawn.radius <= x <= drawn.width - 1 and 0 <= y <= drawn.floor for x, y in everything)
    assert min(x for x, _ in drawn.open) > max(x for x, _ in drawn.dots)
    assert drawn.bar is not None
    assert drawn.bar[1] > max(x for x, _ in drawn.dots)


@pytest.mark.parametrize("high", [0.003, 0.7, 1.0, 4.99, 17.0, 33.0, 99.0, 1234.0])
def test_a_trend_has_room_for_every_value(high: float) -> None:
    """The lines begin at zero, reach over the largest value, and are few; what never came stands above them."""
    drawn = trend(
        "about", [Period("2025 Q3", [high, high / 2], high, None), Period("2025 Q4", [inf], inf, None)]
    )
    steps = [value for _, value in drawn.ticks]
    assert steps[0] == 0.0
    assert steps[-1] >= high
    assert 2 <= len(steps) <= 5
    assert nonempty_all(later > earlier for earlier, later in itertools.pairwise(steps))
    assert drawn.rail is not None
    assert drawn.rail < min(y for y, _ in drawn.ticks)
    assert [len(mark.open) for mark in drawn.marks] == [0, 1]
    assert len(drawn.path) == 1


def test_a_history_shows_each_quarter(tmp_path: Path) -> None:
    """A row and a mark for each, with the interval, what never came, and the shift since the quarter before."""
    runs = [
        full(f"2025{month:02d}15-0000{i:02d}-a", ttr=ttr)
        for month in (2, 8)
        for i, ttr in enumerate([*SIX, inf])
    ]
    for run in runs:
        run["run"]["started"] = None
    page = Page(
        render_history(History.model_validate(history(runs)), tmp_path / "h.html").read_text(encoding="utf-8")
    )
    assert not page.open
    for words in ("2025 Q1 to 2025 Q3", "2025 Q1", "2025 Q3", "5.10 s", "[4.80 s, never], 1 never", "none"):
        assert words in page.text()
    assert sum(each.get("class") == "trend" for each in page.all("svg")) == 2
    assert len(page.all("circle")) == 28


def test_a_crowded_machine_is_told_wherever_times_are_shown(tmp_path: Path) -> None:
    """On the page, in the Markdown and at the gate, with the number of runs at once."""
    base, why = baseline(made(entry())), "times were measured on a crowded machine: 4 runs at once"
    about = ABOUT | {"crowded": why, "at_once": 4}
    told = suite(about, [entry()], gate=gate(suite(about, [entry()]), base))
    assert told["reasons"][0] == why
    page = shown(told, tmp_path).text()
    for words in (why, "At once4", "crowded machine"):
        assert words in page
    assert "Times were measured on a crowded machine" in markdown(Suite.model_validate(told))

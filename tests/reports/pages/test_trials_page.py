"""gameday_reports.pages.trials_page: medians with intervals, every trial a dot and a row that leads to its report."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.model.trials_model import Trials
from gameday_reports.pages.trials_page import render_trials
from tests.support.documents import summarise
from tests.support.html_page import HOSTILE, SHOWN, Page
from tests.support.nonempty_all import nonempty_all
from tests.support.outcomes import outcome
from tests.support.outcomes import trials as of_ttrs

TEN = [10.0, 10.4, 9.7, 11.2, 9.1, 10.9, 9.9, 10.2, 11.5, 8.8]


def html_of(trials: Mapping[str, Any], tmp_path: Path) -> str:
    return render_trials(Trials.model_validate(trials), tmp_path / "trials.html").read_text(encoding="utf-8")


def page_of(trials: Mapping[str, Any], tmp_path: Path) -> Page:
    page = Page(html_of(trials, tmp_path))
    assert not page.open
    return page


def of_ttr(trials: dict[str, Any]) -> dict[str, Any]:
    """The same with TTR as its only metric: quick to draw."""
    return {**trials, "metrics": {"ttr_s": trials["metrics"]["ttr_s"]}}


def dots(html: str, title: str) -> int:
    """How many dots the wide drawing of a metric has."""
    svg = re.search(rf'<svg [^>]*class="chart wide"[^>]*aria-label="{title} of.*?</svg>', html, re.DOTALL)
    return svg[0].count("<circle") if svg else 0


def test_the_headline_has_medians_with_intervals(tmp_path: Path) -> None:
    """The median large, its interval and the number of trials beneath; how many passed, with the bound."""
    page = page_of(summarise(of_ttrs(TEN)), tmp_path)
    assert "10.10 s" in page.text("strong")
    assert "TTR, median, 97.9 % [9.10 s, 11.20 s], 10 trials" in page.text("span")
    assert "10 of 10" in page.text("strong")
    assert "at least 74.1 % of all such trials would, with 95 % confidence" in page.text("span")
    assert "An interval holds the true median in 97.9 % of such sets of trials" in page.text()


def test_every_trial_is_a_dot_of_every_metric(tmp_path: Path) -> None:
    """Measured or censored; not where nothing was measured."""
    trials = summarise([*of_ttrs([*TEN[:8], inf]), outcome("x", ttr=None, bad_ratio=None, status=3)])
    html = html_of(trials, tmp_path)
    assert {title: dots(html, title) for title in ("Time to recover", "Time to detect", "Bad requests")} == {
        "Time to recover": 9,
        "Time to detect": 9,
        "Bad requests": 9,
    }
    assert html.count(">never</text>") == 2  # the wide drawing and the narrow one, of TTR alone


def test_every_trial_has_a_row_with_its_report_and_seed(tmp_path: Path) -> None:
    """In their order; the link is relative to the page's own folder."""
    outcomes = [outcome("r1", seed=11), outcome("r2", ttr=inf, status=1, why="it never came back", seed=12)]
    trials = summarise(outcomes)
    for found in trials["metrics"].values():
        found["n"] = 0
    page = page_of(trials, tmp_path)
    assert [link["href"] for link in page.all("a")] == ["r1/report.html", "r2/report.html"]
    cells = page.text("td")
    for words in ("11", "12", "never, by 90.00 s", "it never came back"):
        assert words in cells


@pytest.mark.parametrize(
    "run", ["../up", "..", ".", "javascript:alert(1)", "//evil.example", "a/b", "a b", "é", ""]
)
def test_a_run_whose_name_is_no_plain_folder_is_not_linked(run: str, tmp_path: Path) -> None:
    """A link leads only into a folder beside the page."""
    page = page_of({**EMPTY, "trials": [{"run": run, "verdict": "pass", "exit_status": 0}]}, tmp_path)
    assert page.all("a") == []
    assert (run or "unnamed run") in page.text("th")


def test_too_few_trials_say_how_many_more(tmp_path: Path) -> None:
    """For each metric without an interval; none where there is one."""
    shown = page_of(of_ttr(summarise(of_ttrs([1.0, 2.0, 3.0]))), tmp_path).text()
    assert "Median 2.00 s, 3 trials. An interval takes 5 trials with a value: 2 more." in shown
    assert "more." not in page_of(of_ttr(summarise(of_ttrs(TEN))), tmp_path).text("p")


def test_reasons_are_told_but_do_not_bury_the_page(tmp_path: Path) -> None:
    """The first at the top, all of them in the table."""
    outcomes = [outcome(f"r{i}", status=1, why=f"reason {i}.") for i in range(20)]
    page = page_of({**summarise(outcomes), "metrics": {}}, tmp_path)
    assert "20 of 20 trials failed" in page.text("li")
    assert "and 13 more, in the table of trials" in page.text("li")
    assert nonempty_all(f"reason {i}." in page.text("td") for i in range(20))


def test_the_same_trials_give_the_same_bytes(tmp_path: Path) -> None:
    """Again in this process, and in a new one."""
    trials = of_ttr(summarise(of_ttrs([*TEN, inf])))
    first = html_of(trials, tmp_path)
    assert html_of(trials, tmp_path) == first
    code = "import json, sys, pathlib; from gameday_reports.pages.trials_page import render_trials; \
        from gameday.analysis.model.trials_model import Trials; \
        render_trials(Trials.model_validate(json.load(sys.stdin)), pathlib.Path(sys.argv[1]))"
    other = tmp_path / "other.html"
    subprocess.run(
        [sys.executable, "-c", code, str(other)], input=json.dumps(trials).encode(), check=True, timeout=100
    )
    assert other.read_text(encoding="utf-8") == first


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Scenario, run and reasons. A verdict is one of those that there are, a seed is a number."""
    trials = of_ttr(summarise([outcome(HOSTILE, HOSTILE, why=HOSTILE, status=1) for _ in range(4)]))
    for wrong in ({"verdict": HOSTILE}, {"trials": [{**trials["trials"][0], "seed": HOSTILE}]}):
        with pytest.raises(ValueError, match=r"verdict|seed"):
            html_of({**trials, **wrong}, tmp_path)
    page = page_of(trials, tmp_path)
    assert not page.all("script")
    assert not page.all("img")
    assert not page.all("a")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.all("body")[0]["class"] == "fail"
    assert page.text("h1").startswith(SHOWN)
    assert page.text("td").count(SHOWN) >= 4


EMPTY = {
    "verdict": "inconclusive",
    "exit_status": 3,
    "scenario": "",
    "n": 1,
    "success": {},
    "metrics": {},
    "trials": [],
}
NOTHING = {"ttr": None, "ttd": None, "bad_ratio": None}


@pytest.mark.parametrize(
    "trials",
    [
        EMPTY,
        {**EMPTY, "metrics": {"ttr_s": {}}, "trials": [{"run": "", "verdict": "error", "exit_status": 4}]},
        summarise([outcome("a", status=3, **NOTHING)]),  # type: ignore[arg-type]
        summarise(of_ttrs([inf] * 6)),
        summarise([outcome("a", effect=False), outcome("b", status=4)]),
    ],
    ids=["empty", "nulls", "unmeasured", "infinite", "no-effect"],
)
def test_whatever_is_missing_or_infinite_has_a_page(trials: Mapping[str, Any], tmp_path: Path) -> None:
    """Words in place of every number."""
    page = page_of(trials, tmp_path)
    assert not re.search(r"\b(None|nan|inf|null|undefined|Infinity)\b", page.text())
    assert ".." not in page.text("p")
    assert not page.all("script")


def test_a_thousand_trials_stay_a_small_page(tmp_path: Path) -> None:
    """Under 1.5 MB, every one a row."""
    html = html_of(summarise(of_ttrs([10 + i / 1000 for i in range(1000)])), tmp_path)
    assert len(html.encode()) < 1_500_000
    assert html.count('/report.html"') == 1000

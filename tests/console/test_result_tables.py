"""`gameday.console.result_tables`: comparisons and trials on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from math import inf
from typing import Any

from rich.console import Console
from rich.table import Table

from gameday.analysis import Outcome
from gameday.analysis.model.comparison_model import Comparison
from gameday.analysis.model.trials_model import Trials
from gameday.analysis.trials.comparison import compare
from gameday.analysis.trials.trial_summary import METRICS, summarise
from gameday.console.result_tables import comparison_table, trials_table
from tests.support import outcomes
from tests.support.documents import outcomes_of

TEN = [10.0, 10.4, 9.7, 11.2, 9.1, 10.9, 9.9, 10.2, 11.5, 8.8]


def trials(ttrs: Iterable[float | None], scenario: str = "bad-deploy") -> list[Outcome]:
    return outcomes_of(outcomes.trials(ttrs, scenario))


def shown(table: Table, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(table)
    output: str = console.file.getvalue()  # type: ignore[attr-defined]
    return output


def test_a_comparison_has_a_section_for_each_scenario() -> None:
    """It has judgement, medians, intervals, shift, p and the detectable shift."""
    output = shown(
        comparison_table(compare({"x": trials(TEN, "x")}, {"x": trials([1.5 * t for t in TEN], "x")}))
    )
    for words in (
        "regression",
        "10.10 s",
        "[9.10, 11.20]",
        "+5.10 s",
        "+50.5 %",
        "under 0.0001",
    ):
        assert words in output
    assert "2 tests at α = 0.01" in output


def test_missing_values_are_shown_in_words() -> None:
    """An infinite median and a lack of trials are both explained."""
    output = shown(comparison_table(compare({"x": trials([1.0, 1.2], "x")}, {"x": trials([inf], "x")})))
    for words in ("n 1, 1 never", "+∞", "too few trials"):
        assert words in output


def test_trials_have_a_row_for_each_metric() -> None:
    """A row has the median with its interval, censored trials, the pass rate with its bound, and
    how many trials are missing."""
    output = shown(trials_table(summarise(trials([*TEN[:9], inf], "bad-deploy"))))
    for words in (
        "bad-deploy, 10 trials",
        "time to recover",
        "10.30 s",
        "97.9 % [9.70 s, 11.50 s]",
        "[74.1 %, 100 %]",
    ):
        assert words in output
    assert "needs 2 more" in shown(trials_table(summarise(trials([1.0, 2.0, 3.0]))))


def test_names_are_no_markup() -> None:
    """A scenario with the name of a colour is printed literally."""
    name = "[red]x[/] [link=file:///x]"
    runs = {name: trials(TEN, name)}
    assert "[red]x[/]" in shown(comparison_table(compare(runs, runs)), 200)
    assert name in shown(trials_table(summarise(runs[name])), 200)


def test_missing_content_has_a_table() -> None:
    """Unknown numbers, shifts and intervals are shown in words."""
    judged = {"verdict": "inconclusive", "exit_status": 3}
    rules = {"alpha": 0.01, "threshold": 0.15, "power": 0.8, "gated": [], "tests": 0, "trials_needed": 5}
    scenario = {"scenario": "x", "verdict": "too-few", "metrics": {"ttr_s": {}, "ttd_s": {}}}
    comparison = Comparison.model_validate(judged | rules | {"missing": {}, "scenarios": [scenario]})
    metrics: dict[str, Any] = {name: {} for name in METRICS}
    content = {"scenario": "x", "n": 1, "success": {}, "trials": [], "metrics": metrics}
    output = shown(comparison_table(comparison)) + shown(
        trials_table(Trials.model_validate(judged | content))
    )
    assert "None" not in output
    assert "not known" in output


def test_a_comparison_fits_eighty_columns() -> None:
    """No interval is wrapped or truncated at that width."""
    output = shown(comparison_table(compare({"x": trials(TEN, "x")}, {"x": trials(TEN, "x")})), 80)
    assert "[9.10, 11.20]  [9.10, 11.20]  [−0.90, +0.90]" in output
    assert "…" not in output

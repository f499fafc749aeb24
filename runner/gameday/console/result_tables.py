"""A comparison and a set of trials as tables for a terminal of 80 columns.

Nothing is judged here; the names of verdicts are those of the pages, so that page and terminal agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from gameday.analysis.model.comparison_model import MetricComparison
from gameday.console import rich_console
from gameday_reports.pages.compare_drawing import ALWAYS, short
from gameday_reports.pages.compare_scenario import BADGES
from gameday_reports.pages.trials_page import METRICS
from gameday_reports.text.statistics_text import chance, change, counted, covered, format_amount, interval

if TYPE_CHECKING:
    from gameday.analysis.model.comparison_model import (
        Comparison,
        ScenarioComparison,
        SideSummary,
    )
    from gameday.analysis.model.trials_model import MetricSummary, SuccessRate, Trials

COLOURS = {"yes": "green", "no": "red", "open": "yellow"}
FRAME: dict[str, Any] = {
    "box": box.SIMPLE_HEAD,
    "pad_edge": False,
    "collapse_padding": True,
    "title_justify": "left",
}


def comparison_table(comparison: Comparison) -> Table:
    """Return a table with three lines for each metric of each scenario: TTR, TTD, and the phases that became slower."""
    title = f"new against base, {counted(comparison.tests, 'test')} at α = {comparison.alpha:g}"
    table = Table(title=title, **FRAME)
    identifiers = (scenario.scenario for scenario in comparison.scenarios)
    table.columns.append(rich_console.names_column("scenario", identifiers))
    for heading in ("base", "new", "shift", "p"):
        table.add_column(heading)
    for scenario in comparison.scenarios:
        names = list(_shown(scenario, comparison))
        for name in names:
            metric = scenario.metrics.get(name, MetricComparison())
            style, last = "" if metric.gated else "dim", name == names[-1]
            first = _first(scenario, name, metric.gated)
            table.add_row(first, *_cells(metric), style=style, end_section=last)
    return table


def _shown(scenario: ScenarioComparison, comparison: Comparison) -> Iterator[str]:
    """Yield TTR and TTD, and every other phase that is sure to have become slower."""
    for name, metric in scenario.metrics.items():
        sure = metric.p_holm is not None and metric.p_holm < comparison.alpha
        if name in ALWAYS or (sure and scenario.summary):
            yield name


def _first(scenario: ScenarioComparison, metric: str, gated: bool) -> str:
    """Return the first cell of a metric; that of TTR has the scenario and its judgement too."""
    name = short(metric) if metric in ALWAYS else scenario.words.get(metric, short(metric))
    if metric != "ttr_s":
        return escape(name if gated else f"{name}, not tested")
    words, tone = BADGES[scenario.verdict]
    return f"[bold]{escape(scenario.scenario)}[/]\n[{COLOURS[tone]}]{words}[/]\n{short(metric)}"


def _cells(metric: MetricComparison) -> list[str]:
    shift, least = metric.shift, metric.detectable
    detects = "" if least is None else f"detects {change(least, 'ratio')}"
    return [
        _side(metric.base),
        _side(metric.new),
        _lines(
            change(shift.value if shift else None),
            _brackets(shift.interval if shift else None, "+"),
            change(shift.relative, "ratio") if shift and shift.relative is not None else "",
        ),
        _lines(
            chance(metric.p_holm if metric.gated else metric.p),
            "too few trials" if least == math.inf else detects,
        ),
    ]


def _side(side: SideSummary) -> str:
    n = f"n {side.n}" + (f", {side.censored} never" if side.censored else "")
    return _lines(format_amount(side.median), _brackets(side.interval), n)


def _brackets(ends: tuple[float, float] | None, sign: str = "") -> str:
    """Return '[9.10, 11.20]' in seconds, '[9.10, ∞]'; with the sign '+' both ends have theirs."""
    if ends is None:
        return ""
    shown = (f"{end:{sign}.2f}".replace("inf", "∞").replace("-", "−") for end in ends)
    return escape(f"[{', '.join(shown)}]")


def trials_table(trials: Trials) -> Table:
    """Return a table with a row for each metric, and one for how many passed."""
    title = f"{escape(trials.scenario)}, {counted(trials.n, 'trial')}"
    table = Table("", "median", "interval", "n", "never", title=title, **FRAME)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, (meaning, _, unit) in METRICS.items():
        metric = trials.metrics[name]
        cells = (
            format_amount(metric.median, unit),
            escape(_interval(metric, unit)),
            str(metric.n),
            str(metric.censored),
        )
        table.add_row(meaning.lower(), *cells)
    table.add_section()
    table.add_row("passed", *_success(trials.success), "")
    return table


def _interval(metric: MetricSummary, unit: Any) -> str:
    more = metric.needed - metric.n
    return covered(metric.coverage, interval(metric.interval, unit)) or (
        f"needs {more} more" if more > 0 else ""
    )


def _success(success: SuccessRate) -> tuple[str, str, str]:
    """Return how many passed, the bound, and of how many that could be judged."""
    if not success.judged:
        return "none judged", "", "0"
    bound = ""
    if success.confidence is not None:
        bound = f"{100 * success.confidence:g} % [{format_amount(success.at_least, 'ratio')}, 100 %]"
    return format_amount(success.ratio, "ratio"), escape(bound), str(success.judged)


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)

"""Page of a history ("gameday/history/v1"): each scenario, quarter by quarter.

The page shows what `gameday.analysis.trials.trend` found and judges nothing itself. The same
history gives the same bytes. Any value may be missing or infinite. The terminal shows the same
rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gameday.analysis.model.history_model import History, HistoryMetric, HistoryQuarter, ScenarioHistory
from gameday_reports.charts.sparklines import Period, Trend, trend
from gameday_reports.pages import page_template
from gameday_reports.text.formatting import NOT_MEASURED, Figure, count
from gameday_reports.text.statistics_text import (
    Unit,
    change,
    change_interval,
    counted,
    covered,
    format_amount,
    interval,
)

DRAWN = {"ttd_s": "Time to detect", "ttr_s": "Time to recover"}
HEADS = (
    "Quarter",
    "Runs",
    "Failed",
    "Unclear",
    "TTD",
    "TTR",
    "TTR, since the quarter before",
    "Failed requests",
    "Lost",
)


@dataclass(frozen=True)
class Quarter:
    """One row: `cells` in the order of HEADS, each with the note below it."""

    cells: Sequence[tuple[str, str]]
    bad: bool


@dataclass(frozen=True)
class Line:
    """A scenario: its quarters as rows, and its times as drawings."""

    id: str
    name: str
    runs: str
    quarters: Sequence[Quarter]
    drawings: Sequence[tuple[str, Trend]]


def render_history(history: History, path: Path) -> Path:
    """Write the page to `path` and return it. Raise OSError if it can't be written."""
    shown = lines(history)
    content = {
        "kicker": "Game days over time",
        "title": f"{counted(history.runs, 'run')} of {counted(len(shown), 'scenario')}",
        "verdict": "unknown",
        "word": span(history),
        "meaning": "By quarter, from the outcomes of the runs alone.",
        "reasons": [],
        "figures": _figures(history),
        "facts": [],
        "heads": HEADS,
        "lines": shown,
    }
    return page_template.write(path, "history.html.j2", content)


def span(history: History) -> str:
    """Return '2025 Q4 to 2026 Q2'."""
    quarters = history.quarters
    return " to ".join(dict.fromkeys((quarters[0], quarters[-1]))) if quarters else "no runs"


def lines(history: History) -> list[Line]:
    """Return the scenarios by name."""
    return [
        Line(
            id=f"scenario-{position}",
            name=scenario.scenario or "unnamed scenario",
            runs=counted(scenario.runs, "run"),
            quarters=[_quarter(quarter) for quarter in scenario.quarters],
            drawings=_drawings(scenario),
        )
        for position, scenario in enumerate(history.scenarios)
    ]


def _drawings(scenario: ScenarioHistory) -> list[tuple[str, Trend]]:
    """Return the drawings of each metric that any run has a value of."""
    drawings = [(heading, _periods(scenario, metric)) for metric, heading in DRAWN.items()]
    return [
        (heading, trend(f"{heading} of {scenario.scenario}, by quarter", periods))
        for heading, periods in drawings
        if any(period.values for period in periods)
    ]


def _periods(scenario: ScenarioHistory, metric: str) -> list[Period]:
    periods = [(quarter.quarter, _metric(quarter, metric)) for quarter in scenario.quarters]
    return [Period(name, list(one.values), one.median, one.interval) for name, one in periods]


def _metric(quarter: HistoryQuarter, metric: str) -> HistoryMetric:
    return quarter.metrics.get(metric, HistoryMetric())


def _quarter(quarter: HistoryQuarter) -> Quarter:
    failed, unclear = quarter.fail, quarter.inconclusive + quarter.error
    shift = _metric(quarter, "ttr_s").shift
    moved = ("", "")
    if shift:
        moved = change(shift.value), covered(shift.coverage, change_interval(shift.interval))
    lost = quarter.lost
    cells = [
        (quarter.quarter, ""),
        (str(quarter.runs), ""),
        (str(failed), f"Sev {quarter.severity} at worst" if quarter.severity else ""),
        (str(unclear), ""),
        _median(_metric(quarter, "ttd_s")),
        _median(_metric(quarter, "ttr_s")),
        moved,
        _median(_metric(quarter, "failed_ratio"), "ratio"),
        ("not audited" if lost is None else count(lost), ""),
    ]
    return Quarter(cells, bool(failed or lost))


def _median(metric: HistoryMetric, unit: Unit = "seconds") -> tuple[str, str]:
    """Return the median, and below it the interval and the number of infinite values."""
    middle = metric.median
    if middle is None:
        return "–", ""
    never = metric.never
    parts = [interval(metric.interval, unit), f"{never} never" if never and middle < math.inf else ""]
    return format_amount(middle, unit), ", ".join(filter(None, parts))


def _figures(history: History) -> list[Figure]:
    quarters = [quarter for scenario in history.scenarios for quarter in scenario.quarters]
    failed = sum(quarter.fail for quarter in quarters)
    lost = [quarter.lost for quarter in quarters if quarter.lost is not None]
    return [
        Figure("Runs", count(history.runs), f"in {counted(len(history.quarters), 'quarter')}"),
        Figure("Failed", count(failed), f"of {counted(history.runs, 'run')}", "bad" if failed else "good"),
        Figure("Orders lost", count(sum(lost)), "in all audited runs", "bad" if sum(lost) else "good")
        if lost
        else Figure("Orders lost", NOT_MEASURED, "no run was audited", "muted"),
    ]

"""Page of a history ("gameday/history/v1"): each scenario, quarter by quarter.

The page shows what `gameday.analysis.trials.trend` found and judges nothing itself. The same
history gives the same bytes. Any value may be missing or infinite. The terminal shows the same
rows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

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

RESPONDERS = {"auto": "automation", "human": "people", "external": "a client of the API", "none": "nobody"}
DRAWN = {"ttd_s": "Time to detect", "ttr_s": "Time to recover"}
HEADS = (
    "Quarter",
    "Runs",
    "Failed",
    "Inconclusive",
    "TTD",
    "TTR",
    "TTR, since the quarter before",
    "Bad requests",
    "Lost",
    "Worst severity",
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
    about: str
    """The responder, the substrate and the machine, as text."""
    runs: str
    quarters: Sequence[Quarter]
    drawings: Sequence[tuple[str, Trend]]


def render_history(history: History, path: Path, folder: Path | None = None) -> Path:
    """Write the page to `path` and return it. Raise OSError if it can't be written.

    `folder` is where the runs' pages are below; without it, nothing leads to them.
    """
    base = "" if folder is None else Path(os.path.relpath(folder.resolve(), path.resolve().parent)).as_posix()
    shown = lines(history, base)
    content = {
        "kicker": "Game days over time",
        "title": f"{counted(history.runs, 'run')} of {counted(len({each.name for each in shown}), 'scenario')}",
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


def lines(history: History, base: str = "") -> list[Line]:
    """Return the scenarios by name; `base` is the path from the page to the folder of the runs, "" for no links."""
    one_machine = len({scenario.machine for scenario in history.scenarios}) == 1
    return [
        Line(
            id=f"scenario-{position}",
            name=scenario.scenario or "unnamed scenario",
            about=_about(scenario, one_machine),
            runs=counted(scenario.runs, "run"),
            quarters=[_quarter(quarter) for quarter in scenario.quarters],
            drawings=_drawings(scenario, base),
        )
        for position, scenario in enumerate(history.scenarios)
    ]


def _about(scenario: ScenarioHistory, one_machine: bool) -> str:
    """Return who answered, where: `answered by automation, on process`; the machine only if there are several."""
    parts = [
        f"answered by {RESPONDERS.get(scenario.responder, scenario.responder)}" if scenario.responder else "",
        f"on {scenario.substrate}" if scenario.substrate else "",
        "" if one_machine else scenario.machine,
    ]
    return ", ".join(filter(None, parts))


def _drawings(scenario: ScenarioHistory, base: str) -> list[tuple[str, Trend]]:
    """Return the drawings of each metric that any run has a value of."""
    drawings = [(heading, _periods(scenario, metric, base)) for metric, heading in DRAWN.items()]
    return [
        (heading, trend(f"{heading} of {scenario.scenario}, by quarter", periods))
        for heading, periods in drawings
        if any(period.values for period in periods)
    ]


def _periods(scenario: ScenarioHistory, metric: str, base: str) -> list[Period]:
    periods = [(quarter, _metric(quarter, metric)) for quarter in scenario.quarters]
    return [
        Period(
            quarter.quarter,
            list(one.values),
            one.median,
            one.interval,
            [_link(quarter, run, base) for run in one.runs],
        )
        for quarter, one in periods
    ]


def _link(quarter: HistoryQuarter, run: str, base: str) -> str:
    """Return the address of a run's page from this page; "" if it has none."""
    page = quarter.pages.get(run, "")
    return quote(f"{base}/{page}") if base and page else ""


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
        (str(failed), ""),
        (str(unclear), ""),
        _median(_metric(quarter, "ttd_s")),
        _median(_metric(quarter, "ttr_s")),
        moved,
        _median(_metric(quarter, "bad_ratio"), "ratio"),
        ("not audited" if lost is None else count(lost), ""),
        (f"Sev {quarter.severity}" if quarter.severity else "–", ""),
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

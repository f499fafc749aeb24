"""Page of a history ("gameday/history/v1"): each scenario, quarter by quarter.

The page shows what `gameday.analysis.trials.trend` found and judges nothing itself. The same
history gives the same bytes. Any value may be missing or infinite. The terminal shows the same
rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gameday_reports.charts.sparklines import Period, Trend, trend
from gameday_reports.pages import page_template
from gameday_reports.text.formatting import NOT_MEASURED, Figure, count
from gameday_reports.text.loose import items, mapping, number, pick, rows, text
from gameday_reports.text.statistics_text import (
    Unit,
    amount,
    change,
    change_interval,
    counted,
    covered,
    ends,
    interval,
    told,
    whole,
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


def render_history(history: Mapping[str, Any], path: Path) -> Path:
    """Write the page to `path` and return it. Raise OSError if it can't be written."""
    shown = lines(history)
    content = {
        "kicker": "Game days over time",
        "title": f"{counted(whole(history.get('runs')), 'run')} of {counted(len(shown), 'scenario')}",
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


def span(history: Mapping[str, Any]) -> str:
    """Return '2025 Q4 to 2026 Q2'."""
    quarters = [text(each) for each in items(history.get("quarters"))]
    return " to ".join(dict.fromkeys((quarters[0], quarters[-1]))) if quarters else "no runs"


def lines(history: Mapping[str, Any]) -> list[Line]:
    return [
        Line(
            id=f"scenario-{position}",
            name=text(each.get("scenario")) or "unnamed scenario",
            runs=counted(whole(each.get("runs")), "run"),
            quarters=[_quarter(one) for one in rows(each.get("quarters"))],
            drawings=_drawings(each),
        )
        for position, each in enumerate(rows(history.get("scenarios")))
    ]


def _drawings(each: Mapping[str, Any]) -> list[tuple[str, Trend]]:
    """Return the drawings of each metric that any run has a value of."""
    name = text(each.get("scenario"))
    found = [(heading, _periods(each, metric)) for metric, heading in DRAWN.items()]
    return [
        (heading, trend(f"{heading} of {name}, by quarter", periods))
        for heading, periods in found
        if any(period.values for period in periods)
    ]


def _periods(each: Mapping[str, Any], metric: str) -> list[Period]:
    found = [
        (text(one.get("quarter")), mapping(pick(one, "metrics", metric)))
        for one in rows(each.get("quarters"))
    ]
    return [
        Period(
            name,
            [value for value in map(amount, items(one.get("values"))) if value is not None],
            amount(one.get("median")),
            ends(one.get("interval")),
        )
        for name, one in found
    ]


def _quarter(one: Mapping[str, Any]) -> Quarter:
    failed, unclear = whole(one.get("fail")), whole(one.get("inconclusive")) + whole(one.get("error"))
    metrics = mapping(one.get("metrics"))
    shift = mapping(pick(metrics, "ttr_s", "shift"))
    moved = (
        (change(shift.get("value")), covered(shift, change_interval(shift.get("interval"))))
        if shift
        else ("", "")
    )
    lost = number(one.get("lost"))
    cells = [
        (text(one.get("quarter")), ""),
        (str(whole(one.get("runs"))), ""),
        (str(failed), ""),
        (str(unclear), ""),
        _median(mapping(metrics.get("ttd_s"))),
        _median(mapping(metrics.get("ttr_s"))),
        moved,
        _median(mapping(metrics.get("failed_ratio")), "ratio"),
        ("not audited" if lost is None else count(lost), ""),
    ]
    return Quarter(cells, bool(failed or lost))


def _median(found: Mapping[str, Any], unit: Unit = "seconds") -> tuple[str, str]:
    """Return the median, and below it the interval and the number of infinite values."""
    middle = amount(found.get("median"))
    if middle is None:
        return "–", ""
    never = whole(found.get("never"))
    parts = [interval(found.get("interval"), unit), f"{never} never" if never and middle < math.inf else ""]
    return told(middle, unit), ", ".join(filter(None, parts))


def _figures(history: Mapping[str, Any]) -> list[Figure]:
    quarters = [one for each in rows(history.get("scenarios")) for one in rows(each.get("quarters"))]
    runs = whole(history.get("runs"))
    failed = sum(whole(one.get("fail")) for one in quarters)
    lost = [found for one in quarters if (found := number(one.get("lost"))) is not None]
    return [
        Figure("Runs", count(runs), f"in {counted(len(items(history.get('quarters'))), 'quarter')}"),
        Figure("Failed", count(failed), f"of {counted(runs, 'run')}", "bad" if failed else "good"),
        Figure("Orders lost", count(sum(lost)), "in all audited runs", "bad" if sum(lost) else "good")
        if lost
        else Figure("Orders lost", NOT_MEASURED, "no run was audited", "muted"),
    ]

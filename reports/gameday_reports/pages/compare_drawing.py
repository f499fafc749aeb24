"""Drawings of a comparison: every trial of both sides as a dot, for each metric.

Nothing is judged here. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.model.comparison_model import Comparison, MetricComparison, ShiftSummary, SideSummary
from gameday_reports.charts.dot_plot import Guide, Plot, Row
from gameday_reports.text.statistics_text import format_amount, spread

METRICS: Mapping[str, tuple[str, str]] = {
    "ttr_s": ("Time to recover", "TTR, from the first effect on users until they were well again"),
    "ttd_s": ("Time to detect", "TTD, from the first effect on users to the first page"),
    "decide_s": ("Time to decide", "From the page to the operation that ended the outage"),
    "operate_s": ("Time of the operation", "From the request for that operation until it was done"),
    "settle_s": ("Time to settle", "From then until users were well again"),
}
SHORT: Mapping[str, str] = {"decide_s": "decision", "operate_s": "operation", "settle_s": "settling"}
ALWAYS = ("ttr_s", "ttd_s")
"""The metrics that are shown even if no trial has a value."""
COLOURS = {"base": "series-6", "new": "series-1"}


@dataclass(frozen=True)
class Drawing:
    """One metric of one scenario. `legend`: side, colour, words; `guides`: colour, words; no plot
    without values."""

    title: str
    caption: str
    gated: bool
    legend: Sequence[tuple[str, str, str]]
    guides: Sequence[tuple[str, str]]
    plot: Plot | None


@dataclass(frozen=True)
class Rules:
    """Rules of the comparison."""

    alpha: float
    threshold: float
    power: float
    tests: int
    needed: int
    gated: Sequence[str]

    @property
    def level(self) -> str:
        return f"α = {self.alpha:g}"

    @property
    def limit(self) -> str:
        return share(self.threshold)


def rules_of(comparison: Comparison) -> Rules:
    """Return the rules that a comparison was made by."""
    return Rules(
        comparison.alpha,
        comparison.threshold,
        comparison.power,
        comparison.tests,
        comparison.trials_needed,
        comparison.gated,
    )


def drawing(position: int, key: str, metric: MetricComparison, rules: Rules) -> Drawing:
    title, caption = METRICS[key]
    sides = {"base": metric.base, "new": metric.new}
    legend = [(name, COLOURS[name], _summary(side)) for name, side in sides.items()]
    dots, guides = [_row(name, side) for name, side in sides.items()], _guides(metric, rules)
    plot = None
    if any(row.values for row in dots):
        about = f"{title} of every trial. " + ". ".join(f"{side}: {words}" for side, _, words in legend) + "."
        name = f"s{position}-{short(key).lower()}"
        plot = Plot(name, about, "seconds", [*dots, *_shift(metric)], [guide for guide, _ in guides])
    lines = [(guide.colour, words) for guide, words in guides]
    return Drawing(title, caption, metric.gated, legend, lines, plot)


def _summary(side: SideSummary) -> str:
    return f"median {format_amount(side.median)}, {spread(side)}" if side.n else spread(side)


def _row(name: str, side: SideSummary) -> Row:
    values = tuple(value for value in side.values if value > -math.inf)
    return Row(name, COLOURS[name], values, side.median, side.interval)


def _shift(metric: MetricComparison) -> list[Row]:
    """Return base's median plus the shift, if that is finite: where the shift would put the median of new."""
    middle, shift = metric.base.median, metric.shift or ShiftSummary()
    if middle is None or math.isinf(middle) or shift.value is None:
        return []
    around = shift.interval
    ends = (middle + around[0], middle + around[1]) if around else None
    return [Row("shifted", "ink", (), middle + shift.value, ends)]


def _guides(metric: MetricComparison, rules: Rules) -> list[tuple[Guide, str]]:
    """Return base's median, and the threshold of the shift."""
    middle = metric.base.median
    if middle is None or math.isinf(middle):
        return []
    lines = [(Guide(middle, "clock"), "base’s median, no shift")]
    if metric.gated:
        lines.append((Guide(middle + abs(middle) * rules.threshold, "limit"), f"a shift of {rules.limit}"))
    return lines


def share(ratio: float) -> str:
    """Return a chosen ratio as it was given: '15 %'."""
    return f"{100 * ratio:g} %"


def short(metric: str) -> str:
    """Return 'TTR' for ttr_s, 'operation' for operate_s."""
    return SHORT.get(metric) or metric.removesuffix("_s").upper()

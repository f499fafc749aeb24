"""Scenarios of a comparison as the page shows them, base against new: judged, drawn and counted.

Nothing is judged here. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.model.comparison_model import (
    Comparison,
    MetricComparison,
    ScenarioComparison,
    ScenarioJudgement,
    ShiftSummary,
    SideSummary,
)
from gameday_reports.charts.dot_plot import Guide, Plot, Row
from gameday_reports.text.formatting import percent
from gameday_reports.text.statistics_text import (
    chance,
    change,
    change_interval,
    counted,
    covered,
    format_amount,
    interval,
    spread,
)

BADGES: Mapping[ScenarioJudgement, tuple[str, str]] = {
    "never-recovered": ("never recovered", "no"),
    "regression": ("regression", "no"),
    "too-few": ("too few trials", "open"),
    "no-regression": ("no regression", "yes"),
}
"""What each judgement is called, and its tone; the gravest first."""
METRICS: Mapping[str, tuple[str, str]] = {
    "ttr_s": ("Time to recover", "TTR, from the first effect on users until they were well again"),
    "ttd_s": ("Time to detect", "TTD, from the first effect on users to the first page"),
}
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
class Scenario:
    """One scenario on the page. `columns` name the metrics; `table` has a heading and a text for each."""

    id: str
    name: str
    verdict: str
    badge: tuple[str, str]
    sentence: str
    few: Sequence[str]
    brief: Sequence[str]
    drawings: Sequence[Drawing]
    columns: Sequence[str]
    table: Sequence[tuple[str, Sequence[str]]]
    runs: Sequence[tuple[str, Sequence[str]]]


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


def scenario(position: int, compared: ScenarioComparison, rules: Rules) -> Scenario:
    """Return the scenario at this position, from 0, as the page shows it."""
    metrics = [(name, compared.metrics.get(name, MetricComparison())) for name in METRICS]
    ttr = metrics[0][1]
    return Scenario(
        id=f"scenario-{position}",
        name=compared.scenario or "unnamed scenario",
        verdict=compared.verdict,
        badge=BADGES[compared.verdict],
        sentence=_sentence(compared.verdict, ttr, rules),
        few=list(_few(metrics, rules)) if compared.verdict == "too-few" else [],
        brief=_brief(ttr),
        drawings=[_drawing(position, name, metric, rules) for name, metric in metrics],
        columns=[f"{short(name)}, {_gate(metric)}" for name, metric in metrics],
        table=_table([metric for _, metric in metrics], rules),
        runs=[("base", compared.base.runs), ("new", compared.new.runs)],
    )


def _gate(metric: MetricComparison) -> str:
    return "gated" if metric.gated else "reported, not gated"


def _brief(ttr: MetricComparison) -> list[str]:
    """Return the cells of the overview: medians, shift, p."""
    shift = ttr.shift or ShiftSummary()
    relative = shift.relative
    share_of_base = f" ({change(relative, 'ratio')})" if relative and math.isfinite(relative) else ""
    return [
        format_amount(ttr.base.median),
        format_amount(ttr.new.median),
        change(shift.value) + share_of_base,
        chance(ttr.p_holm),
    ]


def _sentence(verdict: ScenarioJudgement, ttr: MetricComparison, rules: Rules) -> str:
    """Return the meaning of the judgement for this scenario."""
    if verdict == "never-recovered":
        n = counted(ttr.new.n, "trial")
        return (
            f"{ttr.new.censored} of {n} of new never recovered; every trial of base did. That fails at once."
        )
    if verdict == "regression":
        return f"New is slower: by more than chance explains (p below {rules.level}), and by more than {rules.limit}."
    if verdict == "too-few":
        return "However much slower new were, so few trials could not show it."
    return f"No regression was found. {_detectable(ttr, rules)}".strip()


def _detectable(metric: MetricComparison, rules: Rules) -> str:
    least = metric.detectable
    if least is None or math.isinf(least):
        return ""
    return (
        f"With so many trials, spread as these are, an increase of {percent(least)} or more "
        f"would have been found in {share(rules.power)} of such comparisons."
    )


def _few(metrics: Iterable[tuple[str, MetricComparison]], rules: Rules) -> Iterable[str]:
    """Return the number of values needed for each gated metric that has fewer."""
    for name, metric in metrics:
        sides = {"base": metric.base.n, "new": metric.new.n}
        more = [f"{rules.needed - n} more for {side}" for side, n in sides.items() if n < rules.needed]
        if metric.gated and more:
            yield (
                f"{short(name)} has {counted(sides['base'], 'value')} in base and {sides['new']} in new; to judge at "
                f"{rules.level} over {counted(max(1, rules.tests), 'test')} takes {rules.needed} a side: "
                f"{' and '.join(more)}."
            )


def _drawing(position: int, key: str, metric: MetricComparison, rules: Rules) -> Drawing:
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
    """Return the shift as drawn from base's median, if that is finite."""
    middle, shift = metric.base.median, metric.shift or ShiftSummary()
    if middle is None or math.isinf(middle) or shift.value is None:
        return []
    around = shift.interval
    ends = (middle + around[0], middle + around[1]) if around else None
    return [Row("shift", "ink", (), middle + shift.value, ends)]


def _guides(metric: MetricComparison, rules: Rules) -> list[tuple[Guide, str]]:
    """Return base's median, and the threshold of the shift."""
    middle = metric.base.median
    if middle is None or math.isinf(middle):
        return []
    lines = [(Guide(middle, "clock"), "base’s median, no shift")]
    if metric.gated:
        lines.append((Guide(middle * (1 + rules.threshold), "limit"), f"a shift of {rules.limit}"))
    return lines


def _table(metrics: Sequence[MetricComparison], rules: Rules) -> list[tuple[str, list[str]]]:
    """Return rows of a heading and one text for each metric."""
    table = [
        (f"{name}: {what}", [show(metric.base if name == "base" else metric.new) for metric in metrics])
        for name in ("base", "new")
        for what, show in SIDE_ROWS
    ]
    shifts = [metric.shift or ShiftSummary() for metric in metrics]
    least = f"Least increase found in {share(rules.power)} of such comparisons"
    return [
        *table,
        ("Shift (Hodges–Lehmann)", [change(shift.value) for shift in shifts]),
        ("Interval of the shift", [_shift_interval(shift) for shift in shifts]),
        ("Shift, of base’s median", [change(shift.relative, "ratio") for shift in shifts]),
        ("p (Mann–Whitney)", [chance(metric.p) for metric in metrics]),
        ("p after Holm", [_adjusted(metric) for metric in metrics]),
        ("Spread within the sides (CV)", [format_amount(metric.cv, "ratio") for metric in metrics]),
        (least, [_least(metric) for metric in metrics]),
    ]


def _n(side: SideSummary) -> str:
    return f"{side.n}" + (f" ({side.censored} never)" if side.censored else "")


def _median(side: SideSummary) -> str:
    return format_amount(side.median)


def _median_interval(side: SideSummary) -> str:
    return covered(side.coverage, interval(side.interval)) or "too few values"


SIDE_ROWS = (("trials with a value", _n), ("median", _median), ("interval", _median_interval))


def _shift_interval(shift: ShiftSummary) -> str:
    return covered(shift.coverage, change_interval(shift.interval)) or "too few values"


def _adjusted(metric: MetricComparison) -> str:
    return chance(metric.p_holm) if metric.gated else "not gated"


def _least(metric: MetricComparison) -> str:
    least = metric.detectable
    return "none, with so few trials" if least == math.inf else change(least, "ratio")


def share(ratio: float) -> str:
    """Return a chosen ratio as it was given: '15 %'."""
    return f"{100 * ratio:g} %"


def short(metric: str) -> str:
    """Return 'TTR' for ttr_s."""
    return metric.removesuffix("_s").upper()

"""Scenarios of a comparison as the page shows them, base against new: judged and counted.

Nothing is judged here. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.model.comparison_model import (
    MetricComparison,
    ScenarioComparison,
    ScenarioJudgement,
    ShareComparison,
    ShiftSummary,
    SideSummary,
)
from gameday_reports.pages.compare_drawing import (
    ALWAYS,
    METRICS,
    SHORT,
    Drawing,
    Rules,
    drawing,
    share,
    short,
)
from gameday_reports.text.formatting import percent
from gameday_reports.text.statistics_text import (
    chance,
    change,
    change_interval,
    counted,
    covered,
    format_amount,
    interval,
    unbroken,
)

BADGES: Mapping[ScenarioJudgement, tuple[str, str]] = {
    "never-recovered": ("never recovered", "no"),
    "regression": ("regression", "no"),
    "another-machine": ("another machine", "open"),
    "too-few": ("too few trials", "open"),
    "no-regression": ("no regression", "yes"),
}
"""What each judgement is called, and its tone; the gravest first."""
SHARES: Mapping[str, str] = {
    "never": "Trials that never recovered",
    "effect": "Trials with an effect on users",
}


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
    shares: Sequence[tuple[str, str, str, str]]
    runs: Sequence[tuple[str, Sequence[str]]]


def scenario(position: int, compared: ScenarioComparison, rules: Rules) -> Scenario:
    """Return the scenario at this position, from 0, as the page shows it."""
    every = [(name, compared.metrics.get(name, MetricComparison())) for name in METRICS]
    metrics = [(name, metric) for name, metric in every if name in ALWAYS or metric.base.n or metric.new.n]
    ttr = metrics[0][1]
    return Scenario(
        id=f"scenario-{position}",
        name=compared.scenario or "unnamed scenario",
        verdict=compared.verdict,
        badge=BADGES[compared.verdict],
        sentence=_sentence(compared, ttr, rules),
        few=list(_few(metrics, rules)) if compared.verdict == "too-few" else [],
        brief=_brief(ttr, compared.p_holm),
        drawings=[drawing(position, name, metric, rules) for name, metric in metrics],
        columns=[
            f"{compared.words.get(name, short(name)) if name in SHORT else short(name)}, {_gate(metric)}"
            for name, metric in metrics
        ],
        table=_table([metric for _, metric in metrics], rules),
        shares=[
            (
                SHARES[name],
                f"{share.base} of {share.base_n}",
                f"{share.new} of {share.new_n}",
                chance(share.p),
            )
            for name, share in compared.shares.items()
            if name in SHARES
        ],
        runs=[("base", compared.base.runs), ("new", compared.new.runs)],
    )


def _gate(metric: MetricComparison) -> str:
    return "tested" if metric.gated else "not tested"


def _brief(ttr: MetricComparison, p: float | None) -> list[str]:
    """Return the cells of the overview: medians and shift of TTR, the least p of all tests."""
    shift = ttr.shift or ShiftSummary()
    relative = shift.relative
    share_of_base = f" ({change(relative, 'ratio')})" if relative and math.isfinite(relative) else ""
    return [
        format_amount(ttr.base.median),
        format_amount(ttr.new.median),
        change(shift.value) + share_of_base,
        chance(p),
    ]


def _sentence(compared: ScenarioComparison, ttr: MetricComparison, rules: Rules) -> str:
    """Return the meaning of the judgement for this scenario."""
    verdict, opened = compared.verdict, compared.open
    runs = f" Open {opened.base} of base and {opened.new} of new." if opened.base and opened.new else ""
    slower = f"{compared.summary[:1].upper()}{compared.summary[1:]}." if compared.summary else ""
    never = compared.shares.get("never", ShareComparison())
    if verdict == "never-recovered":
        shares = f"{never.new} of {counted(never.new_n, 'trial')} of new never recovered, {never.base} of {never.base_n} of base."
        return f"{shares} {slower}{runs}".strip()
    if verdict == "regression":
        return f"{slower or 'The fault has an effect more often.'}{runs}"
    if verdict == "another-machine":
        return f"{slower} Whether that is a regression depends on how much slower this machine is.".strip()
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
        ("p over all tests", [_adjusted(metric) for metric in metrics]),
        ("Spread within the sides (CV)", [format_amount(metric.cv, "ratio") for metric in metrics]),
        (least, [_least(metric) for metric in metrics]),
    ]


def _n(side: SideSummary) -> str:
    return f"{side.n}" + (f" ({side.censored} never)" if side.censored else "")


def _median(side: SideSummary) -> str:
    return format_amount(side.median)


def _median_interval(side: SideSummary) -> str:
    return unbroken(covered(side.coverage, interval(side.interval))) or "too few values"


SIDE_ROWS = (("trials with a value", _n), ("median", _median), ("interval", _median_interval))


def _shift_interval(shift: ShiftSummary) -> str:
    return unbroken(covered(shift.coverage, change_interval(shift.interval))) or "too few values"


def _adjusted(metric: MetricComparison) -> str:
    return chance(metric.p_holm) if metric.gated else "not tested"


def _least(metric: MetricComparison) -> str:
    least = metric.detectable
    return "none, with so few trials" if least == math.inf else change(least, "ratio")

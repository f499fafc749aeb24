"""Scenarios of a comparison as the page shows them, base against new: judged, drawn and counted.

Nothing is judged here. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday_reports.charts.dot_plot import Guide, Plot, Row
from gameday_reports.text.formatting import percent
from gameday_reports.text.loose import items, mapping, number, pick, text
from gameday_reports.text.statistics_text import (
    amount,
    chance,
    change,
    change_interval,
    counted,
    covered,
    ends,
    interval,
    spread,
    told,
    whole,
)

BADGES: Mapping[str, tuple[str, str]] = {
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
SIDES = ("base", "new")
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
    """Rules of the comparison. `tests` and `needed` are 0 if unknown."""

    alpha: float | None
    threshold: float | None
    power: float | None
    tests: int
    needed: int
    gated: Sequence[str]

    @property
    def level(self) -> str:
        return "α" if self.alpha is None else f"α = {self.alpha:g}"

    @property
    def limit(self) -> str:
        return "the threshold" if self.threshold is None else share(self.threshold)


def rules_of(comparison: Mapping[str, Any]) -> Rules:
    alpha, threshold, power = (number(comparison.get(name)) for name in ("alpha", "threshold", "power"))
    gated = [text(each) for each in items(comparison.get("gated"))]
    tests, needed = whole(comparison.get("tests")), whole(comparison.get("trials_needed"))
    return Rules(alpha, threshold, power, tests, needed, gated)


def scenario(position: int, each: Mapping[str, Any], rules: Rules) -> Scenario:
    """Return the scenario at this position, from 0, as the page shows it."""
    metrics = [(name, mapping(pick(each, "metrics", name))) for name in METRICS]
    ttr = metrics[0][1]
    verdict = text(each.get("verdict"))
    return Scenario(
        id=f"scenario-{position}",
        name=text(each.get("scenario")) or "unnamed scenario",
        verdict=verdict,
        badge=BADGES.get(verdict, ("not judged", "open")),
        sentence=_sentence(verdict, ttr, rules),
        few=list(_few(metrics, rules)) if verdict == "too-few" else [],
        brief=_brief(ttr),
        drawings=[_drawing(position, name, metric, rules) for name, metric in metrics],
        columns=[f"{short(name)}, {_gate(metric)}" for name, metric in metrics],
        table=_table([metric for _, metric in metrics], rules),
        runs=[(side, [text(run) for run in items(pick(each, side, "runs"))]) for side in SIDES],
    )


def _gate(metric: Mapping[str, Any]) -> str:
    return "gated" if metric.get("gated") is True else "reported, not gated"


def _brief(ttr: Mapping[str, Any]) -> list[str]:
    """Return the cells of the overview: medians, shift, p."""
    shift = mapping(ttr.get("shift"))
    relative = amount(shift.get("relative"))
    return [
        told(pick(ttr, "base", "median")),
        told(pick(ttr, "new", "median")),
        change(shift.get("value"))
        + (f" ({change(relative, 'ratio')})" if relative and math.isfinite(relative) else ""),
        chance(ttr.get("p_holm")),
    ]


def _sentence(verdict: str, ttr: Mapping[str, Any], rules: Rules) -> str:
    """Return the meaning of the judgement for this scenario."""
    new = mapping(ttr.get("new"))
    never, n = whole(new.get("censored")), whole(new.get("n"))
    if verdict == "never-recovered":
        return f"{never} of {counted(n, 'trial')} of new never recovered; every trial of base did. That fails at once."
    if verdict == "regression":
        return f"New is slower: by more than chance explains (p below {rules.level}), and by more than {rules.limit}."
    if verdict == "too-few":
        return "However much slower new were, so few trials could not show it."
    if verdict == "no-regression":
        return f"No regression was found. {_detectable(ttr, rules)}".strip()
    return "There is no judgement of this scenario."


def _detectable(metric: Mapping[str, Any], rules: Rules) -> str:
    least = amount(metric.get("detectable"))
    if least is None or rules.power is None or math.isinf(least):
        return ""
    return (
        f"With so many trials, spread as these are, an increase of {percent(least)} or more "
        f"would have been found in {share(rules.power)} of such comparisons."
    )


def _few(metrics: Iterable[tuple[str, Mapping[str, Any]]], rules: Rules) -> Iterable[str]:
    """Return the number of values needed for each gated metric that has fewer."""
    for name, metric in metrics:
        sides = {side: whole(pick(metric, side, "n")) for side in SIDES}
        more = [f"{rules.needed - n} more for {side}" for side, n in sides.items() if n < rules.needed]
        if metric.get("gated") is True and more:
            yield (
                f"{short(name)} has {counted(sides['base'], 'value')} in base and {sides['new']} in new; to judge at "
                f"{rules.level} over {counted(max(1, rules.tests), 'test')} takes {rules.needed} a side: "
                f"{' and '.join(more)}."
            )


def _drawing(position: int, key: str, metric: Mapping[str, Any], rules: Rules) -> Drawing:
    title, caption = METRICS[key]
    sides = {side: mapping(metric.get(side)) for side in SIDES}
    legend = [(side, COLOURS[side], _summary(found)) for side, found in sides.items()]
    built, guides = [_row(side, found) for side, found in sides.items()], _guides(metric, rules)
    plot = None
    if any(row.values for row in built):
        about = f"{title} of every trial. " + ". ".join(f"{side}: {words}" for side, _, words in legend) + "."
        name = f"s{position}-{short(key).lower()}"
        plot = Plot(name, about, "seconds", [*built, *_shift(metric)], [guide for guide, _ in guides])
    lines = [(guide.colour, words) for guide, words in guides]
    return Drawing(title, caption, metric.get("gated") is True, legend, lines, plot)


def _summary(side: Mapping[str, Any]) -> str:
    return f"median {told(side.get('median'))}, {spread(side)}" if whole(side.get("n")) else spread(side)


def _row(name: str, side: Mapping[str, Any]) -> Row:
    values = [amount(value) for value in items(side.get("values"))]
    found = tuple(value for value in values if value is not None and value > -math.inf)
    return Row(name, COLOURS[name], found, amount(side.get("median")), ends(side.get("interval")))


def _shift(metric: Mapping[str, Any]) -> list[Row]:
    """Return the shift as drawn from base's median, if that is finite."""
    middle, shift = number(pick(metric, "base", "median")), mapping(metric.get("shift"))
    value, around = amount(shift.get("value")), ends(shift.get("interval"))
    if middle is None or value is None:
        return []
    return [
        Row("shift", "ink", (), middle + value, (middle + around[0], middle + around[1]) if around else None)
    ]


def _guides(metric: Mapping[str, Any], rules: Rules) -> list[tuple[Guide, str]]:
    """Return base's median, and the threshold of the shift."""
    middle = number(pick(metric, "base", "median"))
    if middle is None:
        return []
    lines = [(Guide(middle, "clock"), "base’s median, no shift")]
    if rules.threshold is not None and metric.get("gated") is True:
        lines.append((Guide(middle * (1 + rules.threshold), "limit"), f"a shift of {rules.limit}"))
    return lines


def _table(metrics: Sequence[Mapping[str, Any]], rules: Rules) -> list[tuple[str, list[str]]]:
    """Return rows of a heading and one text for each metric."""
    lines = [(f"{side}: {what}", show, side) for side in SIDES for what, show in SIDE_ROWS]
    table = [(head, [show(mapping(metric.get(side))) for metric in metrics]) for head, show, side in lines]
    often = "most" if rules.power is None else share(rules.power)
    return [
        *table,
        ("Shift (Hodges–Lehmann)", [change(pick(metric, "shift", "value")) for metric in metrics]),
        ("Interval of the shift", [_shift_interval(mapping(metric.get("shift"))) for metric in metrics]),
        (
            "Shift, of base’s median",
            [change(pick(metric, "shift", "relative"), "ratio") for metric in metrics],
        ),
        ("p (Mann–Whitney)", [chance(metric.get("p")) for metric in metrics]),
        ("p after Holm", [_adjusted(metric) for metric in metrics]),
        ("Spread within the sides (CV)", [told(metric.get("cv"), "ratio") for metric in metrics]),
        (f"Least increase found in {often} of such comparisons", [_least(metric) for metric in metrics]),
    ]


def _n(side: Mapping[str, Any]) -> str:
    never = whole(side.get("censored"))
    return f"{whole(side.get('n'))}" + (f" ({never} never)" if never else "")


def _median(side: Mapping[str, Any]) -> str:
    return told(side.get("median"))


def _median_interval(side: Mapping[str, Any]) -> str:
    return covered(side, interval(side.get("interval"))) or "too few values"


SIDE_ROWS = (("trials with a value", _n), ("median", _median), ("interval", _median_interval))


def _shift_interval(shift: Mapping[str, Any]) -> str:
    return covered(shift, change_interval(shift.get("interval"))) or "too few values"


def _adjusted(metric: Mapping[str, Any]) -> str:
    return chance(metric.get("p_holm")) if metric.get("gated") is True else "not gated"


def _least(metric: Mapping[str, Any]) -> str:
    least = amount(metric.get("detectable"))
    return "none, with so few trials" if least == math.inf else change(least, "ratio")


def share(ratio: float) -> str:
    """Return a chosen ratio as it was given: '15 %'."""
    return f"{100 * ratio:g} %"


def short(metric: str) -> str:
    """Return 'TTR' for ttr_s."""
    return metric.removesuffix("_s").upper()

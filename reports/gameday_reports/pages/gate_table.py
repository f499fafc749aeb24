"""Gate of a baseline on a suite's page: both machines, and each scenario, base against now.

Nothing is judged here. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday_reports.charts.sparklines import Spark, axis_of, spark
from gameday_reports.pages.compare_scenario import Rules, Scenario, rules_of, scenario
from gameday_reports.text.formatting import NOT_MEASURED, percent
from gameday_reports.text.loose import items, mapping, number, pick, rows, text
from gameday_reports.text.statistics_text import amount, change, change_interval, covered, ends, told


@dataclass(frozen=True)
class Held:
    """A scenario of both sides. `around`: the interval of the shift; `finds`: the smallest increase
    that would be found."""

    scenario: Scenario
    base: Spark | None
    new: Spark | None
    around: str
    finds: str


@dataclass(frozen=True)
class Gate:
    """The baseline on the page. `machine`: what, base, now, change, and True if the change is too
    large."""

    judged: bool
    badge: tuple[str, str]
    sentence: str
    reasons: Sequence[str]
    commands: Sequence[str]
    machine: Sequence[tuple[str, str, str, str, bool]]
    rows: Sequence[Held]
    missing: Sequence[str]
    rules: Rules


def gate(baseline: Mapping[str, Any]) -> Gate | None:
    """Return the gate; None if the suite has no baseline."""
    if not baseline:
        return None
    comparison = mapping(baseline.get("comparison"))
    rules = rules_of(comparison)
    judged = baseline.get("judged") is True
    undone = "crowded machine" if baseline.get("crowded") is True else "another machine"
    words = {"pass": ("no regression", "yes"), "fail": ("regression", "no")}
    missing = [f"{text(name)} has no run here" for name in items(pick(comparison, "missing", "new"))]
    missing += [f"{text(name)} isn’t in the baseline" for name in items(pick(comparison, "missing", "base"))]
    made = ", ".join(filter(None, (text(baseline.get(key)) for key in ("saved", "version", "host"))))
    return Gate(
        judged=judged,
        badge=words.get(text(baseline.get("verdict")), ("can’t be judged" if judged else undone, "open")),
        sentence=f"Held against {text(baseline.get('file')) or 'a baseline'}{f', of {made}' if made else ''}.",
        reasons=[text(each).removeprefix("baseline: ") for each in items(baseline.get("reasons"))],
        commands=[text(each) for each in items(baseline.get("commands"))],
        machine=[_quantity(each) for each in rows(baseline.get("machine"))],
        rows=[_compared(i, each, rules) for i, each in enumerate(rows(comparison.get("scenarios")))],
        missing=[] if judged else missing,  # else a reason says it
        rules=rules,
    )


def _quantity(each: Mapping[str, Any]) -> tuple[str, str, str, str, bool]:
    sides = [number(each.get(side)) for side in ("base", "new")]
    shown = [NOT_MEASURED if side is None else f"{side * 1000:.1f} ms" for side in sides]
    ratio = number(each.get("ratio"))
    off = "not known" if ratio is None else change(ratio - 1, "ratio")
    return text(each.get("name")), shown[0], shown[1], off, each.get("off") is True


def _compared(position: int, each: Mapping[str, Any], rules: Rules) -> Held:
    """Return base and now on one axis."""
    ttr = mapping(pick(each, "metrics", "ttr_s"))
    sides = [mapping(ttr.get(side)) for side in ("base", "new")]
    values = [[v for v in map(amount, items(side.get("values"))) if v is not None] for side in sides]
    axis = axis_of(v for own in values for v in own)
    drawn = [
        spark(
            f"TTR {told(side.get('median'))}",
            own,
            amount(side.get("median")),
            ends(side.get("interval")),
            axis,
        )
        if own
        else None
        for side, own in zip(sides, values, strict=True)
    ]
    least = amount(ttr.get("detectable"))
    finds = "" if least is None or math.isinf(least) else percent(least)
    shift = mapping(ttr.get("shift"))
    around = covered(shift, change_interval(shift.get("interval")))
    return Held(scenario(position, each, rules), drawn[0], drawn[1], around, finds)

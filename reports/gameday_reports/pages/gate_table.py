"""Gate of a baseline on a suite's page: both machines, and each scenario, base against now.

Nothing is judged here. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.model.baseline_model import Gate as GateFile
from gameday.analysis.model.baseline_model import MachineComparison
from gameday.analysis.model.comparison_model import MetricComparison, ScenarioComparison, ShiftSummary
from gameday_reports.charts.sparklines import Spark, axis_of, spark
from gameday_reports.pages.compare_drawing import Rules, rules_of
from gameday_reports.pages.compare_scenario import Scenario, scenario
from gameday_reports.text.formatting import NOT_MEASURED, percent
from gameday_reports.text.statistics_text import change, change_interval, covered, format_amount


@dataclass(frozen=True)
class GatedScenario:
    """A scenario of both sides. `around`: the interval of the shift; `finds`: the smallest increase
    that would be found.

    `summary`: what became slower. `links`: (run, its page or "") of the baseline and of now, to be looked at."""

    scenario: Scenario
    summary: str
    links: Sequence[tuple[str, str]]
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
    rows: Sequence[GatedScenario]
    missing: Sequence[str]
    rules: Rules


def gate(result: GateFile | None, pages: Mapping[str, str]) -> Gate | None:
    """Return the gate; None if the suite has no baseline. `pages`: the page of each run of the suite."""
    if result is None:
        return None
    comparison = result.comparison
    rules = rules_of(comparison)
    unjudged = "crowded machine" if result.crowded else "another machine"
    words = {"pass": ("no regression", "yes"), "fail": ("regression", "no")}
    missing = [f"{name} has no run here" for name in comparison.missing.new]
    missing += [f"{name} isn’t in the baseline" for name in comparison.missing.base]
    origin = ", ".join(filter(None, (result.saved, result.version, result.host)))
    return Gate(
        judged=result.judged,
        badge=words.get(result.verdict, ("can’t be judged" if result.judged else unjudged, "open")),
        sentence=f"Held against {result.file or 'a baseline'}{f', of {origin}' if origin else ''}.",
        reasons=[reason.removeprefix("baseline: ") for reason in result.reasons],
        commands=result.commands,
        machine=[_quantity(quantity) for quantity in result.machine],
        rows=[_compared(i, compared, rules, pages) for i, compared in enumerate(comparison.scenarios)],
        missing=[] if result.judged else missing,  # else a reason says it
        rules=rules,
    )


def _quantity(quantity: MachineComparison) -> tuple[str, str, str, str, bool]:
    sides = (quantity.base, quantity.new)
    base, new = (NOT_MEASURED if side is None else f"{side * 1000:.1f} ms" for side in sides)
    off = "not known" if quantity.ratio is None else change(quantity.ratio - 1, "ratio")
    return quantity.name, base, new, off, quantity.off


def _compared(
    position: int, compared: ScenarioComparison, rules: Rules, pages: Mapping[str, str]
) -> GatedScenario:
    """Return base and now on one axis."""
    ttr = compared.metrics.get("ttr_s", MetricComparison())
    axis = axis_of([*ttr.base.values, *ttr.new.values])
    base, new = (
        spark(f"TTR {format_amount(side.median)}", side.values, side.median, side.interval, axis)
        if side.values
        else None
        for side in (ttr.base, ttr.new)
    )
    least, shift = ttr.detectable, ttr.shift or ShiftSummary()
    finds = "" if least is None or math.isinf(least) else percent(least)
    around = covered(shift.coverage, change_interval(shift.interval))
    runs = [run for run in (compared.open.base, compared.open.new) if run]
    links = [(run, pages.get(run, "")) for run in runs]
    return GatedScenario(
        scenario(position, compared, rules), compared.summary, links, base, new, around, finds
    )

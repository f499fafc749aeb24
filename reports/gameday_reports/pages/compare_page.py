"""Page of a comparison ("gameday/compare/v1"): is new worse than base by more than noise?

The page shows what `gameday.analysis.trials.comparison` found and judges nothing itself. The same
comparison gives the same bytes. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gameday.analysis.model.comparison_model import Comparison, MetricComparison, ShiftSummary, SideSummary
from gameday_reports.charts.dot_plot import drawn
from gameday_reports.pages import page_template
from gameday_reports.pages.compare_drawing import Rules, rules_of, short
from gameday_reports.pages.compare_scenario import BADGES, Scenario, scenario
from gameday_reports.text.formatting import Figure
from gameday_reports.text.statistics_text import (
    change,
    change_interval,
    counted,
    covered,
    format_amount,
    spread,
    unbroken,
)

VERDICTS: Mapping[str, tuple[str, str]] = {
    "pass": ("No regression", "No scenario became slower by more than noise and more than the threshold."),
    "fail": ("Regression", "At least one scenario became worse."),
    "inconclusive": ("Can’t be judged", "These trials don’t allow a judgement, either way."),
}

ROOM = 900_000
"""How much of the page drawings may take, bytes: the gravest judgements are drawn first, the rest is only in tables."""
UNSAID = "not recorded"


def render_compare(comparison: Comparison, path: Path) -> Path:
    """Write the page to `path` and return it. Raise OSError if it can't be written."""
    rules = rules_of(comparison)
    scenarios = [scenario(i, compared, rules) for i, compared in enumerate(comparison.scenarios)]
    word, meaning = VERDICTS.get(comparison.verdict, ("No verdict", "The comparison left no verdict."))
    content = {
        "kicker": "Game day comparison",
        "title": _title(scenarios),
        "verdict": comparison.verdict if comparison.verdict in VERDICTS else "unknown",
        "word": word,
        "meaning": meaning,
        "reasons": list(comparison.reasons),
        "figures": _figures(comparison, scenarios),
        "facts": _facts(comparison, rules),
        "scenarios": scenarios,
        "svgs": drawn(
            [drawing.plot for one in _gravest_first(scenarios) for drawing in one.drawings if drawing.plot],
            ROOM,
        ),
        "missing": _missing(comparison),
        "method": _method(rules),
    }
    return page_template.write(path, "compare.html.j2", content)


def _gravest_first(scenarios: Sequence[Scenario]) -> list[Scenario]:
    order: list[str] = list(BADGES)
    return sorted(scenarios, key=lambda scenario: order.index(scenario.verdict))


def _title(scenarios: Sequence[Scenario]) -> str:
    what = scenarios[0].name if len(scenarios) == 1 else counted(len(scenarios), "scenario")
    return f"{what}: new against base"


def _figures(comparison: Comparison, scenarios: Sequence[Scenario]) -> list[Figure]:
    """Return the times to recover of one scenario, or the counts of results of several."""
    if len(scenarios) == 1:
        metric = comparison.scenarios[0].metrics.get("ttr_s", MetricComparison())
        base, new, shift = metric.base, metric.new, metric.shift or ShiftSummary()
        return [
            Figure("TTR of base", format_amount(base.median), _beside(base), _tone(base.median)),
            Figure("TTR of new", format_amount(new.median), _beside(new), _tone(new.median)),
            Figure("Shift", change(shift.value), _shift_note(shift), _tone(shift.value)),
        ]
    worse, few = (sum(each.badge[1] == tone for each in scenarios) for tone in ("no", "open"))
    return [
        Figure("Scenarios compared", str(len(scenarios)), "that both base and new have runs of"),
        Figure("Became worse", str(worse), "a regression, or never recovered", "bad" if worse else "good"),
        Figure(
            "Too few trials", str(few), "to show a regression, were there one", "plain" if few else "good"
        ),
    ]


def _beside(side: SideSummary) -> str:
    return unbroken(f"median, {spread(side)}" if side.median is not None else spread(side))


def _tone(value: float | None) -> str:
    return "muted" if value is None else "bad" if value == math.inf else "plain"


def _shift_note(shift: ShiftSummary) -> str:
    relative = shift.relative
    parts = [
        "" if relative is None else f"{change(relative, 'ratio')} of base’s median",
        unbroken(covered(shift.coverage, change_interval(shift.interval))),
    ]
    return ", ".join(part for part in parts if part) or "new against base"


def _facts(comparison: Comparison, rules: Rules) -> list[tuple[str, str]]:
    return [
        ("Fails on", ", ".join(short(name) for name in rules.gated) or UNSAID),
        ("Level for the whole", rules.level),
        ("Least shift that counts", f"over {rules.limit} of base"),
        ("Gated tests", str(rules.tests)),
        ("Trials it takes", f"{rules.needed} a side" if rules.needed else UNSAID),
        ("Exit status", str(comparison.exit_status)),
    ]


def _missing(comparison: Comparison) -> list[str]:
    missing = comparison.missing
    return [
        *(f"{name} has no run in new, so it can’t be judged." for name in missing.new),
        *(f"{name} has no run in base, so there is nothing to compare it with." for name in missing.base),
    ]


def _method(rules: Rules) -> list[str]:
    """Return three sentences about the method."""
    fails = (
        f"A scenario fails if p, with Holm’s correction over {counted(max(1, rules.tests), 'test')}, is below "
        f"{rules.level}, and the shift is over {rules.limit} of base’s median and over 50 ms. The shares of trials that "
        "never recovered, or had an effect, are compared by Fisher’s exact test."
    )
    return [
        "The phases of an outage are tested together: p is how often chance alone, dealing the trials out to the two "
        "sides anew, would show so large a difference in any of them. The whole time to recover is tested by an exact "
        "one-sided Mann–Whitney test, and a trial that never recovered ranks above all that did.",
        "The shift is the Hodges–Lehmann estimate: the median of all differences between a trial of new and one of "
        "base, with the interval of shifts that the test would not reject.",
        fails,
    ]

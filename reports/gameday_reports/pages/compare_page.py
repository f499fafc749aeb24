"""Page of a comparison ("gameday/compare/v1"): is new worse than base by more than noise?

The page shows what `gameday.analysis.trials.comparison` found and judges nothing itself. The same
comparison gives the same bytes. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gameday_reports.charts.dot_plot import drawn
from gameday_reports.pages import page_template
from gameday_reports.pages.compare_scenario import BADGES, Rules, Scenario, rules_of, scenario, short
from gameday_reports.text.formatting import Figure
from gameday_reports.text.loose import items, mapping, pick, rows, text
from gameday_reports.text.statistics_text import (
    amount,
    change,
    change_interval,
    counted,
    covered,
    spread,
    told,
)

VERDICTS: Mapping[str, tuple[str, str]] = {
    "pass": ("No regression", "No scenario became slower by more than noise and more than the threshold."),
    "fail": ("Regression", "At least one scenario became worse."),
    "inconclusive": ("Can’t be judged", "These trials don’t allow a judgement, either way."),
}

ROOM = 900_000
"""How much of the page drawings may take, bytes: the gravest judgements are drawn first, the rest is only in tables."""
UNSAID = "not recorded"


def render_compare(comparison: Mapping[str, Any], path: Path) -> Path:
    """Write the page to `path` and return it. Raise OSError if it can't be written."""
    rules = rules_of(comparison)
    scenarios = [scenario(i, each, rules) for i, each in enumerate(rows(comparison.get("scenarios")))]
    verdict = text(comparison.get("verdict"))
    word, meaning = VERDICTS.get(verdict, ("No verdict", "The comparison left no verdict."))
    content = {
        "kicker": "Game day comparison",
        "title": _title(scenarios),
        "verdict": verdict if verdict in VERDICTS else "unknown",
        "word": word,
        "meaning": meaning,
        "reasons": [text(reason) for reason in items(comparison.get("reasons"))],
        "figures": _figures(comparison, scenarios),
        "facts": _facts(comparison, rules),
        "scenarios": scenarios,
        "svgs": drawn(
            [each.plot for one in _gravest_first(scenarios) for each in one.drawings if each.plot], ROOM
        ),
        "missing": _missing(comparison),
        "method": _method(rules),
    }
    return page_template.write(path, "compare.html.j2", content)


def _gravest_first(scenarios: Sequence[Scenario]) -> list[Scenario]:
    order = list(BADGES)
    return sorted(
        scenarios, key=lambda each: order.index(each.verdict) if each.verdict in order else len(order)
    )


def _title(scenarios: Sequence[Scenario]) -> str:
    what = scenarios[0].name if len(scenarios) == 1 else counted(len(scenarios), "scenario")
    return f"{what}: new against base"


def _figures(comparison: Mapping[str, Any], scenarios: Sequence[Scenario]) -> list[Figure]:
    """Return the times to recover of one scenario, or the counts of results of several."""
    if len(scenarios) == 1:
        metric = mapping(pick(rows(comparison.get("scenarios"))[0], "metrics", "ttr_s"))
        base, new, shift = (mapping(metric.get(name)) for name in ("base", "new", "shift"))
        return [
            Figure("TTR of base", told(base.get("median")), _beside(base), _tone(base.get("median"))),
            Figure("TTR of new", told(new.get("median")), _beside(new), _tone(new.get("median"))),
            Figure("Shift", change(shift.get("value")), _shift_note(shift), _tone(shift.get("value"))),
        ]
    worse, few = (sum(each.badge[1] == tone for each in scenarios) for tone in ("no", "open"))
    return [
        Figure("Scenarios compared", str(len(scenarios)), "that both base and new have runs of"),
        Figure("Became worse", str(worse), "a regression, or never recovered", "bad" if worse else "good"),
        Figure(
            "Too few trials", str(few), "to show a regression, were there one", "plain" if few else "good"
        ),
    ]


def _beside(side: Mapping[str, Any]) -> str:
    return f"median, {spread(side)}" if amount(side.get("median")) is not None else spread(side)


def _tone(value: Any) -> str:
    found = amount(value)
    return "muted" if found is None else "bad" if found == math.inf else "plain"


def _shift_note(shift: Mapping[str, Any]) -> str:
    relative = amount(shift.get("relative"))
    parts = [
        "" if relative is None else f"{change(relative, 'ratio')} of base’s median",
        covered(shift, change_interval(shift.get("interval"))),
    ]
    return ", ".join(part for part in parts if part) or "new against base"


def _facts(comparison: Mapping[str, Any], rules: Rules) -> list[tuple[str, str]]:
    return [
        ("Fails on", " and ".join(short(name) for name in rules.gated) or UNSAID),
        ("Level for the whole", rules.level if rules.alpha is not None else UNSAID),
        ("Least shift that counts", UNSAID if rules.threshold is None else f"over {rules.limit} of base"),
        ("Gated tests", str(rules.tests)),
        ("Trials it takes", f"{rules.needed} a side" if rules.needed else UNSAID),
        ("Exit status", text(comparison.get("exit_status")) or UNSAID),
    ]


def _missing(comparison: Mapping[str, Any]) -> list[str]:
    said = (
        ("new", "{} has no run in new, so it can’t be judged."),
        ("base", "{} has no run in base, so there is nothing to compare it with."),
    )
    return [
        words.format(text(name)) for side, words in said for name in items(pick(comparison, "missing", side))
    ]


def _method(rules: Rules) -> list[str]:
    """Return three sentences about the method."""
    fails = (
        f"A scenario fails only where p, after Holm’s correction over {counted(max(1, rules.tests), 'gated test')}, is "
        f"below {rules.level} and the shift is over {rules.limit} of base’s median, or at once where a trial of new "
        "never recovered while every one of base did."
    )
    return [
        "Every trial of new is ranked against every trial of base; p, of an exact one-sided Mann–Whitney test, is how "
        "often chance alone would rank new as high, and a trial that never recovered ranks above all that did.",
        "The shift is the Hodges–Lehmann estimate: the median of all differences between a trial of new and one of "
        "base, with the interval of shifts that the test would not reject.",
        fails,
    ]

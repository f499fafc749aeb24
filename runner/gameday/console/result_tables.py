"""A comparison and a set of trials as tables for a terminal of 80 columns, from the content of their files.

Judges nothing; what a verdict is called is left to the pages, so that page and terminal say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from gameday_reports.pages.compare_scenario import BADGES, short
from gameday_reports.pages.trials_page import METRICS
from gameday_reports.text.loose import mapping, number, pick, rows, text
from gameday_reports.text.statistics_text import (
    amount,
    chance,
    change,
    counted,
    covered,
    ends,
    interval,
    told,
    whole,
)

COLOURS = {"yes": "green", "no": "red", "open": "yellow"}
FRAME: dict[str, Any] = {
    "box": box.SIMPLE_HEAD,
    "pad_edge": False,
    "collapse_padding": True,
    "title_justify": "left",
}


def comparison_table(comparison: Mapping[str, Any]) -> Table:
    """Three lines for each metric of each scenario of "gameday/compare/v1"; one that isn't gated is dim."""
    alpha, tests = number(comparison.get("alpha")), whole(comparison.get("tests"))
    level = "" if alpha is None else f" at α = {alpha:g}"
    table = Table(title=f"new against base, {counted(tests, 'gated test')}{level}", **FRAME)
    table.add_column("scenario", overflow="fold")
    for heading in ("base", "new", "shift", "p"):
        table.add_column(heading)
    for each in rows(comparison.get("scenarios")):
        for name in ("ttr_s", "ttd_s"):
            metric = mapping(pick(each, "metrics", name))
            gated, last = metric.get("gated") is True, name == "ttd_s"
            table.add_row(
                _first(each, name, gated), *_cells(metric), style="" if gated else "dim", end_section=last
            )
    return table


def _first(each: Mapping[str, Any], name: str, gated: bool) -> str:
    """The scenario with its judgement beside the first metric, TTR."""
    if name != "ttr_s":
        return short(name) if gated else f"{short(name)}, not gated"
    words, tone = BADGES.get(text(each.get("verdict")), ("not judged", "open"))
    return f"[bold]{escape(text(each.get('scenario')))}[/]\n[{COLOURS[tone]}]{words}[/]\n{short(name)}"


def _cells(metric: Mapping[str, Any]) -> list[str]:
    base, new, shift = (mapping(metric.get(name)) for name in ("base", "new", "shift"))
    p = chance(metric.get("p_holm" if metric.get("gated") is True else "p"))
    relative, least = amount(shift.get("relative")), amount(metric.get("detectable"))
    return [
        _side(base),
        _side(new),
        _lines(
            change(shift.get("value")),
            _brackets(shift.get("interval"), "+"),
            "" if relative is None else change(relative, "ratio"),
        ),
        _lines(
            p,
            "finds nothing"
            if least == math.inf
            else ""
            if least is None
            else f"finds {change(least, 'ratio')}",
        ),
    ]


def _side(side: Mapping[str, Any]) -> str:
    never = whole(side.get("censored"))
    n = f"n {whole(side.get('n'))}" + (f", {never} never" if never else "")
    return _lines(told(side.get("median")), _brackets(side.get("interval")), n)


def _brackets(value: Any, sign: str = "") -> str:
    """'[9.10, 11.20]' in seconds, '[9.10, ∞]'; with the sign '+' both ends have theirs."""
    found = ends(value)
    if found is None:
        return ""
    shown = (f"{each:{sign}.2f}".replace("inf", "∞").replace("-", "−") for each in found)
    return escape(f"[{', '.join(shown)}]")


def trials_table(trials: Mapping[str, Any]) -> Table:
    """A row for each metric of "gameday/trials/v1", and one for how many passed."""
    title = f"{escape(text(trials.get('scenario')) or 'unnamed scenario')}, {counted(whole(trials.get('n')), 'trial')}"
    table = Table("", "median", "interval", "n", "never", title=title, **FRAME)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, (meaning, _, unit) in METRICS.items():
        found = mapping(pick(trials, "metrics", name))
        n, more = whole(found.get("n")), whole(found.get("needed")) - whole(found.get("n"))
        around = covered(found, interval(found.get("interval"), unit)) or (
            f"takes {more} more" if more > 0 else ""
        )
        never = whole(found.get("censored"))
        table.add_row(meaning.lower(), told(found.get("median"), unit), escape(around), str(n), str(never))
    table.add_section()
    table.add_row("passed", *_success(mapping(trials.get("success"))), "")
    return table


def _success(success: Mapping[str, Any]) -> tuple[str, str, str]:
    """How many passed, the bound, and of how many that could be judged."""
    judged, confidence = whole(success.get("judged")), number(success.get("confidence"))
    if not judged:
        return "none judged", "", "0"
    bound = (
        ""
        if confidence is None
        else f"{100 * confidence:g} % [{told(success.get('at_least'), 'ratio')}, 100 %]"
    )
    return told(success.get("ratio"), "ratio"), escape(bound), str(judged)


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)

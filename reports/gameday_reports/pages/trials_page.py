"""Page of several trials of one scenario ("gameday/trials/v1"), beside the runs' folders.

The page shows what `gameday.analysis.trials.trial_summary` found and judges nothing itself. The
same trials give the same bytes. Any value may be missing or infinite.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gameday_reports.charts.dot_plot import Plot, Row, drawn
from gameday_reports.pages import page_template
from gameday_reports.text.formatting import NOT_MEASURED, Figure, percent
from gameday_reports.text.loose import items, mapping, number, pick, rows, text
from gameday_reports.text.statistics_text import Unit, amount, counted, ends, spread, told, whole

VERDICTS: Mapping[str, tuple[str, str]] = {
    "pass": ("Passed", "Every trial passed."),
    "fail": ("Failed", "At least one trial failed."),
    "inconclusive": ("Inconclusive", "At least one trial does not allow a judgement, and none failed."),
    "error": ("Tool error", "In at least one trial the tool or the substrate failed, or it was broken off."),
}
BADGES = {"pass": ("passed", "yes"), "fail": ("failed", "no"), "error": ("error", "no")}
METRICS: Mapping[str, tuple[str, str, Unit]] = {
    "ttd_s": ("Time to detect", "TTD, from the first effect on users to the first page", "seconds"),
    "tta_s": ("Time to acknowledge", "TTA, from the first page until a responder took it", "seconds"),
    "ttr_s": ("Time to recover", "TTR, from the first effect on users until they were well again", "seconds"),
    "ttfr_s": ("Time to full recovery", "TTFR, from the first effect on users to full capacity", "seconds"),
    "failed_ratio": ("Failed requests", "Share of the requests from effect to recovery", "ratio"),
    "users_affected_ratio": (
        "Users affected",
        "Share of the users who came from effect to recovery",
        "ratio",
    ),
}
LARGE = ("ttd_s", "tta_s", "ttr_s", "failed_ratio", "users_affected_ratio")
COLUMNS = ("ttd_s", "tta_s", "ttr_s", "failed_ratio")
MOST_REASONS = 8
"""Reasons at the top of the page; the table has all of them."""
ROOM = 900_000
"""How much of the page drawings may take, bytes."""
FOLDER = re.compile(r"[\w][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Metric:
    """One metric over all trials. `few`: the trials that its interval still needs, empty if it has
    one."""

    title: str
    caption: str
    summary: str
    few: str
    plot: Plot | None


@dataclass(frozen=True)
class Trial:
    """One row of the table; `link` is empty if the run's name can't be that of a folder."""

    n: int
    run: str
    link: str
    seed: str
    badge: tuple[str, str]
    values: Sequence[str]
    reasons: Sequence[str]


def render_trials(trials: Mapping[str, Any], path: Path) -> Path:
    """Write the page to `path`, in the folder of the runs' folders, and return it. Raise OSError if
    it can't be written."""
    verdict = text(trials.get("verdict"))
    word, meaning = VERDICTS.get(verdict, ("No verdict", "The trials left no verdict."))
    metrics = [_metric(name, mapping(pick(trials, "metrics", name))) for name in METRICS]
    success = _success_plot(mapping(trials.get("success")))
    content = {
        "kicker": "Game day trials",
        "title": f"{text(trials.get('scenario')) or 'unnamed scenario'}: {counted(whole(trials.get('n')), 'trial')}",
        "verdict": verdict if verdict in VERDICTS else "unknown",
        "word": word,
        "meaning": meaning,
        "reasons": _reasons(trials),
        "figures": _figures(trials),
        "facts": [],
        "metrics": metrics,
        "success": success,
        "rate": _rate(mapping(trials.get("success"))),
        "svgs": drawn([plot for plot in (success, *(each.plot for each in metrics)) if plot], ROOM),
        "columns": [_short(name) for name in COLUMNS],
        "trials": [_trial(i, each, trials) for i, each in enumerate(rows(trials.get("trials")))],
        "meant": _meant(trials),
    }
    return page_template.write(path, "trials.html.j2", content)


def _reasons(trials: Mapping[str, Any]) -> list[str]:
    reasons = [text(reason) for reason in items(trials.get("reasons"))]
    more = len(reasons) - MOST_REASONS
    return reasons if more <= 0 else [*reasons[:MOST_REASONS], f"and {more} more, in the table of trials"]


def _figures(trials: Mapping[str, Any]) -> list[Figure]:
    figures = []
    for name in LARGE:
        found, (title, _, unit) = mapping(pick(trials, "metrics", name)), METRICS[name]
        middle = amount(found.get("median"))
        shown = NOT_MEASURED if middle is None else told(middle, unit)
        tone = "muted" if middle is None else "bad" if middle == math.inf else "plain"
        figures.append(Figure(title, shown, _beside(name, found, unit), tone))
    return [*figures, _success(mapping(trials.get("success")))]


def _beside(name: str, found: Mapping[str, Any], unit: Unit) -> str:
    kind = f"{_short(name)}, " if name.endswith("_s") else ""
    return f"{kind}median, {spread(found, unit)}" if whole(found.get("n")) else f"{kind}{spread(found, unit)}"


def _short(metric: str) -> str:
    return metric.removesuffix("_s").upper() if metric.endswith("_s") else METRICS[metric][0]


def _success(success: Mapping[str, Any]) -> Figure:
    judged = whole(success.get("judged"))
    if not judged:
        return Figure("Passed", "none judged", "no trial could be judged", "muted")
    shown = f"{whole(success.get('passed'))} of {judged}"
    return Figure("Passed", shown, _bound(success), "good" if number(success.get("ratio")) == 1 else "bad")


def _bound(success: Mapping[str, Any]) -> str:
    least, confidence = number(success.get("at_least")), number(success.get("confidence"))
    if least is None or confidence is None:
        return "how sure that is, is not known"
    return f"so at least {percent(least)} of all such trials would, with {100 * confidence:g} % confidence"


def _rate(success: Mapping[str, Any]) -> str:
    judged = whole(success.get("judged"))
    if not judged:
        return "No trial could be judged: each was inconclusive, or the tool failed."
    passed = (
        f"{whole(success.get('passed'))} of {judged} judged trials passed ({percent(success.get('ratio'))})"
    )
    return f"{passed}, {_bound(success)}."


def _success_plot(success: Mapping[str, Any]) -> Plot | None:
    ratio, least = number(success.get("ratio")), number(success.get("at_least"))
    if ratio is None or least is None:
        return None
    row = Row("", "series-1", (), ratio, (least, 1.0))
    return Plot("success", f"Share of trials that passed. {_rate(success)}", "ratio", [row])


def _metric(name: str, found: Mapping[str, Any]) -> Metric:
    title, caption, unit = METRICS[name]
    values = tuple(value for value in map(_counted, rows(found.get("values"))) if value is not None)
    middle = amount(found.get("median"))
    summary = spread(found, unit) if middle is None else f"Median {told(middle, unit)}, {spread(found, unit)}"
    plot = None
    if values:
        row = Row("", "series-1", values, middle, ends(found.get("interval")))
        plot = Plot(f"dots-{name.replace('_', '-')}", f"{title} of every trial. {summary}.", unit, [row])
    return Metric(title, caption, summary, _few(found), plot)


def _counted(value: Mapping[str, Any]) -> float | None:
    """Return the value of a trial: infinite if censored, None if there was nothing to measure."""
    return math.inf if value.get("state") == "censored" else number(value.get("value"))


def _few(found: Mapping[str, Any]) -> str:
    n, needed = whole(found.get("n")), whole(found.get("needed"))
    if n >= needed:
        return ""
    return f"An interval takes {counted(needed, 'trial')} with a value: {needed - n} more."


def _trial(position: int, each: Mapping[str, Any], trials: Mapping[str, Any]) -> Trial:
    run = text(each.get("run"))
    return Trial(
        n=position + 1,
        run=run or "unnamed run",
        link=f"{run}/report.html" if FOLDER.fullmatch(run) else "",
        seed=text(each.get("seed")) or "not recorded",
        badge=BADGES.get(text(each.get("verdict")), (text(each.get("verdict")) or "not judged", "open")),
        values=[_value(name, position, trials) for name in COLUMNS],
        reasons=[text(reason) for reason in items(each.get("reasons"))],
    )


def _value(name: str, position: int, trials: Mapping[str, Any]) -> str:
    values = rows(pick(trials, "metrics", name, "values"))
    value = values[position] if position < len(values) else {}
    if value.get("state") == "censored":
        at = number(value.get("censored_at"))
        return "never" if at is None else f"never, by {told(at)}"
    found = {"no_effect": "no effect"}.get(text(value.get("state")), NOT_MEASURED)
    return found if number(value.get("value")) is None else told(value["value"], METRICS[name][2])


def _meant(trials: Mapping[str, Any]) -> str:
    """Return the meaning of an interval in a sentence, with the coverage of the largest ones here."""
    coverages = [number(pick(trials, "metrics", name, "coverage")) for name in METRICS]
    known = sorted({each for each in coverages if each is not None})
    often = " to ".join(percent(each) for each in ([known[0], known[-1]] if len(known) > 1 else known))
    times = f"in {often} of such sets of trials" if often else "in a stated share of such sets of trials"
    return (
        f"An interval holds the true median {times}, whatever the distribution: its ends are two of the trials "
        "themselves, counted in from both sides."
    )

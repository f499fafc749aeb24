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

from gameday.analysis.model.trials_model import MetricSummary, SuccessRate, TrialResult, Trials, TrialValue
from gameday_reports.charts.dot_plot import Plot, Row, drawn
from gameday_reports.pages import page_template
from gameday_reports.text.formatting import NOT_MEASURED, Figure, percent
from gameday_reports.text.statistics_text import Unit, counted, format_amount, spread

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
    "bad_ratio": (
        "Bad requests",
        "Share of the requests from effect to recovery that failed, were wrong or were too slow",
        "ratio",
    ),
    "users_affected_ratio": (
        "Users hurt",
        "Share of the users who came from effect to recovery",
        "ratio",
    ),
}
LARGE = ("ttd_s", "tta_s", "ttr_s", "bad_ratio", "users_affected_ratio")
COLUMNS = ("ttd_s", "tta_s", "ttr_s", "bad_ratio")
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


def render_trials(trials: Trials, path: Path) -> Path:
    """Write the page to `path`, in the folder of the runs' folders, and return it. Raise OSError if
    it can't be written."""
    word, meaning = VERDICTS[trials.verdict]
    metrics = [_metric(name, trials.metrics.get(name, MetricSummary())) for name in METRICS]
    success = _success_plot(trials.success)
    content = {
        "kicker": "Game day trials",
        "title": f"{trials.scenario or 'unnamed scenario'}: {counted(trials.n, 'trial')}",
        "verdict": trials.verdict,
        "word": word,
        "meaning": meaning,
        "reasons": _reasons(trials),
        "figures": _figures(trials),
        "facts": [],
        "metrics": metrics,
        "success": success,
        "rate": _rate(trials.success),
        "svgs": drawn([plot for plot in (success, *(metric.plot for metric in metrics)) if plot], ROOM),
        "columns": [_short(name) for name in COLUMNS],
        "trials": [_trial(i, trial, trials) for i, trial in enumerate(trials.trials)],
        "meant": _meant(trials),
    }
    return page_template.write(path, "trials.html.j2", content)


def _reasons(trials: Trials) -> list[str]:
    reasons = list(trials.reasons)
    more = len(reasons) - MOST_REASONS
    return reasons if more <= 0 else [*reasons[:MOST_REASONS], f"and {more} more, in the table of trials"]


def _figures(trials: Trials) -> list[Figure]:
    figures = []
    for name in LARGE:
        summary, (title, _, unit) = trials.metrics.get(name, MetricSummary()), METRICS[name]
        middle = summary.median
        shown = NOT_MEASURED if middle is None else format_amount(middle, unit)
        tone = "muted" if middle is None else "bad" if middle == math.inf else "plain"
        figures.append(Figure(title, shown, _beside(name, summary, unit), tone))
    return [*figures, _success(trials.success)]


def _beside(name: str, summary: MetricSummary, unit: Unit) -> str:
    kind = f"{_short(name)}, " if name.endswith("_s") else ""
    return f"{kind}median, {spread(summary, unit)}" if summary.n else f"{kind}{spread(summary, unit)}"


def _short(metric: str) -> str:
    return metric.removesuffix("_s").upper() if metric.endswith("_s") else METRICS[metric][0]


def _success(success: SuccessRate) -> Figure:
    if not success.judged:
        return Figure("Passed", "none judged", "no trial could be judged", "muted")
    shown = f"{success.passed} of {success.judged}"
    return Figure("Passed", shown, _bound(success), "good" if success.ratio == 1 else "bad")


def _bound(success: SuccessRate) -> str:
    least, confidence = success.at_least, success.confidence
    if least is None or confidence is None:
        return "how sure that is, is not known"
    return f"so at least {percent(least)} of all such trials would, with {100 * confidence:g} % confidence"


def _rate(success: SuccessRate) -> str:
    if not success.judged:
        return "No trial could be judged: each was inconclusive, or the tool failed."
    passed = f"{success.passed} of {success.judged} judged trials passed ({percent(success.ratio)})"
    return f"{passed}, {_bound(success)}."


def _success_plot(success: SuccessRate) -> Plot | None:
    if success.ratio is None or success.at_least is None:
        return None
    row = Row("", "series-1", (), success.ratio, (success.at_least, 1.0))
    return Plot("success", f"Share of trials that passed. {_rate(success)}", "ratio", [row])


def _metric(name: str, summary: MetricSummary) -> Metric:
    title, caption, unit = METRICS[name]
    values = tuple(value for value in map(_counted, summary.values) if value is not None)
    middle, words = summary.median, spread(summary, unit)
    if middle is not None:
        words = f"Median {format_amount(middle, unit)}, {words}"
    plot = None
    if values:
        row = Row("", "series-1", values, middle, summary.interval)
        plot = Plot(f"dots-{name.replace('_', '-')}", f"{title} of every trial. {words}.", unit, [row])
    return Metric(title, caption, words, _few(summary), plot)


def _counted(value: TrialValue) -> float | None:
    """Return the value of a trial: infinite if censored, None if there was nothing to measure."""
    return math.inf if value.state == "censored" else value.value


def _few(summary: MetricSummary) -> str:
    if summary.n >= summary.needed:
        return ""
    more = summary.needed - summary.n
    return f"An interval takes {counted(summary.needed, 'trial')} with a value: {more} more."


def _trial(position: int, trial: TrialResult, trials: Trials) -> Trial:
    return Trial(
        n=position + 1,
        run=trial.run or "unnamed run",
        link=f"{trial.run}/report.html" if FOLDER.fullmatch(trial.run) else "",
        seed="not recorded" if trial.seed is None else str(trial.seed),
        badge=BADGES.get(trial.verdict, (trial.verdict, "open")),
        values=[_value(name, position, trials) for name in COLUMNS],
        reasons=trial.reasons,
    )


def _value(name: str, position: int, trials: Trials) -> str:
    values = trials.metrics[name].values if name in trials.metrics else ()
    if position >= len(values):
        return NOT_MEASURED
    value = values[position]
    if value.state == "censored":
        return "never" if value.censored_at is None else f"never, by {format_amount(value.censored_at)}"
    if value.value is None:
        return "no effect" if value.state == "no_effect" else NOT_MEASURED
    return format_amount(value.value, METRICS[name][2])


def _meant(trials: Trials) -> str:
    """Return the meaning of an interval in a sentence, with the coverage of the largest ones here."""
    known = sorted({summary.coverage for summary in trials.metrics.values() if summary.coverage is not None})
    often = " to ".join(percent(each) for each in ([known[0], known[-1]] if len(known) > 1 else known))
    times = f"in {often} of such sets of trials" if often else "in a stated share of such sets of trials"
    return (
        f"An interval holds the true median {times}, whatever the distribution: its ends are two of the trials "
        "themselves, counted in from both sides."
    )

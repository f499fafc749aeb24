"""Page of a suite ("gameday/suite/v1"): a row for each scenario, with its trials as small dots.

The page shows what `gameday.analysis.trials` found and judges nothing itself. The same suite gives
the same bytes. Any value may be missing or infinite. The terminal shows the same rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gameday.analysis.model.suite_model import (
    OrderTotals,
    Suite,
    SuiteExpectation,
    SuiteRun,
    SuiteScenario,
)
from gameday.analysis.model.trials_model import MetricSummary
from gameday_reports.charts.beeswarm import Axis
from gameday_reports.charts.sparklines import Spark, axis_of, spark
from gameday_reports.pages import page_template
from gameday_reports.pages.gate_table import gate
from gameday_reports.pages.trials_page import VERDICTS as WORDS
from gameday_reports.text.formatting import NOT_MEASURED, Figure, count
from gameday_reports.text.statistics_text import Unit, counted, format_amount, interval

VERDICTS: Mapping[str, str] = {
    "pass": "Every scenario met what is expected of it.",
    "fail": "At least one scenario failed.",
    "inconclusive": "At least one scenario can’t be judged, and none that can be failed.",
    "error": "The tool or the substrate failed, or the suite was broken off.",
}
BADGES = {
    "pass": ("passed", "yes"),
    "fail": ("failed", "no"),
    "error": ("error", "no"),
    "inconclusive": ("unclear", "open"),
}
NOT_RUN = ("not run", "open")
COLUMNS: Mapping[str, tuple[str, Unit]] = {
    "ttd_s": ("Time to detect", "seconds"),
    "ttr_s": ("Time to recover", "seconds"),
    "bad_ratio": ("Bad requests", "ratio"),
}
ORDERS = {
    "duplicated": "duplicated",
    "charged_twice": "charged twice",
    "oversold": "oversold",
    "wrong_amount": "at a wrong amount",
}
MOST_REASONS = 8
UNSAID = "not recorded"
RELATIVE = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)*", re.ASCII)


@dataclass(frozen=True)
class Cell:
    """`short` is one number in words; `note` is below it; `tone` is plain, bad or muted."""

    short: str
    note: str = ""
    tone: str = "plain"
    spark: Spark | None = None


@dataclass(frozen=True)
class Run:
    run: str
    link: str
    badge: tuple[str, str]
    seed: str
    retried: bool
    reasons: Sequence[str]


@dataclass(frozen=True)
class Line:
    """A scenario: its row, and its details below the table. `trials` says how many passed."""

    id: str
    name: str
    title: str
    link: str
    matrix: str
    verdict: str
    badge: tuple[str, str]
    trials: str
    ttd: Cell
    ttr: Cell
    bad: Cell
    users: Cell
    lost: Cell
    reasons: Sequence[str]
    expectations: Sequence[tuple[str, tuple[str, str], str]]
    runs: Sequence[Run]


def render_suite(suite: Suite, path: Path) -> Path:
    """Write the page to `path`, in the suite's folder, and return it. Raise OSError if it can't be
    written."""
    reasons, shown = suite.reasons, lines(suite)
    more = [f"and {len(reasons) - MOST_REASONS} more, below"] if len(reasons) > MOST_REASONS else []
    content = {
        "kicker": "Game day suite",
        "title": title(suite),
        "verdict": suite.verdict,
        "word": "Interrupted" if suite.interrupted else WORDS[suite.verdict][0],
        "meaning": VERDICTS[suite.verdict],
        "reasons": [*reasons[:MOST_REASONS], *more],
        "figures": list(_figures(suite, shown)),
        "facts": list(_facts(suite)),
        "lines": shown,
        "columns": [heading for heading, _ in COLUMNS.values()],
        "gate": gate(suite.baseline, pages(suite)),
    }
    return page_template.write(path, "suite.html.j2", content)


def pages(suite: Suite) -> dict[str, str]:
    """Return run → its report, from the suite's folder."""
    runs = (run for scenario in suite.scenarios for run in scenario.runs if run.folder)
    return {run.run: _link(f"{run.folder}/report.html") for run in runs}


def title(suite: Suite) -> str:
    """Return '3 scenarios, 9 trials'."""
    totals = suite.totals
    scenarios = counted(totals.scenarios, "scenario")
    same = totals.trials == totals.scenarios
    return scenarios if same else f"{scenarios}, {counted(totals.trials, 'trial')}"


def lines(suite: Suite) -> list[Line]:
    """Return the scenarios in the order in which they ran."""
    axes = {
        name: axis_of(v for scenario in suite.scenarios for v in _values(scenario, name)) for name in COLUMNS
    }
    cells: Callable[[SuiteScenario, str], Cell] = lambda each, name: _cell(each, name, axes[name])  # noqa: E731
    return [
        Line(
            id=f"scenario-{position}",
            name=each.scenario or "unnamed scenario",
            title=each.title,
            link=_link(each.report),
            matrix=_link(each.matrix),
            verdict=each.verdict,
            badge=BADGES[each.verdict] if each.n else NOT_RUN,
            trials=_trials(each),
            ttd=cells(each, "ttd_s"),
            ttr=cells(each, "ttr_s"),
            bad=cells(each, "bad_ratio"),
            users=_users(each),
            lost=_lost(each.orders),
            reasons=each.reasons,
            expectations=[_expectation(expectation) for expectation in each.expectations],
            runs=[_run(run) for run in each.runs],
        )
        for position, each in enumerate(suite.scenarios)
    ]


def _link(page: str | None) -> str:
    """Return a page below the suite's folder; empty for anything that leads elsewhere."""
    return quote(page) if page and RELATIVE.fullmatch(page) else ""


def _trials(scenario: SuiteScenario) -> str:
    n, passed = scenario.n, scenario.success.passed if scenario.success else 0
    again = sum(run.retried for run in scenario.runs)
    parts = [f"{passed} of {counted(n, 'trial')} passed"] if n > 1 else []
    parts += [f"Sev {scenario.severity}{' at worst' if n > 1 else ''}"] if scenario.severity else []
    parts += [f"{n} of {scenario.planned} ran"] if n < scenario.planned else []
    parts += [f"run again {counted(again, 'time')}"] if again else []
    return ", ".join(parts)


def _values(scenario: SuiteScenario, name: str) -> list[float]:
    """Return the value of each trial: infinite if censored, left out if there was nothing to measure."""
    values = [
        math.inf if value.state == "censored" else value.value for value in _summary(scenario, name).values
    ]
    return [value for value in values if value is not None]


def _summary(scenario: SuiteScenario, name: str) -> MetricSummary:
    return scenario.metrics.get(name, MetricSummary())


def _cell(scenario: SuiteScenario, name: str, axis: Axis) -> Cell:
    heading, unit = COLUMNS[name]
    summary, values = _summary(scenario, name), _values(scenario, name)
    middle = summary.median
    if middle is None:
        states = {value.state for value in summary.values}
        return Cell("no effect" if "no_effect" in states else NOT_MEASURED, tone="muted")
    short, never = format_amount(middle, unit), summary.censored
    around = interval(summary.interval, unit)
    note = ", ".join(filter(None, [around, f"{never} never" if never and middle < math.inf else ""]))
    drawing = None
    if len(values) > 1:
        about = f"{heading} of {counted(len(values), 'trial')}: median {short}{', ' if note else ''}{note}"
        drawing = spark(about, values, middle, summary.interval, axis)
    return Cell(short, note, "bad" if middle == math.inf else "plain", drawing)


def _users(scenario: SuiteScenario) -> Cell:
    ratio = _summary(scenario, "users_affected_ratio").median
    return Cell(NOT_MEASURED, tone="muted") if ratio is None else Cell(format_amount(ratio, "ratio"))


def _lost(orders: OrderTotals) -> Cell:
    """Return the lost orders of all trials, and every other mismatch of the records."""
    if orders.lost is None:
        return Cell(NOT_MEASURED, tone="muted")
    wrong = [f"{count(n)} {words}" for key, words in ORDERS.items() if (n := getattr(orders, key))]
    note = ", ".join([f"of {count(orders.acknowledged)}", *wrong])
    return Cell(count(orders.lost), note, "bad" if orders.lost or wrong else "plain")


def _expectation(expectation: SuiteExpectation) -> tuple[str, tuple[str, str], str]:
    """Return expression, badge, and the values if it didn't hold."""
    failed, unknown, n = expectation.failed, expectation.unknown, expectation.trials
    badge = ("does not hold", "no") if failed else ("unknown", "open") if unknown else ("holds", "yes")
    share = f"in {failed or unknown} of {n} trials" if n > 1 and (failed or unknown) else ""
    values = [trial.values for trial in expectation.unmet if (trial.holds is False) == bool(failed)]
    more = "…" if len(values) > 3 else ""
    return expectation.expr, badge, "; ".join(filter(None, [share, *values[:3], more]))


def _run(run: SuiteRun) -> Run:
    return Run(
        run=run.run or "unnamed run",
        link=_link(f"{run.folder}/report.html") if run.folder else "",
        badge=BADGES[run.verdict],
        seed="not recorded" if run.seed is None else str(run.seed),
        retried=run.retried,
        reasons=run.reasons,
    )


def _figures(suite: Suite, shown: Sequence[Line]) -> Iterator[Figure]:
    totals = suite.totals
    n, passed = totals.scenarios, totals.passed
    parts = [f"{other} {words}" for key, words in TOLD.items() if (other := getattr(totals, key))]
    yield Figure("Scenarios passed", f"{passed} of {n}", ", ".join(parts), "good" if passed == n else "bad")
    yield _worst("ttr_s", "Longest time to recover", suite.scenarios)
    lost = [scenario.orders.lost for scenario in suite.scenarios]
    known = [orders for orders in lost if orders is not None]
    if not known:
        yield Figure("Orders lost", NOT_MEASURED, "no trial was audited", "muted")
        return
    whose = ", ".join(line.name for line, orders in zip(shown, lost, strict=True) if orders)
    note = f"in {whose}" if whose else f"in {counted(len(known), 'audited scenario')}"
    yield Figure("Orders lost", count(sum(known)), note, "bad" if sum(known) else "good")


TOLD = {"fail": "failed", "inconclusive": "unclear", "error": "ended in an error", "not_run": "not run"}


def _worst(metric: str, label: str, scenarios: Sequence[SuiteScenario]) -> Figure:
    medians = [(_summary(scenario, metric).median, scenario.scenario) for scenario in scenarios]
    known = [(middle, name) for middle, name in medians if middle is not None]
    if not known:
        return Figure(label, NOT_MEASURED, "TTR, median", "muted")
    middle, name = max(known)
    return Figure(
        label, format_amount(middle), f"TTR, median, {name}", "bad" if middle == math.inf else "plain"
    )


def _facts(suite: Suite) -> Iterator[tuple[str, str]]:
    yield "Started", suite.started or UNSAID
    yield "Substrate", suite.substrate or UNSAID
    yield "First seed", UNSAID if suite.seed is None else str(suite.seed)
    yield "Version", suite.version or UNSAID
    yield "At once", str(suite.at_once or 1)
    yield "Took", UNSAID if suite.duration_s is None else f"{suite.duration_s / 60:.1f} min"
    yield "Exit status", str(suite.exit_status)
    yield "Machine", suite.host or UNSAID

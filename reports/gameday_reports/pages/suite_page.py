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
from typing import Any
from urllib.parse import quote

from gameday_reports.charts.sparklines import Spark, axis_of, spark
from gameday_reports.pages import page_template
from gameday_reports.pages.gate_table import gate
from gameday_reports.pages.trials_page import VERDICTS as WORDS
from gameday_reports.text.formatting import NOT_MEASURED, Figure, count
from gameday_reports.text.loose import items, mapping, number, pick, rows, text
from gameday_reports.text.statistics_text import Unit, amount, counted, ends, interval, told, whole

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
    "failed_ratio": ("Failed requests", "ratio"),
}
ORDERS = {
    "duplicated": "duplicated",
    "charged_twice": "charged twice",
    "oversold": "oversold",
    "wrong_amount": "at a wrong amount",
}
MOST_REASONS = 8
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
    failed: Cell
    users: Cell
    lost: Cell
    reasons: Sequence[str]
    expectations: Sequence[tuple[str, tuple[str, str], str]]
    runs: Sequence[Run]


def render_suite(suite: Mapping[str, Any], path: Path) -> Path:
    """Write the page to `path`, in the suite's folder, and return it. Raise OSError if it can't be
    written."""
    verdict = text(suite.get("verdict"))
    word = WORDS.get(verdict, ("No verdict", ""))[0]
    reasons, shown = [text(reason) for reason in items(suite.get("reasons"))], lines(suite)
    more = [f"and {len(reasons) - MOST_REASONS} more, below"] if len(reasons) > MOST_REASONS else []
    content = {
        "kicker": "Game day suite",
        "title": title(suite),
        "verdict": verdict if verdict in VERDICTS else "unknown",
        "word": "Interrupted" if suite.get("interrupted") is True else word,
        "meaning": VERDICTS.get(verdict, "The suite left no verdict."),
        "reasons": [*reasons[:MOST_REASONS], *more],
        "figures": list(_figures(suite, shown)),
        "facts": list(_facts(suite)),
        "lines": shown,
        "columns": [heading for heading, _ in COLUMNS.values()],
        "gate": gate(mapping(suite.get("baseline"))),
    }
    return page_template.write(path, "suite.html.j2", content)


def title(suite: Mapping[str, Any]) -> str:
    totals = mapping(suite.get("totals"))
    trials = whole(totals.get("trials"))
    found = counted(whole(totals.get("scenarios")), "scenario")
    return found if trials == whole(totals.get("scenarios")) else f"{found}, {counted(trials, 'trial')}"


def lines(suite: Mapping[str, Any]) -> list[Line]:
    """Return the scenarios in the order in which they ran."""
    scenarios = rows(suite.get("scenarios"))
    axes = {name: axis_of(v for each in scenarios for v in _values(each, name)) for name in COLUMNS}
    cells: Callable[[Mapping[str, Any], str], Cell] = lambda each, name: _cell(each, name, axes[name])  # noqa: E731
    return [
        Line(
            id=f"scenario-{position}",
            name=text(each.get("scenario")) or "unnamed scenario",
            title=text(each.get("title")),
            link=_link(each.get("report")),
            matrix=_link(each.get("matrix")),
            verdict=text(each.get("verdict")),
            badge=_badge(each.get("verdict")) if whole(each.get("n")) else NOT_RUN,
            trials=_trials(each),
            ttd=cells(each, "ttd_s"),
            ttr=cells(each, "ttr_s"),
            failed=cells(each, "failed_ratio"),
            users=_users(each),
            lost=_lost(mapping(each.get("orders"))),
            reasons=[text(reason) for reason in items(each.get("reasons"))],
            expectations=[_expectation(one) for one in rows(each.get("expectations"))],
            runs=[_run(one) for one in rows(each.get("runs"))],
        )
        for position, each in enumerate(scenarios)
    ]


def _badge(verdict: Any) -> tuple[str, str]:
    return BADGES.get(text(verdict), ("not judged", "open"))


def _link(value: Any) -> str:
    """Return a page below the suite's folder; empty for anything that leads elsewhere."""
    found = text(value)
    return quote(found) if RELATIVE.fullmatch(found) else ""


def _trials(each: Mapping[str, Any]) -> str:
    n, planned = whole(each.get("n")), whole(each.get("planned"))
    again = sum(run.get("retried") is True for run in rows(each.get("runs")))
    parts = [f"{whole(pick(each, 'success', 'passed'))} of {counted(n, 'trial')} passed"] if n > 1 else []
    parts += [f"{n} of {planned} ran"] if n < planned else []
    parts += [f"run again {counted(again, 'time')}"] if again else []
    return ", ".join(parts)


def _values(each: Mapping[str, Any], name: str) -> list[float]:
    """Return the value of each trial: infinite if censored, left out if there was nothing to measure."""
    found = [
        math.inf if value.get("state") == "censored" else number(value.get("value"))
        for value in rows(pick(each, "metrics", name, "values"))
    ]
    return [each for each in found if each is not None]


def _cell(each: Mapping[str, Any], name: str, axis: Any) -> Cell:
    heading, unit = COLUMNS[name]
    found, values = mapping(pick(each, "metrics", name)), _values(each, name)
    middle = amount(found.get("median"))
    if middle is None:
        states = {text(value.get("state")) for value in rows(found.get("values"))}
        return Cell("no effect" if "no_effect" in states else NOT_MEASURED, tone="muted")
    short, never = told(middle, unit), whole(found.get("censored"))
    around = interval(found.get("interval"), unit)
    note = ", ".join(filter(None, [around, f"{never} never" if never and middle < math.inf else ""]))
    drawn = None
    if len(values) > 1:
        about = f"{heading} of {counted(len(values), 'trial')}: median {short}{', ' if note else ''}{note}"
        drawn = spark(about, values, middle, ends(found.get("interval")), axis)
    return Cell(short, note, "bad" if middle == math.inf else "plain", drawn)


def _users(each: Mapping[str, Any]) -> Cell:
    found = amount(pick(each, "metrics", "users_affected_ratio", "median"))
    return Cell(NOT_MEASURED, tone="muted") if found is None else Cell(told(found, "ratio"))


def _lost(orders: Mapping[str, Any]) -> Cell:
    """Return the lost orders of all trials, and every other mismatch of the records."""
    lost = number(orders.get("lost"))
    if lost is None:
        return Cell(NOT_MEASURED, tone="muted")
    wrong = [f"{count(orders[key])} {words}" for key, words in ORDERS.items() if number(orders.get(key))]
    note = ", ".join([f"of {count(orders.get('acknowledged'))}", *wrong])
    return Cell(count(lost), note, "bad" if lost or wrong else "plain")


def _expectation(each: Mapping[str, Any]) -> tuple[str, tuple[str, str], str]:
    """Return expression, badge, and the values if it didn't hold."""
    held, failed, unknown = (whole(each.get(key)) for key in ("held", "failed", "unknown"))
    badge = ("does not hold", "no") if failed else ("unknown", "open") if unknown else ("holds", "yes")
    n = held + failed + unknown
    share = f"in {failed or unknown} of {n} trials" if n > 1 and (failed or unknown) else ""
    said = [
        text(one.get("values"))
        for one in rows(each.get("said"))
        if (one.get("holds") is False) == bool(failed)
    ]
    return (
        text(each.get("expr")),
        badge,
        "; ".join(filter(None, [share, *said[:3], "…" if len(said) > 3 else ""])),
    )


def _run(each: Mapping[str, Any]) -> Run:
    name, folder = text(each.get("run")) or "unnamed run", text(each.get("folder"))
    return Run(
        run=name,
        link=_link(f"{folder}/report.html") if folder else "",
        badge=_badge(each.get("verdict")),
        seed=text(each.get("seed")) or "not recorded",
        retried=each.get("retried") is True,
        reasons=[text(reason) for reason in items(each.get("reasons"))],
    )


def _figures(suite: Mapping[str, Any], shown: Sequence[Line]) -> Iterator[Figure]:
    totals = mapping(suite.get("totals"))
    n, passed = whole(totals.get("scenarios")), whole(totals.get("pass"))
    parts = [f"{whole(totals.get(key))} {words}" for key, words in TOLD.items() if whole(totals.get(key))]
    yield Figure("Scenarios passed", f"{passed} of {n}", ", ".join(parts), "good" if passed == n else "bad")
    yield _worst("ttr_s", "Longest time to recover", rows(suite.get("scenarios")))
    lost = [number(pick(each, "orders", "lost")) for each in rows(suite.get("scenarios"))]
    known = [each for each in lost if each is not None]
    if not known:
        yield Figure("Orders lost", NOT_MEASURED, "no trial was audited", "muted")
        return
    whose = ", ".join(line.name for line, each in zip(shown, lost, strict=True) if each)
    note = f"in {whose}" if whose else f"in {counted(len(known), 'audited scenario')}"
    yield Figure("Orders lost", count(sum(known)), note, "bad" if sum(known) else "good")


TOLD = {"fail": "failed", "inconclusive": "unclear", "error": "ended in an error", "not_run": "not run"}


def _worst(metric: str, label: str, scenarios: Sequence[Mapping[str, Any]]) -> Figure:
    medians = [
        (amount(pick(each, "metrics", metric, "median")), text(each.get("scenario"))) for each in scenarios
    ]
    known = [(middle, name) for middle, name in medians if middle is not None]
    if not known:
        return Figure(label, NOT_MEASURED, "TTR, median", "muted")
    middle, name = max(known)
    return Figure(label, told(middle), f"TTR, median, {name}", "bad" if middle == math.inf else "plain")


def _facts(suite: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    facts = ("Started", "started"), ("Substrate", "substrate"), ("First seed", "seed"), ("Version", "version")
    for heading, key in facts:
        yield heading, text(suite.get(key)) or "not recorded"
    took = number(suite.get("duration_s"))
    yield "At once", text(suite.get("at_once")) or "1"
    yield "Took", f"{took / 60:.1f} min" if took is not None else "not recorded"
    yield "Exit status", text(suite.get("exit_status")) or "not recorded"
    yield "Machine", text(suite.get("host")) or "not recorded"

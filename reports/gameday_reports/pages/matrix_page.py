"""Page of the variants of one scenario ("gameday/matrix/v1"), side by side.

The page shows what `gameday.analysis.trials.variant_matrix` found and judges nothing itself. The
same runs give the same bytes. Any value may be missing. `matrix_text` has the sentences,
`small_multiples` the strips on one time axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gameday.analysis.model.matrix_model import Matrix, Variant, VariantExpectation, VariantImpact, VariantSlo
from gameday_reports.charts import small_multiples
from gameday_reports.pages import page_template
from gameday_reports.pages.trials_page import VERDICTS
from gameday_reports.run_page import run_data
from gameday_reports.text.formatting import (
    HOLDS,
    NOT_MEASURED,
    Figure,
    count,
    percent,
    seconds,
    times,
)
from gameday_reports.text.loose import text
from gameday_reports.text.matrix_text import name_of, sentences, setting_name, slos_of, time_of

ROOM = 900_000
"""How much of the page the strips may take, bytes."""
BADGES = {
    **{
        "pass": ("passed", "yes"),
        "fail": ("failed", "no"),
        "error": ("error", "no"),
        "inconclusive": ("unclear", "open"),
    },
    **{"ok": ("ok", "yes"), "breach": ("breach", "no"), "unknown": ("unknown", "open")},
}
TIMES = {
    "ttd": "Time to detect",
    "tta": "Time to acknowledge",
    "ttr": "Time to recover",
    "ttfr": "Time to full recovery",
}
AUDIT = {
    "acknowledged": "Orders acknowledged",
    "lost": "Orders lost",
    "duplicated": "Orders duplicated",
    "charged_twice": "Orders charged twice",
}
WORST_FIRST = ("breach", "unknown", "ok")
BIG = 3
"""Up to so many variants have large figures of their own."""
MEANING = {
    "pass": "Every variant met what is expected of it.",
    "fail": "At least one variant did not meet what is expected of it.",
    "inconclusive": "At least one variant does not allow a judgement.",
}


@dataclass(frozen=True)
class Cell:
    """A cell of one variant: a badge (words, tone) if there is a judgement, and words."""

    words: str
    badge: tuple[str, str] | None = None


@dataclass(frozen=True)
class Line:
    """A row of the table: its heading and one cell for each variant; `group` begins a new part."""

    heading: str
    cells: Sequence[Cell]
    group: str = ""


@dataclass(frozen=True)
class Head:
    """A column's heading; `link` leads to the run's report, empty if that isn't below the page's
    folder."""

    name: str
    link: str


def render_matrix(
    matrix: Matrix, runs: Mapping[str, Path], path: Path, kicker: str = "Game day matrix"
) -> Path:
    """Write the page to `path` and return it; `runs` are the folders of the variants' runs.

    Raise OSError if it can't be written, ValueError if a file of a run is damaged.
    """
    variants = matrix.variants
    word, meaning = VERDICTS[matrix.verdict]
    content = {
        "kicker": kicker,
        "title": matrix.title or matrix.scenario or "unnamed scenario",
        "verdict": matrix.verdict,
        "word": word,
        "meaning": MEANING.get(matrix.verdict, meaning),
        "reasons": list(matrix.reasons),
        "figures": _figures(variants),
        "facts": [],
        "told": sentences(variants),
        "heads": [Head(name_of(variant), _link(runs.get(name_of(variant)), path)) for variant in variants],
        "lines": list(_lines(variants)),
        "strips": list(small_multiples.strips(_shown(variants, runs), _order(variants), ROOM)),
        "expected": [
            (name_of(each), [_expected(expectation) for expectation in each.expectations])
            for each in variants
        ],
    }
    return page_template.write(path, "matrix.html.j2", content)


def _shown(variants: Sequence[Variant], runs: Mapping[str, Path]) -> list[small_multiples.Shown]:
    named = [name_of(variant) for variant in variants]
    return small_multiples.shown({name: run_data.read(runs[name]) for name in named if name in runs})


def _link(run: Path | None, page_path: Path) -> str:
    try:
        below = run.resolve().relative_to(page_path.parent.resolve()) if run else None
    except ValueError:
        return ""
    return f"{quote(below.as_posix())}/report.html" if below else ""


def _order(variants: Sequence[Variant]) -> list[str]:
    """Return the SLOs in drawing order: those in which variants differ first, then the other
    breached ones."""
    verdicts: dict[str, list[str]] = {}
    for variant in variants:
        for name, slo in slos_of(variant).items():
            verdicts.setdefault(name, []).append(slo.verdict or "")
    return sorted(verdicts, key=lambda name: (len(set(verdicts[name])) < 2, "breach" not in verdicts[name]))


def _figures(variants: Sequence[Variant]) -> list[Figure]:
    if not 0 < len(variants) <= BIG:
        passed = sum(each.verdict == "pass" for each in variants)
        tone = "good" if passed == len(variants) else "bad"
        ratios = [(each.impact.bad_ratio, name_of(each)) for each in variants]
        known = sorted((ratio, name) for ratio, name in ratios if ratio is not None)
        ends = [(percent(known[at][0]), known[at][1]) if known else (NOT_MEASURED, "") for at in (0, -1)]
        return [
            Figure("Passed", f"{passed} of {len(variants)}", "variants", tone),
            Figure("Fewest bad requests", *ends[0], "plain" if known else "muted"),
            Figure("Most bad requests", *ends[1], "plain" if known else "muted"),
        ]
    return [figure for variant in variants for figure in _three(variant)]


def _three(variant: Variant) -> Iterator[Figure]:
    """Return the result of a variant at a glance."""
    name = name_of(variant)
    value, state = time_of(variant, "ttr")
    tone = {"never": "bad", "no effect": "good"}.get(value, "plain" if state == "measured" else "muted")
    note = "time to recover" if state in ("measured", "") else f"time to recover: {state}"
    yield Figure(f"TTR, {name}", value, note, tone)
    impact, audit = variant.impact, variant.audit
    ratio = impact.bad_ratio
    of = "" if impact.bad is None else f"{count(impact.bad)} of {count(impact.requests)}"
    yield Figure(
        f"Bad requests, {name}",
        percent(ratio),
        of,
        "muted" if ratio is None else "plain" if ratio else "good",
    )
    lost, acknowledged = audit.lost, audit.acknowledged
    of = "no audit of orders" if acknowledged is None else f"of {count(acknowledged)} acknowledged"
    yield Figure(
        f"Orders lost, {name}", count(lost), of, "muted" if lost is None else "bad" if lost else "good"
    )


def _lines(variants: Sequence[Variant]) -> Iterator[Line]:
    yield Line("Verdict", [_badge(each.verdict) for each in variants])
    for position, setting in enumerate(dict.fromkeys(s for each in variants for s in each.settings)):
        cells = [Cell(_setting(each.settings.get(setting))) for each in variants]
        yield Line(setting_name(setting), cells, "" if position else "What differs")
    for position, (key, heading) in enumerate(TIMES.items()):
        cells = [Cell(_time(each, key)) for each in variants]
        yield Line(f"{heading}, {key.upper()}", cells, "" if position else "How long it took")
    firsts = [variant.responder.first_right_s for variant in variants]
    cells = [Cell("none" if first is None else seconds(first)) for first in firsts]
    yield Line("First right operation, after the first effect on users", cells)
    yield Line("Wrong operations", [Cell(count(each.responder.wrong)) for each in variants])
    yield Line("Bad requests", [Cell(_bad(each.impact)) for each in variants], "Who was hurt")
    yield Line("Users hurt", [Cell(_users(each.impact)) for each in variants])
    for key, heading in AUDIT.items():
        yield Line(heading, [Cell(count(getattr(each.audit, key))) for each in variants])
    names = dict.fromkeys(name for each in variants for name in slos_of(each))
    for position, name in enumerate(names):
        yield Line(
            name,
            [_slo(slos_of(each).get(name, VariantSlo(name=name))) for each in variants],
            "" if position else "Objectives",
        )


def _badge(verdict: str | None, words: str = "") -> Cell:
    return Cell(words, BADGES.get(verdict or "", ("not judged", "open")))


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return text(value) or "not set"


def _time(variant: Variant, key: str) -> str:
    value, state = time_of(variant, key)
    return f"{value}, {state}" if value == "never" else value


def _bad(impact: VariantImpact) -> str:
    if impact.bad is None:
        return NOT_MEASURED
    return f"{percent(impact.bad_ratio)}: {count(impact.bad)} of {count(impact.requests)}"


def _users(impact: VariantImpact) -> str:
    if impact.users is None:
        return NOT_MEASURED
    return f"{count(impact.users)}: {percent(impact.users_affected_ratio)} of those who came"


def _slo(slo: VariantSlo) -> Cell:
    """Return the verdict of an SLO, its time in breach, and the error budget it spent."""
    breached, spent = slo.breached_s, slo.budget_spent
    parts = [f"for {seconds(breached)}" if breached else "", f"{times(spent)} the budget" if spent else ""]
    return _badge(slo.verdict, ", ".join(filter(None, parts)))


def _expected(expectation: VariantExpectation) -> tuple[str, tuple[str, str]]:
    tones = {True: "yes", False: "no", None: "open"}
    return expectation.expr, (HOLDS.get(expectation.holds, "unknown"), tones[expectation.holds])

"""Suite in Markdown, for a pull request or the summary of a CI step: failures first, then the
table.

It says what the page says. Everything from outside is escaped: GitHub's Markdown allows HTML, and a
table has pipes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gameday.analysis.model.suite_model import Suite
from gameday_reports.pages.gate_table import Gate, GatedScenario, gate
from gameday_reports.pages.suite_page import Cell, Line, lines, title
from gameday_reports.pages.trials_page import VERDICTS
from gameday_reports.text.markdown import code, plain, table

MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️", "error": "💥"}
TONES = {"yes": "✅", "no": "❌", "open": "⚠️"}
ROWS = ("Scenario", "Verdict", "TTD", "TTR", "Bad requests", "Users hurt", "Orders lost")


def markdown(suite: Suite) -> str:
    """Return the whole document."""
    word = "Interrupted" if suite.interrupted else VERDICTS[suite.verdict][0]
    shown, against = lines(suite), gate(suite.baseline, {})
    parts = [
        f"## {MARKS[suite.verdict]} {word}: game day suite, {title(suite)}",
        *_crowded(suite),
        *_failed(shown),
    ]
    parts += list(_against(against)) if against else []
    parts += ["\n".join(table(ROWS, [_row(each) for each in shown])), _beneath(suite)]
    return "\n\n".join(parts) + "\n"


def _crowded(suite: Suite) -> Iterator[str]:
    if suite.crowded:
        yield f"{TONES['open']} {plain(suite.crowded[:1].upper() + suite.crowded[1:])}."


def _failed(shown: Sequence[Line]) -> Iterator[str]:
    """Yield each scenario that didn't pass, with the expectations that failed and their values."""
    for each in shown:
        if each.verdict == "pass":
            continue
        sentences = [
            f"- {code(expr)} {badge[0]}: {plain(said)}" for expr, badge, said in each.expectations if said
        ]
        sentences = sentences or [f"- {plain(reason)}" for reason in each.reasons[:5]]
        yield "\n".join([f"**{plain(each.name)}** {each.badge[0]}", "", *sentences])


def _against(found: Gate) -> Iterator[str]:
    """Yield the scenarios that became slower, by how much and how surely; or what to run instead."""
    yield f"### {TONES.get(found.badge[1], '')} Against the baseline: {found.badge[0]}"
    yield plain(found.sentence)
    if found.reasons or found.missing:
        yield "\n".join(f"- {plain(reason)}" for reason in (*found.reasons, *found.missing))
    if found.commands:
        yield "Run this instead; `BASE` is a checkout of what the baseline was made of:"
        yield "\n".join(["```sh", *found.commands, "```"])
    if found.rows:
        heads = (
            "Scenario",
            "Judgement",
            "TTR, baseline",
            "TTR, now",
            "Shift",
            "Interval of the shift",
            "p over all tests",
        )
        cells = [
            [
                one.scenario.name,
                _judged(one, found),
                *one.scenario.brief[:3],
                one.around,
                one.scenario.brief[3],
            ]
            for one in found.rows
        ]
        yield "\n".join(table(heads, cells))


def _judged(held: GatedScenario, found: Gate) -> str:
    return held.scenario.badge[0] if found.judged else "not judged"


def _row(line: Line) -> list[str]:
    verdict = f"{TONES[line.badge[1]]} {line.badge[0]}" + (f", {line.trials}" if line.trials else "")
    return [line.name, verdict, *map(_cell, (line.ttd, line.ttr, line.bad, line.users, line.lost))]


def _cell(cell: Cell) -> str:
    return f"{cell.short} ({cell.note})" if cell.note else cell.short


def _beneath(suite: Suite) -> str:
    parts = [suite.id, suite.substrate, suite.host, "" if suite.seed is None else f"seed {suite.seed}"]
    return f"<sub>{plain(', '.join(filter(None, parts)))}</sub>"

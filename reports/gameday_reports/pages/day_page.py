"""Page of a game day: per block what was expected, guessed, measured and noted, then decisions and follow-ups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.model.outcome_model import Outcome
from gameday.recording.journal_events import Note, from_event
from gameday_reports.pages import page_template
from gameday_reports.pages.trials_page import VERDICTS
from gameday_reports.text.formatting import interval, percent
from gameday_reports.text.markdown import plain, table

CLOCKS = {"ttd": "Time to detect", "tta": "Time to acknowledge", "ttr": "Time to recover"}


@dataclass(frozen=True)
class DayBlock:
    """A block of the page. `measured` is heading → value, empty if it has no finished run; `link` leads to the report."""

    kind: str
    title: str
    state: str
    planned: str
    hypothesis: str = ""
    poll: str = ""
    guesses: Sequence[Mapping[str, Any]] = ()
    verdict: str = ""
    measured: Mapping[str, str] = field(default_factory=dict)
    expectations: Sequence[tuple[str, str]] = ()
    notes: Sequence[tuple[str, str, str]] = ()
    link: str = ""
    again: str = ""


@dataclass(frozen=True)
class DayContent:
    """Everything on the page of a day."""

    name: str
    title: str
    goals: Sequence[str]
    started: str
    ended: str
    participants: Mapping[str, str]
    blocks: Sequence[DayBlock]
    decisions: Sequence[Mapping[str, Any]]
    actions: Sequence[Mapping[str, Any]]


def read_block(
    kind: str,
    number: int,
    planned: Mapping[str, Any],
    state: str,
    folder: Path | None,
    guesses: Sequence[Mapping[str, Any]],
    runs: int,
) -> DayBlock:
    """Return a block with what its run measured; `folder` is the run's, None if it has none."""
    title = str(planned[kind]) if kind != "scenario" else f"Scenario {number}: {planned[kind]}"
    block = DayBlock(
        kind=kind,
        title=title,
        state=state,
        planned=str(planned["for"]),
        hypothesis=str(planned.get("hypothesis", "")).strip(),
        poll=str(planned.get("poll", "")),
        guesses=guesses,
        again=f"It was begun {runs} times; the last run counts." if runs > 1 else "",
    )
    if folder is None:
        return block
    with suppress(OSError, ValueError):
        return _measured(block, folder)
    return block


def _measured(block: DayBlock, folder: Path) -> DayBlock:
    """Return the block with its run's outcome and notes. Raise OSError or ValueError if there is none."""
    path = folder / "outcome.json"
    outcome = Outcome.read_data(json.loads(path.read_text(encoding="utf-8")), str(path))
    measured = {label: interval(outcome, key)[0] for key, label in CLOCKS.items()}
    hurt = outcome.impact.users_affected_ratio
    measured["Users hurt"] = "unknown" if hurt is None else percent(hurt)
    answers = {True: "yes", False: "no", None: "unknown"}
    events = map(from_event, read_events(folder / "journal.jsonl"))
    notes = [
        (f"{event.t:.0f} s", event.text, event.by)
        for event in events
        if isinstance(event, Note) and event.by != "gameday"
    ]
    return replace(
        block,
        verdict=outcome.verdict,
        measured=measured,
        expectations=[(expectation.expr, answers[expectation.holds]) for expectation in outcome.expectations],
        notes=notes,
        link=f"{folder.name}/report.html",
    )


def render_day(content: DayContent, path: Path) -> Path:
    """Write the page to `path` and return it. Raise OSError if it can't be written."""
    words = {name: word for name, (word, _) in VERDICTS.items()}
    return page_template.write(path, "day.html.j2", {"day": content, "words": words})


def day_markdown(content: DayContent) -> str:
    """Return the day in Markdown: a table of its scenarios, decisions, and the follow-ups as a checklist."""
    rows = [
        [
            plain(block.title),
            plain(block.verdict or "not run"),
            *(plain(block.measured.get(label, "–")) for label in CLOCKS.values()),
            plain("; ".join(f"{guess.get('who')}: {guess.get('what')}" for guess in block.guesses) or "–"),
        ]
        for block in content.blocks
        if block.kind == "scenario"
    ]
    lines = [f"# {plain(content.title)}", f"{content.started[:10]}"]
    lines += ["\n".join(f"- {plain(goal)}" for goal in content.goals)] if content.goals else []
    heads = ("Block", "Verdict", *CLOCKS.values(), "Guesses")
    lines += ["\n".join(table(heads, rows))] if rows else []
    lines += ["## Decisions", *(f"- {plain(str(row.get('text', '')))}" for row in content.decisions)]
    lines += ["## Follow-ups", "\n".join(_checkbox(row) for row in content.actions) or "None."]
    return "\n\n".join(lines) + "\n"


def _checkbox(row: Mapping[str, Any]) -> str:
    due = f", due {plain(str(row['due']))}" if row.get("due") else ""
    return f"- [ ] {plain(str(row.get('text', '')))} ({plain(str(row.get('owner', '')))}{due})"

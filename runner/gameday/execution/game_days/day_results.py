"""Results of a game day: its page, and its follow-ups as Markdown, CSV and JSON for issue trackers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from gameday.execution.game_days.day_state import DayState, read_day
from gameday.execution.live_console.room_record import RecordedRoom, read_record
from gameday.recording import atomic_file
from gameday.scenario.units import seconds
from gameday_reports.pages.day_page import DayBlock, DayContent, day_markdown, read_block, render_day
from gameday_reports.run_page.header import when

PAGE = "day.html"


def write_results(folder: Path) -> Path:
    """Write the page and the exports of a day from its folder alone; return the page. Raise OSError."""
    state, record = read_day(folder), read_record(folder)
    content = _content(state, record)
    render_day(content, folder / PAGE)
    atomic_file.write(folder / "day.md", day_markdown(content))
    atomic_file.write(folder / "follow-ups.csv", _csv(record))
    issues = json.dumps(_issues(state, record), indent=1, ensure_ascii=False) + "\n"
    atomic_file.write(folder / "follow-ups.json", issues)
    return folder / PAGE


def _content(state: DayState, record: RecordedRoom) -> DayContent:
    blocks: list[DayBlock] = []
    number = 0
    for index, (planned, block) in enumerate(zip(state.plan["blocks"], state.blocks, strict=True)):
        kind = next(kind for kind in ("briefing", "scenario", "break", "debrief") if kind in planned)
        number += kind == "scenario"
        guesses = [row for row in record.guesses if row.get("block") == str(index)]
        folder = state.folder / block.runs[-1] if block.runs else None
        shown = {**planned, "for": f"{seconds(planned['for']) / 60:g} min"}
        blocks.append(read_block(kind, number, shown, block.state, folder, guesses, len(block.runs)))
    return DayContent(
        name=str(state.plan["name"]),
        title=str(state.plan["title"]),
        goals=[str(goal) for goal in state.plan.get("goals", ())],
        started=when(state.started),
        ended=when(state.ended) if state.ended else "",
        participants={
            role: ", ".join(people) for role, people in state.plan["participants"].items() if people
        },
        blocks=blocks,
        decisions=record.decisions,
        actions=record.actions,
    )


def _csv(record: RecordedRoom) -> str:
    """Return the follow-ups as CSV; a text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["action item", "owner", "due"])
    for row in record.actions:
        writer.writerow([_inert(str(row.get(key, ""))) for key in ("text", "owner", "due")])
    return out.getvalue()


def _inert(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _issues(state: DayState, record: RecordedRoom) -> list[dict[str, Any]]:
    """Return an issue for each follow-up: title, body, labels."""
    return [
        {
            "title": str(row.get("text", "")),
            "body": f"From the game day “{state.plan['title']}” of {state.started[:10]}.\n\n"
            f"Owner: {row.get('owner', '')}\nDue: {row.get('due') or 'no date'}",
            "labels": ["game-day"],
        }
        for row in record.actions
    ]

"""Record of a room: decisions, action items and guesses, in `room.json`, written whole after each change."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gameday.operator_api.live_console.page_source import Command, CommandRefused
from gameday.recording import atomic_file

FILE = "room.json"
MOST = 500
"""Entries of each kind."""


@dataclass(frozen=True)
class RecordedRoom:
    """The lists of a room; rows are plain data: a decision is {at, text, by}, an action item {text, owner, due, by}, a
    guess {block, who, what, minutes}."""

    decisions: tuple[Mapping[str, Any], ...] = ()
    actions: tuple[Mapping[str, Any], ...] = ()
    guesses: tuple[Mapping[str, Any], ...] = ()


class RoomRecord:
    """Reads and writes the record of one room. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._lists: dict[str, list[dict[str, Any]]] = {"decisions": [], "actions": [], "guesses": []}
        if path.is_file():
            self._lists.update(_read(path))

    @property
    def content(self) -> RecordedRoom:
        """Return what is recorded now."""
        with self._lock:
            return RecordedRoom(**{name: tuple(rows) for name, rows in self._lists.items()})

    def add(self, role: str, command: Command, block: str = "") -> None:
        """Add what the command says. Raise CommandRefused if it lacks something."""
        text = command.fields.get("text", "")
        if not text:
            raise CommandRefused("the text is missing")
        if command.action == "decision":
            self._append("decisions", {"at": _now(), "text": text, "by": role})
        elif command.action == "action":
            owner = command.fields.get("owner", "")
            if not owner:
                raise CommandRefused("an action item needs an owner")
            self._append("actions", {"text": text, "owner": owner, "due": _date(command), "by": role})
        else:
            who = command.fields.get("who", "")
            if not who:
                raise CommandRefused("a guess needs the name of who made it")
            guess = {"block": block, "who": who, "what": text, "minutes": _minutes(command)}
            self._append("guesses", guess)

    def _append(self, name: str, row: dict[str, Any]) -> None:
        with self._lock:
            if len(self._lists[name]) >= MOST:
                raise CommandRefused(f"there are {MOST} already")
            rows = {**self._lists, name: [*self._lists[name], row]}
            try:
                atomic_file.write(self.path, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
            except OSError as error:
                raise CommandRefused(f"can't be recorded: {error.strerror or error}") from error
            self._lists = rows


def read_record(folder: Path) -> RecordedRoom:
    """Return the record in a folder; empty if there is none."""
    return RoomRecord(folder / FILE).content


def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: [row for row in data[name] if isinstance(row, dict)]
            for name in ("decisions", "actions", "guesses")
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M} UTC"


def _date(command: Command) -> str:
    due = command.fields.get("due", "")
    try:
        return date.fromisoformat(due).isoformat() if due else ""
    except ValueError:
        raise CommandRefused("the due date must be a date such as 2026-12-31") from None


def _minutes(command: Command) -> float | None:
    given = command.fields.get("minutes", "")
    try:
        minutes = float(given) if given else None
    except ValueError:
        minutes = -1.0
    if minutes is not None and not 0 <= minutes <= 1440:
        raise CommandRefused("the minutes must be a number from 0 to 1440")
    return minutes

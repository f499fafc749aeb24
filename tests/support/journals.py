"""Journals for tests: events from their on-disk form, and files of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gameday.recording.event import Event
from gameday.recording.journal_events import JournalEvent, from_event


def typed_event(
    t: float, kind: str, subject: str = "", data: Mapping[str, Any] | None = None
) -> JournalEvent:
    """Return the typed event of this on-disk form."""
    event = from_event(Event(t, kind, subject, data or {}))
    assert isinstance(event, JournalEvent), f"unknown kind {kind!r}"
    return event


def write_journal(path: Path, events: Iterable[Event]) -> Path:
    """Append events to a journal in their on-disk form, as any version of gameday may have written them."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{event.line()}\n" for event in events)
    return path

"""Ends the journal of a run whose runner is gone, so that the run can be measured and reported like any other.

What a drill kept sealed is opened first. The runner's half last line is cut, and what it would have said is said for
it: the error, the end, each fault that went with the system, the clean-up. A journal that has its end stays as it is,
but for a note of what was still removed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from gameday.recording.event import Event
from gameday.recording.journal_events import (
    AlertResolved,
    CleanupDone,
    FaultFailed,
    FaultIntended,
    FaultReverted,
    JournalEvent,
    Note,
    PageDelivered,
    PhaseStarted,
    RunEnded,
    RunError,
    RunStarted,
    from_event,
)
from gameday.recording.sealed_files import unseal
from gameday.substrates.substrate_kind import Cleared

JOURNAL = "journal.jsonl"
CHUNK = 1 << 16


@dataclass
class Told:
    """What a journal says so far. `started`: seconds since the epoch, None where it doesn't say."""

    last: float = 0.0
    started: float | None = None
    done: bool = False
    cleaned: bool = False
    ended: bool = False
    down: bool = False
    standing: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)


def close(
    folder: Path,
    why: str,
    found: Cleared,
    *,
    by: str,
    gone: float | None = None,
    resolved: Sequence[str] = (),
) -> bool:
    """Whether the journal has its end now. `gone`: when the runner was seen to be gone, seconds since the epoch; where
    that isn't known, its last word counts. `resolved`: alerts whose page was. A disk that is full changes nothing.
    """
    try:
        unseal(folder)
        # A link isn't followed: what it leads to is no run's.
        with os.fdopen(os.open(folder / JOURNAL, os.O_RDWR | os.O_NOFOLLOW), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _cut(file)
            events = list(_events(_read(file), why, found, by, gone, resolved))
            _append(file, events)
    except OSError:
        return False
    return True


def finished(folder: Path) -> bool | None:
    """Whether the journal has its end; None where there is no journal."""
    try:
        with (folder / JOURNAL).open("rb") as file:
            return _read(file).done
    except OSError:
        return None


def _cut(file: IO[bytes]) -> None:
    """Takes back a last line without an end."""
    size = end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - CHUNK)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            end = begin + found + 1
            break
        end = begin
    if end < size:
        file.truncate(end)


def _read(file: IO[bytes]) -> Told:
    told = Told()
    file.seek(0)
    for line in file:
        try:
            record = json.loads(line)
            told.last = max(told.last, float(record["t"]))
            _take(told, from_event(Event(record["t"], record["kind"], record["subject"], record["data"])))
        except (ValueError, KeyError, TypeError):  # damaged: for the measurement to say
            continue
    return told


def _take(told: Told, event: JournalEvent | Event) -> None:
    match event:
        case RunStarted():
            told.started = datetime.fromisoformat(event.started).timestamp()
        case RunEnded():
            told.ended = True
        case CleanupDone():
            told.cleaned = True
        case PhaseStarted():
            told.down = told.down or event.phase == "down"
            told.done = told.done or event.phase == "done"
        case FaultIntended():
            told.standing.append(event.fault)
        case FaultReverted() | FaultFailed() if event.fault in told.standing:
            told.standing.remove(event.fault)
        case PageDelivered():
            told.pages.append(event.alert)
        case AlertResolved() if event.alert in told.pages:
            told.pages.remove(event.alert)


def _events(
    told: Told, why: str, found: Cleared, by: str, gone: float | None, resolved: Sequence[str]
) -> Iterator[JournalEvent]:
    """Yield what is missing, in the order in which a run writes it. Times never run backwards."""
    ended, now = (told.last if when is None else _at(told, when) for when in (gone, time.time()))
    if not told.done and not told.cleaned:
        yield RunError(where="runner", why=why, t=ended)
        if not told.ended:
            yield RunEnded(reason="error", t=ended)
        if not told.down:
            yield PhaseStarted("down", t=ended)
    if found.removed:
        yield Note(text=f"removed {', '.join(found.removed)}", by=by, t=now)
    for alert in resolved:
        if alert in told.pages:
            yield AlertResolved(alert, by=by, t=now)
    if not found.left:
        for fault in told.standing:
            yield FaultReverted(fault, by="cleanup", t=now)
    if not told.done:
        if not told.cleaned or found.left:
            yield CleanupDone(clean=not found.left, left=tuple(found.left), t=now)
        yield PhaseStarted("done", t=now)


def _at(told: Told, when: float) -> float:
    """On the run's clock."""
    return max(told.last, when - told.started) if told.started is not None else told.last


def _append(file: IO[bytes], events: Sequence[JournalEvent]) -> None:
    """All of them, durably, or none: a line that doesn't fit is taken back. Raises OSError."""
    size, text = (
        file.seek(0, os.SEEK_END),
        "".join(event.to_event().line() + "\n" for event in events).encode(),
    )
    try:
        if os.pwrite(file.fileno(), text, size) < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), size)
        raise

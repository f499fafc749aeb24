"""Closing of the journal of a run whose runner is gone, so that the run can be measured and reported like any other.

A drill's sealed files are opened first. A last line without an end is cut, and the events that the runner would have
written are appended: the error, the end, each fault that went with the system, the clean-up. A journal that is closed
already gets only a note of what was still removed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    PageFailed,
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
class JournalState:
    """What a journal says so far. `started` is in seconds since the epoch, None if the journal doesn't say."""

    last: float = 0.0
    started: float | None = None
    done: bool = False
    cleaned: bool = False
    ended: bool = False
    down: bool = False
    active_faults: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    """Alerts with a page that isn't resolved; `outside` has those that left the screen, `unresolved` those whose
    resolving failed."""
    outside: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)


def close(
    folder: Path,
    why: str,
    cleared: Cleared,
    *,
    by: str,
    gone: float | None = None,
    resolved: Sequence[str] = (),
) -> bool:
    """Close the journal of a run; return False if it can't be written, for example because the disk is full.

    `cleared` is what was removed and left. `gone` is when the runner was seen to be gone, in seconds since the epoch, by
    default the time of its last event. `resolved` names the alerts whose page was resolved.
    """
    try:
        unseal(folder)
        with _opened(folder) as file:
            events = list(_missing_events(_read(file), why, cleared, by, gone, resolved))
            _append(file, events)
    except OSError:
        return False
    return True


def record_reverted(folder: Path, fault: str) -> None:
    """Append durably that a fault was reverted, unless the journal says so already.

    Raise OSError if the journal can't be written, or another process is writing it.
    """
    with _opened(folder) as file:
        state = _read(file)
        if fault in state.active_faults:
            _append(file, [FaultReverted(fault, by="cleanup", t=_at(state, time.time()))])


def record_resolved(folder: Path, alert: str, *, by: str) -> bool:
    """Append durably that an alert's page was resolved; return False if the journal can't be written."""
    try:
        with _opened(folder) as file:
            state = _read(file)
            if alert in state.pages:
                _append(file, [AlertResolved(alert, by=by, t=_at(state, time.time()))])
    except OSError:
        return False
    return True


def open_pages(folder: Path) -> list[str]:
    """Return the alerts whose page couldn't be resolved so far, [] if there is no journal."""
    try:
        with (folder / JOURNAL).open("rb") as file:
            return list(dict.fromkeys(_read(file).unresolved))
    except OSError:
        return []


@contextmanager
def _opened(folder: Path) -> Iterator[IO[bytes]]:
    """Open and lock the journal, and cut a last line without an end. A symbolic link isn't followed."""
    with os.fdopen(os.open(folder / JOURNAL, os.O_RDWR | os.O_NOFOLLOW), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _cut(file)
        yield file


def finished(folder: Path) -> bool | None:
    """Return True if the journal is closed, None if there is none."""
    try:
        with (folder / JOURNAL).open("rb") as file:
            return _read(file).done
    except OSError:
        return None


def _cut(file: IO[bytes]) -> None:
    """Truncate the file to its last line feed."""
    size = end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - CHUNK)
        file.seek(begin)
        line_feed = file.read(end - begin).rfind(b"\n")
        if line_feed >= 0:
            end = begin + line_feed + 1
            break
        end = begin
    if end < size:
        file.truncate(end)


def _read(file: IO[bytes]) -> JournalState:
    """Read the state from all lines; skip damaged lines, which the analysis reports."""
    state = JournalState()
    file.seek(0)
    for line in file:
        try:
            record = json.loads(line)
            state.last = max(state.last, float(record["t"]))
            _take(state, from_event(Event(record["t"], record["kind"], record["subject"], record["data"])))
        except (ValueError, KeyError, TypeError):
            continue
    return state


def _take(state: JournalState, event: JournalEvent | Event) -> None:
    match event:
        case RunStarted():
            state.started = datetime.fromisoformat(event.started).timestamp()
        case RunEnded():
            state.ended = True
        case CleanupDone():
            state.cleaned = True
        case PhaseStarted():
            state.down = state.down or event.phase == "down"
            state.done = state.done or event.phase == "done"
        case FaultIntended():
            state.active_faults.append(event.fault)
        case FaultReverted() | FaultFailed() if event.fault in state.active_faults:
            state.active_faults.remove(event.fault)
        case PageDelivered():
            state.pages.append(event.alert)
            if event.to != "screen":
                state.outside.append(event.alert)
        case AlertResolved():
            state.pages = [alert for alert in state.pages if alert != event.alert]
            state.outside = [alert for alert in state.outside if alert != event.alert]
            state.unresolved = [alert for alert in state.unresolved if alert != event.alert]
        case PageFailed() if event.action == "resolve":
            state.unresolved.append(event.alert)


def _missing_events(
    state: JournalState, why: str, cleared: Cleared, by: str, gone: float | None, resolved: Sequence[str]
) -> Iterator[JournalEvent]:
    """Yield what a closed journal would hold besides, in the order in which a run writes it. Times never decrease."""
    ended, now = (state.last if when is None else _at(state, when) for when in (gone, time.time()))
    if not state.done and not state.cleaned:
        yield RunError(where="runner", why=why, t=ended)
        if not state.ended:
            yield RunEnded(reason="error", t=ended)
        if not state.down:
            yield PhaseStarted("down", t=ended)
    if cleared.removed:
        yield Note(text=f"removed {', '.join(cleared.removed)}", by=by, t=now)
    for alert in resolved:
        if alert in state.pages:
            yield AlertResolved(alert, by=by, t=now)
    if not state.done:
        for alert in dict.fromkeys(state.outside):
            if alert not in (*resolved, *state.unresolved):
                why = f"not resolved by {by} when the runner was gone"
                yield PageFailed(alert, to="", action="resolve", why=why, t=now)
    if not cleared.left:
        for fault in state.active_faults:
            yield FaultReverted(fault, by="cleanup", t=now)
    if not state.done:
        if not state.cleaned or cleared.left:
            yield CleanupDone(clean=not cleared.left, left=tuple(cleared.left), t=now)
        yield PhaseStarted("done", t=now)


def _at(state: JournalState, when: float) -> float:
    """Return a time since the epoch on the run's clock, no earlier than the last event."""
    return max(state.last, when - state.started) if state.started is not None else state.last


def _append(file: IO[bytes], events: Sequence[JournalEvent]) -> None:
    """Append all events durably, or none: truncate what didn't fit and raise OSError."""
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

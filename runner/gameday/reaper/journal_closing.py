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
from typing import IO, Any

from gameday.recording.journal import Event
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
            _take(told, record["kind"], record["subject"], record["data"])
        except (ValueError, KeyError, TypeError):  # damaged: for the measurement to say
            continue
    return told


def _take(told: Told, kind: str, subject: str, data: Any) -> None:
    match kind:
        case "run.started":
            told.started = datetime.fromisoformat(data["started"]).timestamp()
        case "run.ended":
            told.ended = True
        case "cleanup":
            told.cleaned = True
        case "phase":
            told.down = told.down or subject == "down"
            told.done = told.done or subject == "done"
        case "fault.intended":
            told.standing.append(subject)
        case "fault.reverted" | "fault.failed" if subject in told.standing:
            told.standing.remove(subject)
        case "page.delivered":
            told.pages.append(subject)
        case "alert.resolved" if subject in told.pages:
            told.pages.remove(subject)


def _events(
    told: Told, why: str, found: Cleared, by: str, gone: float | None, resolved: Sequence[str]
) -> Iterator[Event]:
    """What is missing, in the order in which a run says it. Times never run backwards."""
    ended, now = (told.last if when is None else _at(told, when) for when in (gone, time.time()))
    if not told.done and not told.cleaned:
        yield Event(ended, "run.error", "", {"where": "runner", "why": why})
        if not told.ended:
            yield Event(ended, "run.ended", "", {"reason": "error"})
        if not told.down:
            yield Event(ended, "phase", "down")
    if found.removed:
        yield Event(now, "note", "", {"text": f"removed {', '.join(found.removed)}", "by": by})
    for alert in resolved:
        if alert in told.pages:
            yield Event(now, "alert.resolved", alert, {"by": by})
    if not found.left:
        for fault in told.standing:
            yield Event(now, "fault.reverted", fault, {"by": "cleanup"})
    if not told.done:
        if not told.cleaned or found.left:
            yield Event(now, "cleanup", "", {"clean": not found.left, "left": list(found.left)})
        yield Event(now, "phase", "done")


def _at(told: Told, when: float) -> float:
    """On the run's clock."""
    return max(told.last, when - told.started) if told.started is not None else told.last


def _append(file: IO[bytes], events: Sequence[Event]) -> None:
    """All of them, durably, or none: a line that doesn't fit is taken back. Raises OSError."""
    size, text = file.seek(0, os.SEEK_END), "".join(event.line() + "\n" for event in events).encode()
    try:
        if os.pwrite(file.fileno(), text, size) < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), size)
        raise

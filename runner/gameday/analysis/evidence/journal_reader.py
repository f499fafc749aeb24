"""The journal of a run without the polls that say nothing more: of fifty a second only the last of each shard counts.

A long run has more polls than anything else; they are what the replay of detectors needs, and are left to it.
"""

from __future__ import annotations

import json
from pathlib import Path

from gameday.recording.event import Event

POLL = ',"kind":"poll",'
HEAD = 40  # characters that hold time and kind


def read_events(path: Path) -> list[Event]:
    """Whole lines of the journal by time, of the polls only the last of each shard. A last line cut short is left out.

    Raises ValueError where anything else can't be read.
    """
    found: list[Event] = []
    polls: dict[str, tuple[int, str]] = {}
    with path.open(encoding="utf-8") as lines:
        for place, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                break
            if POLL in line[:HEAD]:
                polls[line[line.find("{", 1) : line.rfind(",")]] = place, line
            else:
                found.append(_event(path, place, line))
    found += [_event(path, place, line) for place, line in polls.values()]
    return sorted(found, key=lambda event: event.t)


def _event(path: Path, number: int, line: str) -> Event:
    try:
        record = json.loads(line)
        return Event(float(record["t"]), record["kind"], record["subject"], record["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}:{number}: not a journal event: {error}") from error

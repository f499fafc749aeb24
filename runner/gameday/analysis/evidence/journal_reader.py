"""Reader of a journal without superseded polls.

There are up to fifty polls a second, and only the last of each shard counts. A long run has more polls than anything
else. Only the replay of detectors needs all of them.
"""

from __future__ import annotations

from pathlib import Path

from gameday.recording.event import Event
from gameday.recording.journal_events import Poll

POLL = f',"kind":"{Poll.KIND}",'
HEAD = 40
"""How many characters of a line hold the time and the kind."""


def read_events(path: Path) -> list[Event]:
    """Return the events of a journal by time, of the polls only the last of each shard.

    A last line cut short by a crash is left out. Raise ValueError if any other line isn't an event.
    """
    events: list[Event] = []
    polls: dict[str, tuple[int, str]] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                break
            if POLL in line[:HEAD]:
                polls[line[line.find("{", 1) : line.rfind(",")]] = number, line
            else:
                events.append(_event(path, number, line))
    events += [_event(path, number, line) for number, line in polls.values()]
    return sorted(events, key=lambda event: event.t)


def _event(path: Path, number: int, line: str) -> Event:
    try:
        return Event.from_line(line)
    except ValueError as error:
        raise ValueError(f"{path}:{number}: {error}") from error

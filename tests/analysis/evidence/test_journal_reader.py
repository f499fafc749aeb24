"""Tests of reading a long run's journal without superseded polls."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.analysis.evidence.journal_reader import read_events
from gameday.recording.journal import Event


def write(folder: Path, *events: Event, rest: str = "") -> Path:
    path = folder / "journal.jsonl"
    path.write_text("".join(event.line() + "\n" for event in events) + rest, encoding="utf-8")
    return path


def poll(t: float, shard: str, count: int) -> Event:
    return Event(t, "poll", "", {"shard": shard, "count": count})


def test_only_the_last_poll_of_each_shard_is_kept(tmp_path: Path) -> None:
    """Only the last poll of each shard is kept; all other events stay, by time."""
    other = [
        Event(0.0, "run.started", "r"),
        Event(2.0, "note", "", {"text": 'a "kind":"poll", said a person'}),
    ]
    polls = [poll(1.0, "a", 1), poll(1.1, "b", 5), poll(2.5, "b", 6), poll(3.0, "a", 2)]
    assert read_events(write(tmp_path, *other, *polls)) == [*other, *polls[2:]]


def test_a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    """A truncated last line, as a crash leaves it, is skipped."""
    path = write(
        tmp_path, poll(1.0, "a", 1), rest='{"t":2.0,"kind":"poll","subject":"","data":{"shard":"a","cou'
    )
    assert read_events(path) == [poll(1.0, "a", 1)]


def test_a_line_that_is_no_event_is_named(tmp_path: Path) -> None:
    """An invalid line is an error with its number in the file."""
    path = write(tmp_path, poll(1.0, "a", 1), rest='{"t":2.0}\n')
    with pytest.raises(ValueError, match=r"journal\.jsonl:2: not a journal event"):
        read_events(path)

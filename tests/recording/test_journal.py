"""The journal on a disk that has no room, for a while or for good."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.recording.atomic_file import unwritable
from gameday.recording.journal import Journal, read_journal
from gameday.recording.journal_events import FaultIntended, JournalEvent, Note, PhaseStarted
from tests.support.small_disk import fill, small_disk

SIZE = 64 * 1024
LONG = "x" * 3000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", SIZE) as made:
        yield made


def times_on_disk(journal: Journal) -> list[float]:
    return [event.t for event in read_journal(journal.path)]


def test_what_has_no_room_is_kept_and_written_once_there_is_some(disk: Path) -> None:
    """No event is lost or written twice. Meanwhile the file holds whole lines, and the listener gets every event."""
    heard: list[JournalEvent] = []
    journal = Journal(disk / "journal.jsonl", heard.append)
    journal.append(PhaseStarted("up"))
    filler = fill(disk)
    for t in range(1, 6):
        journal.append(Note(text=LONG, by="me", t=t))
    assert journal.trouble is not None
    assert journal.trouble.errno == errno.ENOSPC
    on_disk = times_on_disk(journal)
    assert on_disk == list(range(len(on_disk)))
    assert len(on_disk) < 6
    assert journal.path.read_bytes().endswith(b"\n")
    filler.unlink()
    journal.append(PhaseStarted("done", t=6.0))
    journal.close()
    assert times_on_disk(journal) == [0, 1, 2, 3, 4, 5, 6]
    assert [event.t for event in heard] == [0, 1, 2, 3, 4, 5, 6]


def test_what_must_be_on_disk_is_an_error(disk: Path) -> None:
    """A fault's undo that can't be written is an error, which names the file and says what to do."""
    journal = Journal(disk / "journal.jsonl")
    fill(disk)
    journal.append(Note(text=LONG, by="me"))
    with pytest.raises(OSError, match="No space left") as caught:
        journal.append(FaultIntended("f1", kind="link.down", target="x", undo={"of": LONG}), durable=True)
    said = unwritable(caught.value, Path("elsewhere"))
    assert said.startswith(
        f"{disk / 'journal.jsonl'} can't be written: No space left on device; free some space"
    )
    with pytest.raises(OSError, match="No space left"):
        journal.close()


def test_a_close_without_room_is_an_error(disk: Path) -> None:
    """It says so, and leaves whole lines behind."""
    journal = Journal(disk / "journal.jsonl")
    fill(disk)
    for t in range(3):
        journal.append(Note(text=LONG, by="me", t=t))
    with pytest.raises(OSError, match="No space left"):
        journal.close()
    journal.close()
    assert times_on_disk(journal) == list(range(len(times_on_disk(journal))))

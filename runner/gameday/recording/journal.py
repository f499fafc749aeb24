"""Journal of a run: the append-only event log `journal.jsonl`, one JSON object a line.

Journal and samples are the only hand-over from a run to its analysis and reports. The events and their keys are in
`journal_events`.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from gameday.recording.event import Event
from gameday.recording.journal_events.event_type import JournalEvent

__all__ = ["Event", "Journal", "read_journal"]


class Journal:
    """The writer of one journal; thread-safe.

    If the disk has no room for a line, the line is kept and written with the next one that has room, since taking a
    run down frees space. `trouble` is the first such error, None if there was none. `listener` is called with every
    event that is appended, `encode` turns a line into what is written.
    """

    def __init__(
        self,
        path: Path,
        listener: Callable[[JournalEvent], None] | None = None,
        encode: Callable[[str], str] = lambda line: line,
    ) -> None:
        self.path = path
        self.trouble: OSError | None = None
        self._listener = listener
        self._encode = encode
        self._lock = threading.Lock()
        self._waiting = b""
        self._file = path.open("ab", buffering=0)

    def append(self, event: JournalEvent, *, durable: bool = False) -> None:
        """Append an event. If `durable`, return once the line is on disk; raise OSError if it can't be written."""
        line = event.to_event().line()
        with self._lock:
            self._waiting += f"{self._encode(line)}\n".encode()
            try:
                self._write(durable)
            except OSError as error:
                self.trouble = self.trouble or error
                if durable:
                    raise
        if self._listener is not None:
            with suppress(OSError):  # a closed terminal must not stop the run
                self._listener(event)

    def close(self) -> None:
        """Write what is waiting and close the file. Raise OSError if there is still no room."""
        with self._lock:
            try:
                if not self._file.closed:
                    self._write(False)
            finally:
                self._file.close()

    def _write(self, durable: bool) -> None:
        """Write whole lines, or none of them."""
        size = os.fstat(self._file.fileno()).st_size
        try:
            if self._waiting and self._file.write(self._waiting) < len(self._waiting):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), size)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._waiting = b""


def read_journal(path: Path) -> Iterator[Event]:
    """Yield the events of a journal in their on-disk form. A last line cut short by a crash is left out.

    Raise ValueError if any other line isn't an event.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return
            try:
                yield Event.from_line(line)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from error

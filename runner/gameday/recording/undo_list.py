"""Undo list: the commands that revert what a run has done to a system that it doesn't own, durable before it acts.

The list is a file in the run's folder. The runner takes an entry out once it is undone; if the runner dies, the reaper
or `gameday heal` carries out what is left, the latest first.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gameday.recording import atomic_file

NAME = "undo.json"


@dataclass(frozen=True)
class UndoEntry:
    """One thing to undo: `key` names it in the list, `what` for people."""

    key: str
    what: str
    command: tuple[str, ...]
    timeout: float
    folder: str


class UndoList:
    """The entries of one run. Thread-safe."""

    def __init__(self, folder: Path, entries: Sequence[UndoEntry] = ()) -> None:
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._entries = {entry.key: entry for entry in entries}

    def add(self, entry: UndoEntry) -> None:
        """Add an entry, on disk once this returns. Raise OSError."""
        with self._lock:
            self._entries[entry.key] = entry
            self._write()

    def remove(self, key: str) -> None:
        """Take an entry out; no-op if it isn't there. Raise OSError."""
        with self._lock:
            if self._entries.pop(key, None):
                self._write()

    def get(self, key: str) -> UndoEntry | None:
        """Return an entry, None if it was undone or never added."""
        with self._lock:
            return self._entries.get(key)

    def entries(self) -> Sequence[UndoEntry]:
        """Return what is to be undone, the latest first."""
        with self._lock:
            return list(reversed(self._entries.values()))

    def _write(self) -> None:
        entries = [asdict(entry) for entry in self._entries.values()]
        with atomic_file.replacing(self._path, durable=True) as file:
            file.write(json.dumps(entries, indent=2).encode())


def read_undo_list(folder: Path) -> UndoList:
    """Return the list that a run left in its folder; empty if there is none. Raise ValueError if it isn't one.

    Reading writes nothing: a full disk or a kill meanwhile can't take an entry away.
    """
    path = folder / NAME
    if not path.is_file():
        return UndoList(folder)
    items = json.loads(path.read_text(encoding="utf-8"))
    return UndoList(folder, [UndoEntry(**{**item, "command": tuple(item["command"])}) for item in items])

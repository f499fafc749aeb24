"""Pending table: the requests that were sent and have no answer yet, in a file that the runner reads while they wait.

Each slot is a planned time, the number of a journey in the names of the shard, and whether the slot is taken. A slot is
freed before its record is committed, so that no answered request is ever seen as waiting for longer than a moment. The
file exists while the load runs and is no evidence: what the runner saw in it is in the journal.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

import numpy as np

from gameday.recording.samples.shard_layout import read_names

SLOT = struct.Struct("<dII")
LAYOUT = np.dtype([("planned", "<f8"), ("journey", "<u4"), ("taken", "<u4")])
TAKEN_AT = 12
assert SLOT.size == LAYOUT.itemsize


def pending_path(shard: Path) -> Path:
    """Return the path of the table beside a shard."""
    return shard.with_suffix(".pending")


class PendingWriter:
    """The worker's side. `slots` requests may wait at a time; further ones aren't listed.

    If the disk has no room for the table, no request is listed: the samples need the room more.
    """

    def __init__(self, shard: Path, slots: int) -> None:
        self._path = pending_path(shard)
        self._map: mmap.mmap | None = None
        self._free: list[int] = []
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            os.posix_fallocate(file, 0, slots * SLOT.size)
            self._map = mmap.mmap(file, slots * SLOT.size)
            self._free = list(range(slots))[::-1]
        except OSError:
            self._path.unlink(missing_ok=True)
        finally:
            os.close(file)

    def begin(self, planned: float, journey: int) -> int | None:
        """List a request; return its slot, None if every slot is taken."""
        if not self._free or self._map is None:
            return None
        slot = self._free.pop()
        SLOT.pack_into(self._map, slot * SLOT.size, planned, journey, 1)
        return slot

    def end(self, slot: int | None) -> None:
        """Free the slot of a request that was answered or given up."""
        if slot is not None and self._map is not None:
            struct.pack_into("<I", self._map, slot * SLOT.size + TAKEN_AT, 0)
            self._free.append(slot)

    def close(self) -> None:
        """Remove the table. Idempotent."""
        if self._map is not None:
            self._map.close()
            self._map = None
            self._path.unlink(missing_ok=True)


class PendingReader:
    """The runner's side of one shard's table. A table that isn't there, or no longer, has no requests."""

    def __init__(self, shard: Path) -> None:
        self._shard = shard
        self._path = pending_path(shard)
        self._journeys: list[str] = []

    def waiting(self, planned_until: float) -> list[tuple[float, str]]:
        """Return (planned, journey) of each waiting request planned up to `planned_until`, the oldest first."""
        try:
            slots = np.fromfile(self._path, LAYOUT)
        except FileNotFoundError:
            return []
        old = slots[(slots["taken"] == 1) & (slots["planned"] <= planned_until)]
        if not len(old):
            return []
        if int(old["journey"].max()) >= len(self._journeys):
            self._journeys = read_names(self._shard).tables["journey"]
        return sorted(
            (planned, self._journeys[journey])
            for planned, journey in zip(old["planned"].tolist(), old["journey"].tolist(), strict=True)
            if journey < len(self._journeys)
        )

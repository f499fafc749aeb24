"""One fixed-size record a request, in memory-mapped shards; the shard is both the store and the stream.

A shard is a header of `HEADER_BYTES` and then records of `RECORD`. The header holds the count of committed records:
the writer packs a record and then raises the count, so that a reader never sees half a record and SIGKILL loses none.
Names (releases, regions, …) are interned in a side file, appended and flushed before the first record that uses them.
Planned, start and end are seconds since the run's start; a request that was never sent has start = end = NaN.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAGIC = b"GDSHARD1"
HEADER_BYTES = 4096
GROW_RECORDS = 65_536
COUNT = struct.Struct("<Q")
COUNT_AT = 16
RECORD = np.dtype(
    [
        ("planned", "<f8"),
        ("start", "<f8"),
        ("end", "<f8"),
        ("user", "<u4"),
        ("order", "<u4"),  # n of the order id "<run id>-<n>"; 0 = no order
        ("total", "<i4"),  # cents acknowledged to the client; -1 = none
        ("release", "<u2"),
        ("status", "<u2"),  # 0 = no answer
        ("journey", "u1"),
        ("step", "u1"),
        ("region", "u1"),
        ("error", "u1"),  # ErrorKind
        ("correct", "u1"),  # 1 right, 0 wrong, 2 not checked (no answer to check)
        ("_pad", "u1", 3),
    ]
)
PACK = struct.Struct("<dddIIiHHBBBBB3x")
assert PACK.size == RECORD.itemsize

Records = npt.NDArray[np.void]


class ErrorKind(IntEnum):
    """Why a request is bad for availability. WRONG answers came in time with the wrong content."""

    NONE = 0
    STATUS = 1
    TIMEOUT = 2
    CONNECTION = 3
    WRONG = 4
    NOT_SENT = 5


class Names:
    """Interned names of one shard: (table, name) ↔ small integer, from 0 up in each table."""

    TABLES = ("journey", "step", "region", "release")

    def __init__(self) -> None:
        self.tables: dict[str, list[str]] = {table: [] for table in self.TABLES}

    def add(self, table: str, name: str) -> int:
        self.tables[table].append(name)
        return len(self.tables[table]) - 1


class ShardWriter:
    """Writes one shard. Grown by posix_fallocate, so that a full disk raises OSError here and never a SIGBUS."""

    def __init__(self, path: Path, *, grow: int = GROW_RECORDS) -> None:
        self.path = path
        self._grow = grow
        self._ids: dict[tuple[str, str], int] = {}
        self._names = Names()
        self._side = names_path(path).open("w", encoding="utf-8")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._count = 0
        self._capacity = 0
        self._map: mmap.mmap | None = None
        self._committed: memoryview | None = None
        try:
            self._extend()
        except OSError:
            self._side.close()
            os.close(self._file)
            raise

    def intern(self, table: str, name: str) -> int:
        """The number of `name` in `table`, written to the side file when new."""
        key = (table, name)
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = self._names.add(table, name)
            self._side.write(json.dumps([table, name]) + "\n")
            self._side.flush()
        return found

    def append(
        self,
        planned: float,
        start: float,
        end: float,
        user: int,
        order: int,
        total: int,
        release: int,
        status: int,
        journey: int,
        step: int,
        region: int,
        error: int,
        correct: int,
    ) -> None:
        """Commits one finished request."""
        if self._count == self._capacity:
            self._extend()
        assert self._map is not None
        assert self._committed is not None
        at = HEADER_BYTES + self._count * PACK.size
        PACK.pack_into(
            self._map,
            at,
            planned,
            start,
            end,
            user,
            order,
            total,
            release,
            status,
            journey,
            step,
            region,
            error,
            correct,
        )
        self._count += 1
        self._committed[0] = self._count

    def _extend(self) -> None:
        capacity = self._capacity + self._grow
        size = HEADER_BYTES + capacity * PACK.size
        os.posix_fallocate(self._file, 0, size)
        self._unmap()
        self._map = mmap.mmap(self._file, size)
        self._map[: len(MAGIC)] = MAGIC
        self._committed = memoryview(self._map)[COUNT_AT : COUNT_AT + COUNT.size].cast("Q")
        self._capacity = capacity

    def _unmap(self) -> None:
        if self._committed is not None:
            self._committed.release()
        if self._map is not None:
            self._map.close()
        self._committed = self._map = None

    def close(self) -> None:
        """Gives back the space that was grown and not used. Closing again is harmless."""
        if self._map is None:
            return
        self._map.flush()
        self._unmap()
        os.ftruncate(self._file, HEADER_BYTES + self._count * PACK.size)
        os.close(self._file)
        self._side.close()


class ShardReader:
    """Follows a shard while it is written, or reads it later. `new()` gives what was committed since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = 0
        with path.open("rb") as head:
            if head.read(len(MAGIC)) != MAGIC:
                raise ValueError(f"{path}: not a shard of samples")

    def count(self) -> int:
        """Committed records."""
        with self.path.open("rb") as file:
            file.seek(COUNT_AT)
            (count,) = COUNT.unpack(file.read(COUNT.size))
        return int(count)

    def slice(self, first: int, last: int) -> Records:
        """Records first ≤ i < last, copied."""
        if last <= first:
            return np.empty(0, RECORD)
        return np.fromfile(self.path, RECORD, count=last - first, offset=HEADER_BYTES + first * RECORD.itemsize)

    def new(self) -> Records:
        count = self.count()
        records = self.slice(self._seen, count)
        self._seen = count
        return records


@dataclass(frozen=True)
class Samples:
    """All records of a run, sorted by planned time, with the names they point to (one numbering over all shards)."""

    records: Records
    journeys: Sequence[str] = field(default_factory=tuple)
    steps: Sequence[str] = field(default_factory=tuple)
    regions: Sequence[str] = field(default_factory=tuple)
    releases: Sequence[str] = field(default_factory=tuple)


def names_path(shard: Path) -> Path:
    return shard.with_suffix(".names")


def read_names(shard: Path) -> Names:
    """The names of a shard; a last line cut short by a crash is left out (no record uses it)."""
    names = Names()
    text = names_path(shard).read_text(encoding="utf-8")
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            table, name = json.loads(line)
            names.add(table, name)
    return names


def read_samples(folder: Path) -> Samples:
    """Every shard of `folder` as one set, renumbered to common names, ordered by planned time."""
    tables: dict[str, dict[str, int]] = {table: {} for table in Names.TABLES}
    parts: list[Records] = []
    for path in sorted(folder.glob("*.shard")):
        reader = ShardReader(path)
        part = reader.slice(0, reader.count())
        for table, known in read_names(path).tables.items():
            new = np.array([tables[table].setdefault(name, len(tables[table])) for name in known] or [0])
            if len(part):
                part[table] = new[part[table]]
        parts.append(part)
    records = np.concatenate(parts) if parts else np.empty(0, RECORD)
    records = records[np.argsort(records["planned"], kind="stable")]
    order = {table: tuple(names) for table, names in tables.items()}
    return Samples(records, order["journey"], order["step"], order["region"], order["release"])

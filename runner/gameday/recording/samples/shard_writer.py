"""Writer of one shard, record by record, while others read it."""

from __future__ import annotations

import json
import mmap
import os
from pathlib import Path

from gameday.recording.samples.shard_layout import (
    COUNT,
    COUNT_AT,
    GROW_RECORDS,
    HEADER_BYTES,
    MAGIC,
    PACK,
    Names,
    names_path,
)


class ShardWriter:
    """Writes one shard. It grows by posix_fallocate, so a full disk raises OSError here and never SIGBUS.

    If there is no room for the first records, raise OSError and leave neither the shard nor its side file.
    """

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
            path.unlink(missing_ok=True)
            names_path(path).unlink(missing_ok=True)
            raise

    def intern(self, table: str, name: str) -> int:
        """Return the number of `name` in `table`; a new name is written to the side file first."""
        key = (table, name)
        number = self._ids.get(key)
        if number is None:
            number = self._ids[key] = self._names.add(table, name)
            self._side.write(json.dumps([table, name]) + "\n")
            self._side.flush()
        return number

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
        attempts: int = 1,
        primary: int = 0,
        basket: int = 0,
    ) -> None:
        """Commit one finished request. Raise OSError if the disk is full."""
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
            attempts,
            primary,
            basket,
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
        """Close the shard and give back the space that wasn't used. Idempotent."""
        if self._map is None:
            return
        self._map.flush()
        self._unmap()
        os.ftruncate(self._file, HEADER_BYTES + self._count * PACK.size)
        os.close(self._file)
        self._side.close()

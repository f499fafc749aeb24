"""Table of a run's records by column, read from the shards on demand: ten million records take 480 MB on disk.

To read a column, each shard is mapped and read once from end to end, and its pages are released behind the reader. The
small columns that nearly every question needs are read together and kept; the others are read anew each time.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gameday.recording.samples.shard_layout import HEADER_BYTES, RECORD, Records

CHUNK = 1 << 16
"""Records read at a time: 3 MB."""
FEW = 4
"""Up to so many numbers are compared one by one, which is faster than a lookup table."""
KEPT = ("journey", "step", "region", "release", "error", "correct")
"""Columns that are kept once they are read."""

Column = npt.NDArray[Any]
Places = npt.NDArray[np.int32] | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """The committed records of one shard. `numbers`: column → the common number of each of the shard's own numbers."""

    content: mmap.mmap | None
    count: int
    numbers: Mapping[str, npt.NDArray[np.integer[Any]]]

    @classmethod
    def of(cls, path: Path, count: int, numbers: Mapping[str, npt.NDArray[np.integer[Any]]]) -> Self:
        """Map the first `count` records of a shard, or as many as the file holds."""
        with path.open("rb") as file:
            held = max(0, (path.stat().st_size - HEADER_BYTES) // RECORD.itemsize)
            count = min(count, held)
            size = HEADER_BYTES + count * RECORD.itemsize
            content = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if count else None
        renumbered = {
            name: common
            for name, common in numbers.items()
            if not np.array_equal(common, np.arange(len(common)))
        }
        return cls(content, count, renumbered)

    def chunks(self) -> Iterator[tuple[slice, Records]]:
        """Yield (places in the shard, records); the records are valid until the next are read."""
        if self.content is None:
            return
        for first in range(0, self.count, CHUNK):
            last = min(first + CHUNK, self.count)
            offset = HEADER_BYTES + first * RECORD.itemsize
            yield slice(first, last), np.frombuffer(self.content, RECORD, last - first, offset)
            self._release(offset, last - first)

    def _release(self, offset: int, count: int) -> None:
        """Release mapped pages, which would count as memory of the process; the kernel keeps them cached."""
        assert self.content is not None
        page = offset - offset % mmap.PAGESIZE
        self.content.madvise(mmap.MADV_DONTNEED, page, offset - page + count * RECORD.itemsize)

    def number(self, name: str, values: Column) -> Column:
        """Return the values of a column with the common numbers of their names."""
        return self.numbers[name][values] if name in self.numbers else values


class Table:
    """Records in order of planned time, read like a structured array of `RECORD`; read-only.

    An index by name gives a column, by a slice, mask or array of indices a part of the table, by a number one record.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._kept: dict[str, Column] = {}

    def __len__(self) -> int:
        return sum(part.count for part in self._parts)

    @property
    def size(self) -> int:
        return len(self)

    def __iter__(self) -> Iterator[Any]:
        return iter(np.asarray(self))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._column(key)
        if isinstance(key, int | np.integer):
            return np.asarray(Chosen(self, slice(key, key + 1 or None)))[0]
        return Chosen(self, key)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return a copy as a structured array."""
        copied = np.zeros(len(self), RECORD)
        for name in RECORD.names or ():
            copied[name] = self[name]
        return copied if dtype is None else copied.astype(dtype)

    def _column(self, name: str) -> Column:
        if name == "planned":
            return self._sorted[0]
        if name in KEPT:
            if not self._kept:
                self._kept = self._read(KEPT)
            return self._kept[name]
        return self._read((name,))[name]

    @cached_property
    def _sorted(self) -> tuple[Column, Places | None]:
        """The planned times, ascending, and the place among them of each record in the shards.

        The places are None if the shards are in order. With places rather than an order, a column is read straight to
        where it belongs and is never in memory twice.
        """
        planned = self._columns(None, ("planned",))["planned"]
        if (planned[1:] >= planned[:-1]).all():
            return _frozen(planned), None
        places = _inverse(np.argsort(planned, kind="stable"))
        rising = np.empty_like(planned)
        for first in range(0, len(places), CHUNK):
            rising[places[first : first + CHUNK]] = planned[first : first + CHUNK]
        return _frozen(rising), places

    def _read(self, names: Sequence[str]) -> dict[str, Column]:
        return {name: _frozen(column) for name, column in self._columns(self._sorted[1], names).items()}

    def _columns(self, places: Places | None, names: Sequence[str]) -> dict[str, Column]:
        """Read columns from the shards, each record to its place."""
        columns: dict[str, Column] = {name: np.empty(len(self), RECORD[name]) for name in names}
        begin = 0
        for part in self._parts:
            for chunk, records in part.chunks():
                at = slice(begin + chunk.start, begin + chunk.stop)
                to = at if places is None else places[at].astype(np.intp)  # once for all columns
                for name, column in columns.items():
                    # A contiguous copy is stored faster than a field of a structured array.
                    column[to] = part.number(name, np.ascontiguousarray(records[name]))
                del records
            begin += part.count
        return columns


class Chosen(Table):
    """Part of a table; it copies a column when that is read."""

    def __init__(self, of: Table, key: Any) -> None:
        self._of, self._key = of, key
        if not isinstance(key, slice):
            indices = np.asarray(key)
            self._key = np.flatnonzero(indices) if indices.dtype == np.bool_ else indices

    def __len__(self) -> int:
        return (
            len(range(*self._key.indices(len(self._of)))) if isinstance(self._key, slice) else len(self._key)
        )

    def _column(self, name: str) -> Column:
        column: Column = self._of[name][self._key]
        return column


def _frozen(column: Column) -> Column:
    """Make a column read-only, since every reader shares it."""
    column.flags.writeable = False
    return column


def _inverse(order: npt.NDArray[np.intp]) -> Places:
    """Return the place of each record, given the order of the records; in the smallest integer type that fits."""
    fits = len(order) <= np.iinfo(np.int32).max
    places: Places = np.empty(len(order), np.int32) if fits else np.empty(len(order), np.int64)
    for first in range(0, len(order), CHUNK):
        last = min(first + CHUNK, len(order))
        places[order[first:last]] = np.arange(first, last, dtype=places.dtype)
    return places


def among(column: Column, wanted: Iterable[int]) -> npt.NDArray[np.bool_]:
    """Return which values of a column, all below 2¹⁶, are among `wanted`."""
    numbers, hits = [int(number) for number in wanted], np.zeros(len(column), np.bool_)
    if len(numbers) <= FEW:
        for number in numbers:
            hits |= column == number
        return hits
    is_wanted = np.zeros(1 << 16, np.bool_)
    is_wanted[numbers] = True
    for first in range(0, len(column), CHUNK):
        hits[first : first + CHUNK] = is_wanted[column[first : first + CHUNK]]
    return hits

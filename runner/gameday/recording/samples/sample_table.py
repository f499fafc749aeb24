"""The records of a run by column, read from its shards when asked for: ten million are 480 MB, of which few are needed.

A shard is mapped and read once from end to end for a column, and its pages are given back behind the reader. What
nearly every question needs, and is small, is read at one go and kept; the rest is read anew each time, and kept by
nobody.
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

CHUNK = 1 << 16  # records read at a time: 3 MB
FEW = 4  # numbers that are sooner compared one by one than looked up
KEPT = ("journey", "step", "region", "release", "error", "correct")

Column = npt.NDArray[Any]
Places = npt.NDArray[np.int32] | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """The committed records of one shard. `numbers` of a column: its own number of a name → the common one."""

    content: mmap.mmap | None
    count: int
    numbers: Mapping[str, npt.NDArray[np.integer[Any]]]

    @classmethod
    def of(cls, path: Path, count: int, numbers: Mapping[str, npt.NDArray[np.integer[Any]]]) -> Self:
        """`count` records of the shard, or as many as are there."""
        with path.open("rb") as file:
            held = max(0, (path.stat().st_size - HEADER_BYTES) // RECORD.itemsize)
            count = min(count, held)
            size = HEADER_BYTES + count * RECORD.itemsize
            content = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if count else None
        moved = {
            name: each for name, each in numbers.items() if not np.array_equal(each, np.arange(len(each)))
        }
        return cls(content, count, moved)

    def chunks(self) -> Iterator[tuple[slice, Records]]:
        """(their places in the shard, records), which are gone when the next are asked for."""
        if self.content is None:
            return
        for first in range(0, self.count, CHUNK):
            last = min(first + CHUNK, self.count)
            offset = HEADER_BYTES + first * RECORD.itemsize
            yield slice(first, last), np.frombuffer(self.content, RECORD, last - first, offset)
            self._give_back(offset, last - first)

    def _give_back(self, offset: int, count: int) -> None:
        """Pages of a map count as memory of the process until told otherwise; the kernel keeps them cached."""
        assert self.content is not None
        page = offset - offset % mmap.PAGESIZE
        self.content.madvise(mmap.MADV_DONTNEED, page, offset - page + count * RECORD.itemsize)

    def number(self, name: str, values: Column) -> Column:
        """Values of a column with the common numbers of their names."""
        return self.numbers[name][values] if name in self.numbers else values


class Table:
    """Records in order of planned time, read like a structured array of `RECORD` and never written.

    By name it gives a column, by a slice, a mask or indices the part of the table they choose, by a number one record.
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
        """All of it as a structured array, copied."""
        found = np.zeros(len(self), RECORD)
        for name in RECORD.names or ():
            if name != "_pad":
                found[name] = self[name]
        return found if dtype is None else found.astype(dtype)

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
        """Planned times, rising, and the place among them of each record in the shards; None where they lie in order.

        Kept the way round that lets a column be read straight to where it belongs: it is never there twice.
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
        """These columns, each record at its place."""
        columns: dict[str, Column] = {name: np.empty(len(self), RECORD[name]) for name in names}
        begin = 0
        for part in self._parts:
            for chunk, records in part.chunks():
                at = slice(begin + chunk.start, begin + chunk.stop)
                to = at if places is None else places[at].astype(np.intp)  # once for all columns
                for name, column in columns.items():
                    column[to] = part.number(
                        name, np.ascontiguousarray(records[name])
                    )  # put sooner than a field is
                del records
            begin += part.count
        return columns


class Chosen(Table):
    """Some of the records of a table: no column of its own until it is asked for."""

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
        found: Column = self._of[name][self._key]
        return found


def _frozen(column: Column) -> Column:
    """What is kept is seen by all who ask."""
    column.flags.writeable = False
    return column


def _inverse(order: npt.NDArray[np.intp]) -> Places:
    """Where each comes, of an order that says which comes where; as small as they fit."""
    fits = len(order) <= np.iinfo(np.int32).max
    places: Places = np.empty(len(order), np.int32) if fits else np.empty(len(order), np.int64)
    for first in range(0, len(order), CHUNK):
        last = min(first + CHUNK, len(order))
        places[order[first:last]] = np.arange(first, last, dtype=places.dtype)
    return places


def among(column: Column, wanted: Iterable[int]) -> npt.NDArray[np.bool_]:
    """Which values of a column of numbers under 2¹⁶ are any of `wanted`."""
    numbers, found = [int(each) for each in wanted], np.zeros(len(column), np.bool_)
    if len(numbers) <= FEW:
        for number in numbers:
            found |= column == number
        return found
    hit = np.zeros(1 << 16, np.bool_)
    hit[numbers] = True
    for first in range(0, len(column), CHUNK):
        found[first : first + CHUNK] = hit[column[first : first + CHUNK]]
    return found

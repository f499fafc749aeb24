"""Shard tail: follows the shards while the load writes them. What the records mean is left to `gameday.slo`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gameday.recording.samples import RECORD, Names, Records, Samples, ShardReader, names_path, read_names


@dataclass(frozen=True)
class News:
    """New records of one shard in commit order, with its name and the number of records committed so far."""

    shard: str
    count: int
    samples: Samples


class _Shard:
    """One shard, and the mapping of its name numbers to the common ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._reader = ShardReader(path)
        self._names_size = -1
        self._common: dict[str, npt.NDArray[np.intp]] = {}

    def new(self, tables: dict[str, dict[str, int]]) -> Records:
        records = self._reader.new()
        self.count += len(records)
        if len(records):
            self._read_names(tables)
            for table in Names.TABLES:
                records[table] = self._common[table][records[table]]
        return records

    def _read_names(self, tables: dict[str, dict[str, int]]) -> None:
        size = names_path(self.path).stat().st_size
        if size == self._names_size:
            return
        self._names_size = size
        for table, names in read_names(self.path).tables.items():
            known = tables[table]
            self._common[table] = np.array(
                [known.setdefault(name, len(known)) for name in names] or [0], np.intp
            )


class Tail:
    """Every shard of the load, as one set of names."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the shards. Raise OSError if one can't be read, ValueError if it isn't a shard."""
        self._shards = [_Shard(path) for path in paths]
        self._tables: dict[str, dict[str, int]] = {table: {} for table in Names.TABLES}
        self._parts: list[Records] = []
        self._all = np.empty(0, RECORD)

    def new(self) -> Iterator[News]:
        """Yield what was committed since the last call, for each shard with new records."""
        for shard in self._shards:
            records = shard.new(self._tables)
            if len(records):
                self._parts.append(records)
                yield News(shard.path.name, shard.count, self._samples(records))

    def seen(self) -> list[tuple[str, int]]:
        """Return each shard's name with the number of its records read so far."""
        return [(shard.path.name, shard.count) for shard in self._shards]

    def samples(self) -> Samples:
        """Return all records so far, sorted by planned time."""
        if self._parts:
            records = np.concatenate([self._all, *self._parts])
            self._all = records[np.argsort(records["planned"], kind="stable")]
            self._parts.clear()
        return self._samples(self._all)

    def _samples(self, records: Records) -> Samples:
        names = {table: tuple(known) for table, known in self._tables.items()}
        return Samples(records, names["journey"], names["step"], names["region"], names["release"])

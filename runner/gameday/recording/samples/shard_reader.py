"""Readers of shards: one follows a shard while it is written, one reads all shards of a run as one set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np

from gameday.recording.samples.sample_table import Part, Table
from gameday.recording.samples.shard_layout import (
    COUNT,
    COUNT_AT,
    HEADER_BYTES,
    MAGIC,
    RECORD,
    Names,
    Records,
    read_names,
)


class ShardReader:
    """Follows a shard while it is written, or reads it later.

    A shard that its writer hasn't begun, empty or of zeros, has no records yet. Raise ValueError if the file isn't a
    shard, OSError if it can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = 0
        if not path.is_file():
            raise ValueError(f"{path}: not a shard of samples: it isn't a regular file")
        with path.open("rb") as file:
            head = file.read(COUNT_AT + COUNT.size)
        if any(head) and not head.startswith(MAGIC[: len(head)]):
            raise ValueError(f"{path}: not a shard of samples")

    def count(self) -> int:
        """Return the number of committed records."""
        with self.path.open("rb") as file:
            file.seek(COUNT_AT)
            count = file.read(COUNT.size)
        return int(COUNT.unpack(count)[0]) if len(count) == COUNT.size else 0

    def slice(self, first: int, last: int) -> Records:
        """Return a copy of the records first ≤ i < last."""
        if last <= first:
            return np.empty(0, RECORD)
        return np.fromfile(
            self.path, RECORD, count=last - first, offset=HEADER_BYTES + first * RECORD.itemsize
        )

    def new(self) -> Records:
        """Return the records committed since the last call."""
        count = self.count()
        records = self.slice(self._seen, count)
        self._seen = count
        return records


@dataclass(frozen=True)
class Samples:
    """All records of a run, sorted by planned time, with their names in one numbering over all shards.

    `records` is a structured array of `RECORD`, or a `Table`, which is read like one. Each sequence maps the numbers in
    the column of that kind to names.
    """

    records: Records
    journeys: Sequence[str] = field(default_factory=tuple)
    steps: Sequence[str] = field(default_factory=tuple)
    regions: Sequence[str] = field(default_factory=tuple)
    releases: Sequence[str] = field(default_factory=tuple)
    primaries: Sequence[str] = field(default_factory=tuple)

    def part(self, records: Records) -> Samples:
        """Return other records with the same names."""
        return replace(self, records=records)


def read_samples(folder: Path) -> Samples:
    """Read every shard of `folder` as one set, renumbered to common names, ordered by planned time.

    The set holds what is committed now; its columns are read on demand. A file too short for a header is skipped: its
    writer ended before its first record.
    """
    tables: dict[str, dict[str, int]] = {table: {} for table in Names.TABLES}
    parts: list[Part] = []
    for path in sorted(folder.glob("*.shard")):
        if path.is_file() and path.stat().st_size < HEADER_BYTES:
            continue
        count, known = ShardReader(path).count(), read_names(path).tables
        numbers = {
            table: np.array([tables[table].setdefault(name, len(tables[table])) for name in names] or [0])
            for table, names in known.items()
        }
        parts.append(Part.of(path, count, numbers))
    order = {table: tuple(names) for table, names in tables.items()}
    records = cast(Records, Table(parts))  # reads like a structured array, which wouldn't fit into memory
    return Samples(records, *(order[table] for table in Names.TABLES))

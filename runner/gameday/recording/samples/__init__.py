"""Samples: one fixed-size record for each request, in memory-mapped shards that are both store and stream.

A shard is a header of `HEADER_BYTES` and then records of `RECORD`. The header holds the count of committed records:
the writer packs a record and then raises the count, so a reader never sees half a record and SIGKILL loses none.
Names (releases, regions, …) are interned in a side file, appended and flushed before the first record that uses them.
Planned, start and end are in seconds since the run's start; a request that was never sent has start = end = NaN.

`shard_layout` is the layout, `shard_writer` writes a shard, `shard_reader` follows one or reads all of a run, and
`sample_table` holds them by column, so that ten million requests fit into memory.
"""

from gameday.recording.samples.pending_table import PendingReader, PendingWriter, pending_path
from gameday.recording.samples.sample_table import Table, among
from gameday.recording.samples.shard_layout import (
    COUNT,
    COUNT_AT,
    GROW_RECORDS,
    HEADER_BYTES,
    MAGIC,
    PACK,
    RECORD,
    ErrorKind,
    Names,
    Records,
    basket_mark,
    names_path,
    read_names,
)
from gameday.recording.samples.shard_reader import Samples, ShardReader, read_samples
from gameday.recording.samples.shard_writer import ShardWriter

__all__ = [
    "COUNT",
    "COUNT_AT",
    "GROW_RECORDS",
    "HEADER_BYTES",
    "MAGIC",
    "PACK",
    "RECORD",
    "ErrorKind",
    "Names",
    "PendingReader",
    "PendingWriter",
    "Records",
    "Samples",
    "ShardReader",
    "ShardWriter",
    "Table",
    "among",
    "basket_mark",
    "names_path",
    "pending_path",
    "read_names",
    "read_samples",
]

"""One fixed-size record a request, in memory-mapped shards; the shard is both the store and the stream.

A shard is a header of `HEADER_BYTES` and then records of `RECORD`. The header holds the count of committed records:
the writer packs a record and then raises the count, so that a reader never sees half a record and SIGKILL loses none.
Names (releases, regions, …) are interned in a side file, appended and flushed before the first record that uses them.
Planned, start and end are seconds since the run's start; a request that was never sent has start = end = NaN.

`record` is the layout, `writer` writes a shard, `reader` follows one or reads all of a run, `table` is what it reads
them into: columns, so that ten million requests fit.
"""

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
    "Records",
    "Samples",
    "ShardReader",
    "ShardWriter",
    "Table",
    "among",
    "names_path",
    "read_names",
    "read_samples",
]

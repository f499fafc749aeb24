"""One fixed-size record a request, in memory-mapped shards; the shard is both the store and the stream.

A shard is a header of `HEADER_BYTES` and then records of `RECORD`. The header holds the count of committed records:
the writer packs a record and then raises the count, so that a reader never sees half a record and SIGKILL loses none.
Names (releases, regions, …) are interned in a side file, appended and flushed before the first record that uses them.
Planned, start and end are seconds since the run's start; a request that was never sent has start = end = NaN.

`record` is the layout, `writer` writes a shard, `reader` follows one or reads all of a run, `table` is what it reads
them into: columns, so that ten million requests fit.
"""

from runner.samples.reader import Samples, ShardReader, read_samples
from runner.samples.record import (
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
from runner.samples.table import Table, among
from runner.samples.writer import ShardWriter

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

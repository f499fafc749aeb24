"""The layout of a shard: its header, its record, the kinds of error, and the names in the file beside it."""

from __future__ import annotations

import json
import struct
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
        (
            "attempts",
            "u1",
        ),  # how often it was sent: 1 = once, 0 = never, or a shard from before that was told
        ("_pad", "u1", 2),
    ]
)
PACK = struct.Struct("<dddIIiHHBBBBBB2x")
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

"""Layout of a shard: header, record, kinds of error, and the names in the side file."""

from __future__ import annotations

import json
import struct
import zlib
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
        ("attempts", "u1"),  # how often it was sent; 0 = never, or a shard of an older version
        ("primary", "u1"),  # the database that took part in the answer; in a shard of an older version, none
        ("basket", "u1"),  # basket_mark of the ordered items; 0 = no order, or a shard of an older version
    ]
)
PACK = struct.Struct("<dddIIiHHBBBBBBBB")
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
    """Interned names of one shard: each table numbers its names from 0 up."""

    TABLES = ("journey", "step", "region", "release", "primary")

    def __init__(self) -> None:
        self.tables: dict[str, list[str]] = {table: [] for table in self.TABLES}

    def add(self, table: str, name: str) -> int:
        """Add a name and return its number."""
        self.tables[table].append(name)
        return len(self.tables[table]) - 1


def basket_mark(items: str) -> int:
    """Return a byte that tells most baskets apart, never 0, from the JSON of the items in the order of their products."""
    return zlib.crc32(items.encode()) % 255 + 1


def names_path(shard: Path) -> Path:
    """Return the path of a shard's side file."""
    return shard.with_suffix(".names")


def read_names(shard: Path) -> Names:
    """Read the names of a shard. A last line cut short by a crash is left out, since no record uses it."""
    names = Names()
    text = names_path(shard).read_text(encoding="utf-8")
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            table, name = json.loads(line)
            names.add(table, name)
    return names

"""Shared memory of killed databases, in the kernel's own tables."""

from __future__ import annotations

import ctypes
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gameday.substrates.process import shared_memory
from tests.support.nonempty_all import nonempty_all

CREATE = 0o3600  # IPC_CREAT | IPC_EXCL, and ours alone
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p


@dataclass
class Database:
    """The leftovers of a database: a segment that names a control segment that names a third, and
    its pid file."""

    work: Path
    key: int
    segment: int
    files: list[Path]

    @property
    def note(self) -> Path:
        return self.work / "volumes" / "us-east-data" / "postmaster.pid"

    def write(self, creator: int, key: int) -> None:
        """Write the pid file as Postgres does: a negative key as an unsigned number of 64 bits."""
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self.note.write_text(
            f"{creator}\n/data\n1\n2\n\n127.0.0.1\n {key % 2**64:9} {self.segment:9}\nready\n"
        )

    def exists(self) -> bool:
        rows = (line.split() for line in shared_memory.TABLE.read_text().splitlines()[1:])
        return any(int(row[1]) == self.segment for row in rows)

    def attach(self) -> int:
        at = LIBC.shmat(self.segment, None, 0)
        assert at not in (None, shared_memory.FAILED)
        return int(at)


@pytest.fixture(params=[0, 1], ids=["key", "negative-key"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    handles = [secrets.randbits(30) for _ in range(2)]
    files = [shared_memory.DYNAMIC / f"PostgreSQL.{handle}" for handle in handles]
    item = shared_memory.ITEM.pack(handles[1], 2)
    files[0].write_bytes(shared_memory.CONTROL.pack(shared_memory.CONTROL_WORD, 1, 64) + item)
    files[1].write_bytes(b"data")
    key = secrets.randbits(31) - (request.param << 31)
    database = Database(tmp_path, key, LIBC.shmget(key, 56, CREATE), files)
    at = database.attach()
    header = shared_memory.HEADER.pack(shared_memory.HEADER_WORD, os.getpid(), 56, 56, handles[0])
    ctypes.memmove(at, header, len(header))
    LIBC.shmdt(ctypes.c_void_p(at))
    yield database
    LIBC.shmctl(database.segment, shared_memory.REMOVE, None)
    for path in files:
        path.unlink(missing_ok=True)


def test_all_of_a_database(database: Database) -> None:
    """Removal covers the segment and the segments that it points to."""
    database.write(os.getpid(), database.key)
    assert shared_memory.remove(database.work) == 3
    assert not database.exists()
    assert not any(path.exists() for path in database.files)
    assert shared_memory.remove(database.work) == 0


def test_one_that_served_a_single_user(database: Database) -> None:
    """A single-user server, as `pg_rewind` starts it, notes its pid as a negative number."""
    database.write(-os.getpid(), database.key)
    assert shared_memory.remove_of(database.note.parent) == 3
    assert not database.exists()


@pytest.mark.parametrize(("creator", "key"), [(1, 0), (0, 1)])
def test_a_reused_id_is_left_alone(database: Database, creator: int, key: int) -> None:
    """A reused id is recognised by its creator and its key."""
    database.write(os.getpid() + creator, database.key + key)
    assert shared_memory.remove(database.work) == 0
    assert database.exists()
    assert database.files
    assert nonempty_all(path.exists() for path in database.files)


def test_one_in_use(database: Database) -> None:
    """A segment is kept while a process is attached."""
    database.write(os.getpid(), database.key)
    at = database.attach()
    assert shared_memory.remove(database.work) == 0
    LIBC.shmdt(ctypes.c_void_p(at))
    assert shared_memory.remove(database.work) == 3


def test_a_note_of_no_use(database: Database) -> None:
    """A pid file that is truncated, or was left by a clean shutdown, is ignored."""
    database.note.parent.mkdir(parents=True)
    database.note.write_text("77\n/data\n")
    assert shared_memory.remove(database.work) == 0
    database.note.unlink()
    assert shared_memory.remove(database.work) == 0

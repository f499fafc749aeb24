"""Shared memory that a database left when it was killed: System V segments, and the files in /dev/shm they point to.

Postgres notes the segment in `postmaster.pid` of its data: key, id, and who created it. Only where all three agree with
what the kernel says, and nobody is attached, is it removed. Its first bytes (`PGShmemHeader`) name the control segment
of dynamic shared memory, which names all others (`dsm_control_header`, as of Postgres 18); each has a word to know it
by.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TABLE = Path("/proc/sysvipc/shm")
DYNAMIC = Path("/dev/shm")  # noqa: S108 - where Postgres puts them
NOTE = "postmaster.pid"
HEADER = struct.Struct("=iiQQI")
HEADER_WORD = 679834894
CONTROL = struct.Struct("=III4x")
CONTROL_WORD = 0x9A503D32
ITEM = struct.Struct("=II32x")
READ_ONLY = 0o10000
REMOVE = 0
FAILED = ctypes.c_void_p(-1).value


def remove(work: Path) -> int:
    """How many were removed of databases whose data lies below `work`."""
    return sum(
        remove_of(note.parent) for depth in ("*", "*/*") for note in sorted(work.glob(f"{depth}/{NOTE}"))
    )


def remove_of(data: Path) -> int:
    """How many were removed of the database in `data`.

    Whoever destroys or replaces these does this first, for without its note nobody finds them any more.
    """
    note = data / NOTE
    try:
        lines = note.read_text(encoding="utf-8").splitlines()
        # A server for a single user has noted its pid as a negative number, and the key may be one.
        creator, (key, segment) = abs(int(lines[0])), (int(word) for word in lines[6].split())
    except (OSError, ValueError, IndexError):
        return 0
    if (key % 2**32, segment, creator) not in set(_unattached()):
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    control = _control(libc, segment, creator)
    removed = 0 if libc.shmctl(segment, REMOVE, None) else 1
    return removed + (_remove_dynamic(control) if control else 0)


def _unattached() -> Iterator[tuple[int, int, int]]:
    """(key, id, who created it) of segments that nobody is attached to."""
    with suppress(OSError):
        names, *rows = (line.split() for line in TABLE.read_text(encoding="ascii").splitlines())
        for row in rows:
            each = dict(zip(names, map(int, row), strict=True))
            if not each["nattch"]:
                yield each["key"] % 2**32, each["shmid"], each["cpid"]


def _control(libc: ctypes.CDLL, segment: int, creator: int) -> int | None:
    """The handle of the control segment."""
    libc.shmat.restype = ctypes.c_void_p
    at = libc.shmat(segment, None, READ_ONLY)
    if at in (None, FAILED):
        return None
    try:
        word, pid, _, _, handle = HEADER.unpack(ctypes.string_at(at, HEADER.size))
    finally:
        libc.shmdt(ctypes.c_void_p(at))
    return handle if word == HEADER_WORD and pid == creator and handle else None


def _remove_dynamic(control: int) -> int:
    path = DYNAMIC / f"PostgreSQL.{control}"
    try:
        content = path.read_bytes()
        word, used, _ = CONTROL.unpack_from(content)
    except (OSError, struct.error):
        return 0
    if word != CONTROL_WORD:
        return 0
    items = [ITEM.unpack_from(content, CONTROL.size + number * ITEM.size) for number in range(used)]
    paths = [DYNAMIC / f"PostgreSQL.{handle}" for handle, references in items if references] + [path]
    return sum(_unlink(each) for each in paths)


def _unlink(path: Path) -> int:
    try:
        path.unlink()
    except OSError:
        return 0
    return 1

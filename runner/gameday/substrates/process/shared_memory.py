"""Shared memory that a killed database leaves: System V segments, and the files in /dev/shm that they point to.

Postgres notes key, id and creator of its segment in `postmaster.pid` of its data. The segment is removed only if all
three agree with the kernel's table and no process is attached. Its first bytes (`PGShmemHeader`) name the control
segment of dynamic shared memory, which names all others (`dsm_control_header`, as of Postgres 18); each is known by a
magic number.
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
    """Remove the shared memory of databases whose data lie below `work`; return how many segments and files."""
    return sum(
        remove_of(note.parent) for depth in ("*", "*/*") for note in sorted(work.glob(f"{depth}/{NOTE}"))
    )


def remove_of(data: Path) -> int:
    """Remove the shared memory of the database in `data`; return how many segments and files.

    Call it before the data are destroyed or replaced: the segments can't be found without the note in them.
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
    """Yield (key, id, pid of the creator) of every segment that no process is attached to."""
    with suppress(OSError):
        names, *rows = (line.split() for line in TABLE.read_text(encoding="ascii").splitlines())
        for row in rows:
            segment = dict(zip(names, map(int, row), strict=True))
            if not segment["nattch"]:
                yield segment["key"] % 2**32, segment["shmid"], segment["cpid"]


def _control(libc: ctypes.CDLL, segment: int, creator: int) -> int | None:
    """Return the handle of the control segment, or None if the segment isn't Postgres's."""
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
    return sum(_unlink(path) for path in paths)


def _unlink(path: Path) -> int:
    try:
        path.unlink()
    except OSError:
        return 0
    return 1

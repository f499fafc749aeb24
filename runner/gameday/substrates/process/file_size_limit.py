"""Bounds how large the files of other processes may get (RLIMIT_FSIZE), or lifts it: a program of its own.

`filecap.py cap BYTES [--folder F]... [--pid N]...` lets no file grow beyond the largest one below the folders, BYTES at
least; `filecap.py lift [--pid N]...` takes it back. Without pids: every process of this namespace. Nothing but the
standard library, and a process of its own, since it may have to become the user whose processes they are, and since it
is also run inside containers, from its source.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
from pathlib import Path

ROOM = 16 * 1024
"""For last words in a log, beyond its size."""


def largest(folders: list[str]) -> int:
    """Size of the largest file below the folders, 0 where there is none."""
    sizes = [0]
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                try:
                    sizes.append(os.lstat(os.path.join(place, name)).st_size)  # noqa: PTH118 - thousands of them
                except OSError:
                    continue
    return max(sizes)


def bound(pid: int, size: int | None) -> None:
    """Only the soft bound, which the same user may raise again. Raises OSError."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    soft = size if size is not None and (most == resource.RLIM_INFINITY or size < most) else most
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, most))


def bound_as_owner(pid: int, size: int | None) -> None:
    """In a child that becomes the owner of the process, where we ourselves may not. Raises OSError."""
    owner = Path(f"/proc/{pid}").stat()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
            os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
            bound(pid, size)
            status = 0
        except ProcessLookupError:
            status = 0  # ended meanwhile
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise PermissionError(f"process {pid} is of user {owner.st_uid}, and we may not bound it")


def everybody() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]  # noqa: PTH208


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    cap, lift = commands.add_parser("cap"), commands.add_parser("lift")
    cap.add_argument("least", type=int)
    cap.add_argument("--folder", action="append", default=[])
    for command in (cap, lift):
        command.add_argument("--pid", type=int, action="append")
    told = parser.parse_args()
    size = max(told.least, largest(told.folder)) if told.command == "cap" else None
    for pid in told.pid or everybody():
        try:
            try:
                bound(pid, size)
            except PermissionError:
                bound_as_owner(pid, size)
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        except OSError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()

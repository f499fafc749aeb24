"""File size limit (RLIMIT_FSIZE) on other processes, set or lifted by a program of its own.

`file_size_limit.py cap BYTES [--folder F]... [--pid N]...` lets no file grow beyond the largest one below the folders, at
least BYTES; `file_size_limit.py lift [--pid N]...` lifts the limit. Without pids: every process of this namespace. The
program needs only the standard library. It is a process of its own, because it may have to become the owner of the
processes, and because it is also run inside containers, from its source.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
from pathlib import Path

ROOM = 16 * 1024
"""Bytes that a log may still grow by, for last words."""


def largest(folders: list[str]) -> int:
    """Return the size of the largest file below the folders, 0 if there is none."""
    sizes = [0]
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                try:
                    sizes.append(os.lstat(os.path.join(place, name)).st_size)  # noqa: PTH118 - thousands of them
                except OSError:
                    continue
    return max(sizes)


def limit(pid: int, size: int | None) -> None:
    """Set the soft limit, which the same user may raise again; None lifts it. Raise OSError."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    soft = size if size is not None and (most == resource.RLIM_INFINITY or size < most) else most
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, most))


def limit_as_owner(pid: int, size: int | None) -> None:
    """Set the limit in a child that becomes the owner of the process. Raise OSError if that isn't permitted."""
    owner = Path(f"/proc/{pid}").stat()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
            os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
            limit(pid, size)
            status = 0
        except ProcessLookupError:
            status = 0  # ended meanwhile
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise PermissionError(f"no permission to limit process {pid} of user {owner.st_uid}")


def every_process() -> list[int]:
    """Return the pid of every process but this one."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]  # noqa: PTH208


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    cap, lift = commands.add_parser("cap"), commands.add_parser("lift")
    cap.add_argument("least", type=int)
    cap.add_argument("--folder", action="append", default=[])
    for command in (cap, lift):
        command.add_argument("--pid", type=int, action="append")
    options = parser.parse_args()
    size = max(options.least, largest(options.folder)) if options.command == "cap" else None
    for pid in options.pid or every_process():
        try:
            try:
                limit(pid, size)
            except PermissionError:
                limit_as_owner(pid, size)
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        except OSError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()

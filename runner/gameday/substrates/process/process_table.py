"""Process table: which processes belong together, from one pass over /proc that several callers share.

Processes are found as descendants and by the environment that they inherit (GAMEDAY_RUN, GAMEDAY_INSTANCE): a process
that calls setsid and loses its parent is found neither by group nor by parent, and Postgres overwrites its children's
environment.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

RUN = "GAMEDAY_RUN"
INSTANCE = "GAMEDAY_INSTANCE"
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Parent and processor time of a process; `cpu` is in seconds and includes the children that it has reaped."""

    pid: int
    parent: int
    cpu: float


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - hundreds a second
        return file.read()


def usage(pid: int) -> Usage | None:
    """Return what a process has used, or None if it has ended."""
    try:
        content = _read(pid, "stat")
    except OSError:
        return None
    fields = content[content.rindex(b")") + 2 :].split()
    return Usage(pid, int(fields[1]), sum(map(int, fields[11:15])) / TICKS)


def pids() -> Iterator[int]:
    """Yield the pid of every process of the machine."""
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208 - names alone, and often


def marks(pid: int) -> tuple[str | None, str | None]:
    """Return run and instance from a process's environment; None if they are unset or can't be read."""
    values: dict[bytes, str] = {}
    with contextlib.suppress(OSError):
        for entry in _read(pid, "environ").split(b"\0"):
            if entry.startswith(b"GAMEDAY_"):
                key, _, value = entry.partition(b"=")
                values[key] = os.fsdecode(value)
    return values.get(RUN.encode()), values.get(INSTANCE.encode())


class ProcessTable:
    """Every process of the machine at one moment; environments are read when they are first needed."""

    def __init__(self) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        self._all: list[int] = []
        for pid in pids():
            if process := usage(pid):
                self._all.append(pid)
                self._children[process.parent].append(pid)

    @cached_property
    def _marked(self) -> dict[tuple[str | None, str | None], list[int]]:
        marked: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
        for pid in self._all:
            if pid != os.getpid():
                marked[marks(pid)].append(pid)
        return marked

    def marked(self, run_id: str, instance: str | None = None) -> list[int]:
        """Return the pids of the run (of one instance of it) whose environment can be read, except this process's."""
        if instance is not None:
            return self._marked.get((run_id, instance), [])
        return [pid for (run, _), members in self._marked.items() if run == run_id for pid in members]

    def with_children(self, roots: Iterable[int]) -> list[int]:
        """Return the roots and all their descendants, parents first, each once."""
        members = dict.fromkeys(roots)
        waiting = list(members)
        for pid in waiting:
            fresh = [child for child in self._children.get(pid, ()) if child not in members]
            members.update(dict.fromkeys(fresh))
            waiting += fresh
        return list(members)


def resident(family: Iterable[int]) -> int:
    """Return the bytes of memory that the processes hold.

    Shared memory (files, Postgres's buffers) counts once, as the most that any one of them has.
    """
    own, shared = 0, 0
    for pid in family:
        with contextlib.suppress(OSError, IndexError):
            fields = _read(pid, "statm").split()
            own += int(fields[1]) - int(fields[2])
            shared = max(shared, int(fields[2]))
    return (own + shared) * PAGE

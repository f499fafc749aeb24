"""Which processes belong together, from one pass over /proc that many askers share; signals are the tree's.

They are found twice over: as descendants, and by the environment that they inherit (GAMEDAY_RUN, GAMEDAY_INSTANCE),
since whoever calls setsid and loses its parent is seen by neither group nor parent, and Postgres overwrites its
children's environment.
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
    """One process as it was. `cpu`: seconds of it and of the children that it has reaped."""

    pid: int
    parent: int
    cpu: float


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - hundreds a second
        return file.read()


def usage(pid: int) -> Usage | None:
    """None where it is gone."""
    try:
        words = _read(pid, "stat")
    except OSError:
        return None
    fields = words[words.rindex(b")") + 2 :].split()
    return Usage(pid, int(fields[1]), sum(map(int, fields[11:15])) / TICKS)


def pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208 - names alone, and often


def marks(pid: int) -> tuple[str | None, str | None]:
    """Run and instance of its environment; None where there are none, or we may not look."""
    found: dict[bytes, str] = {}
    with contextlib.suppress(OSError):
        for word in _read(pid, "environ").split(b"\0"):
            if word.startswith(b"GAMEDAY_"):
                key, _, value = word.partition(b"=")
                found[key] = os.fsdecode(value)
    return found.get(RUN.encode()), found.get(INSTANCE.encode())


class Census:
    """Every process of the machine at one moment; the environment is looked at when somebody asks for it."""

    def __init__(self) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        self._all: list[int] = []
        for pid in pids():
            if found := usage(pid):
                self._all.append(pid)
                self._children[found.parent].append(pid)

    @cached_property
    def _marked(self) -> dict[tuple[str | None, str | None], list[int]]:
        found: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
        for pid in self._all:
            if pid != os.getpid():
                found[marks(pid)].append(pid)
        return found

    def marked(self, run_id: str, instance: str | None = None) -> list[int]:
        """Processes of the run (of one instance of it) that we may look into, but never ourselves."""
        if instance is not None:
            return self._marked.get((run_id, instance), [])
        return [pid for (run, _), found in self._marked.items() if run == run_id for pid in found]

    def with_children(self, roots: Iterable[int]) -> list[int]:
        """They and all their descendants, parents first, each once."""
        found = dict.fromkeys(roots)
        waiting = list(found)
        for pid in waiting:
            fresh = [child for child in self._children.get(pid, ()) if child not in found]
            found.update(dict.fromkeys(fresh))
            waiting += fresh
        return list(found)


def resident(family: Iterable[int]) -> int:
    """Bytes of memory that the processes hold. What is shared (files, Postgres's buffers) counts once, as the most
    that any one of them has."""
    own, shared = 0, 0
    for pid in family:
        with contextlib.suppress(OSError, IndexError):
            words = _read(pid, "statm").split()
            own += int(words[1]) - int(words[2])
            shared = max(shared, int(words[2]))
    return (own + shared) * PAGE

"""Ends the processes of a run: what carries its mark, with all descendants, and the load's worker.

SIGTERM first, so that a database leaves no shared memory behind, with a SIGCONT for those that a fault holds; SIGKILL
to whoever is there two seconds later, in rounds, since what is ended may have started another.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from gameday.substrates.process.process_table import ProcessTable, marks, pids
from gameday.substrates.process.process_tree import outlasting, processes, send

GRACE_S = 2.0
KILL_S = 2.0
ROUNDS = 3
WORKER = b"gameday.load.locustfile"


def belonging(run: str) -> list[psutil.Process]:
    """Everything that runs of the run, parents first; never ourselves."""
    table = ProcessTable()
    found = table.with_children([*table.marked(run), *_workers(run)])
    return processes(pid for pid in found if pid != os.getpid())


def end(run: str) -> tuple[int, list[str]]:
    """How many were ended; those that are still there, as text. Takes some ten seconds at most."""
    alive = belonging(run)
    known = {process.pid for process in alive}
    if alive:
        send(alive, signal.SIGTERM)
        send(alive, signal.SIGCONT)
        outlasting(alive, GRACE_S)
    for _ in range(ROUNDS):
        if not (alive := belonging(run)):
            break
        known |= {process.pid for process in alive}
        send(alive, signal.SIGKILL)
        alive = outlasting(alive, KILL_S)
    left = sorted(process.pid for process in alive)
    return len(known.difference(left)), [f"process {pid}" for pid in left]


def orphaned() -> dict[str, bool]:
    """Every run that has processes here, and whether it surely has no runner: its outermost processes, which a runner
    starts itself, were handed to init."""
    runs: dict[str, list[bool]] = {}
    for pid in pids():
        run = marks(pid)[0]
        if run is None or pid == os.getpid():
            continue
        with suppress(psutil.Error):
            parent = psutil.Process(pid).parent()
            if parent is None or marks(parent.pid)[0] != run:
                runs.setdefault(run, []).append(_init(parent))
    return {run: all(adopted) for run, adopted in runs.items()}


def _init(process: psutil.Process | None) -> bool:
    """The machine's or a session's first process, which takes in those who lost their parent."""
    return process is None or process.pid == 1 or process.name() == "systemd"


def _workers(run: str) -> Iterator[int]:
    """The load is no instance, and carries no mark but its plan's path."""
    plan = f"{run}/samples/load.json".encode()
    return (pid for pid in pids() if _is_worker(_words(pid), plan))


def _is_worker(words: Iterable[bytes], plan: bytes) -> bool:
    given = list(words)
    return WORKER in given and any(word == plan or word.endswith(b"/" + plan) for word in given)


def _words(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []

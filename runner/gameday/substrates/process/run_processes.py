"""Processes of a run: those with its mark, with all descendants, and the load's worker; ending them.

SIGTERM comes first, so that a database leaves no shared memory, with a SIGCONT for processes that a fault has stopped.
SIGKILL follows after two seconds, in rounds, since a process may have started another one meanwhile.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
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
    """Return every process of the run, parents first, except this one."""
    table = ProcessTable()
    family = table.with_children([*table.marked(run), *_workers(run)])
    return processes(pid for pid in family if pid != os.getpid())


def environment_at(port: int) -> Mapping[str, str]:
    """Return the environment of the run's process that listens at the port by its command line; {} if none can be read."""
    for pid in pids():
        if marks(pid)[0] is not None and str(port).encode() in _words(pid):
            with suppress(psutil.Error):
                return psutil.Process(pid).environ()
    return {}


def end(run: str) -> tuple[int, list[str]]:
    """End every process of the run; return how many, and what is left, as texts. Takes about ten seconds at most."""
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
    """Return each run with processes on this machine, and True if it has no runner for sure.

    A runner starts the outermost processes of its run itself; they are handed to init when it ends.
    """
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
    """Return True for the machine's or a session's first process, which adopts orphans."""
    return process is None or process.pid == 1 or process.name() == "systemd"


def _workers(run: str) -> Iterator[int]:
    """Yield the pids of the run's load workers, which are known by their plan's path alone."""
    plan = f"{run}/samples/load.json".encode()
    return (pid for pid in pids() if _is_worker(_words(pid), plan))


def _is_worker(words: Iterable[bytes], plan: bytes) -> bool:
    given = list(words)
    return WORKER in given and any(word == plan or word.endswith(b"/" + plan) for word in given)


def _words(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []

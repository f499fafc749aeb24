"""Process tree: a child process with everything it started, by pid and start time; and the leftover processes of a run.

Which processes belong together is the `process_table`'s to find. psutil compares start times before it signals; the
child itself is awaited by a pidfd and reaped last, so that its pid and group stay its own.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import psutil

from gameday.substrates.process.process_table import INSTANCE, RUN, ProcessTable

REAP_S = 5.0
Hold = Literal["pause", "throttle"]


def processes(pids: Iterable[int]) -> list[psutil.Process]:
    """Return the processes that still exist."""
    existing = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            existing.append(psutil.Process(pid))
    return existing


def strays(run_id: str) -> list[psutil.Process]:
    """Return every process of a run, parents first."""
    table = ProcessTable()
    return processes(table.with_children(table.marked(run_id)))


def send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Signal each process, unless it has ended or its pid was given to another one."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def signal_number(name: str) -> signal.Signals:
    """Return the signal of a compose file's `stop_signal`: `TERM` or `SIGTERM`."""
    return signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]


def outlasting(processes: Sequence[psutil.Process], limit: float) -> list[psutil.Process]:
    """Wait up to `limit` seconds; return the processes that haven't ended.

    A zombie has ended: reaping it is its parent's.
    """
    waiting: dict[int, psutil.Process] = {}
    poll = select.poll()
    end = time.monotonic() + limit
    try:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(process.pid)
                waiting[descriptor] = process
                poll.register(descriptor, select.POLLIN)
        while waiting and (left := end - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left * 1000):
                poll.unregister(descriptor)
                os.close(descriptor)
                del waiting[descriptor]
        return [process for process in waiting.values() if process.is_running()]
    finally:
        for descriptor in waiting:
            os.close(descriptor)


def sweep(run_id: str, grace: float) -> list[str]:
    """End every process of the run: SIGTERM, after `grace` seconds SIGKILL. Return what is left, as texts."""
    family = strays(run_id)
    send(family, signal.SIGTERM if grace else signal.SIGKILL)
    alive = outlasting(family, grace or REAP_S)
    alive = list(dict.fromkeys([*alive, *strays(run_id)]))
    send(alive, signal.SIGKILL)
    return [f"process {process.pid}" for process in outlasting(alive, REAP_S)]


class ProcessTree:
    """The processes of one instance. Thread-safe."""

    def __init__(self, child: subprocess.Popen[bytes], run_id: str, instance: str) -> None:
        self._child = child
        self._marks = (run_id, instance)
        self._holds: set[Hold] = set()
        self._holding = threading.Lock()
        self._exit = os.pidfd_open(child.pid)
        weakref.finalize(self, os.close, self._exit)

    @classmethod
    def spawn(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        run_id: str,
        instance: str,
    ) -> ProcessTree:
        """Start the command in a session of its own, both outputs appended to `log`. Raise OSError if it can't be."""
        with log.open("ab") as out:
            child = subprocess.Popen(
                command,
                env={**environment, RUN: run_id, INSTANCE: instance},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(child, run_id, instance)

    @property
    def pid(self) -> int:
        """Return the child's pid."""
        return self._child.pid

    def ended(self, within: float = 0.0) -> bool:
        """Return True if the child has ended, or does so within `within` seconds."""
        poll = select.poll()
        poll.register(self._exit, select.POLLIN)
        return bool(poll.poll(within * 1000))

    def how_it_ended(self) -> str:
        """Return `exit status 1` or `killed by SIGKILL` of an ended child; '' if it runs or was reaped."""
        with contextlib.suppress(ChildProcessError):
            result = os.waitid(os.P_PIDFD, self._exit, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if result is not None and result.si_code == os.CLD_EXITED:
                return f"exit status {result.si_status}"
            if result is not None:
                return f"killed by {signal.Signals(result.si_status).name}"
        return ""

    def signal(self, number: signal.Signals) -> None:
        """Signal the child alone, as a container engine does."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._exit, number)

    def freeze(self, hold: Hold = "pause") -> None:
        """Stop every process, parents first; a second pass stops what they started meanwhile."""
        with self._holding:
            self._holds.add(hold)
            for _ in range(2):
                send(self.family(), signal.SIGSTOP)

    def thaw(self, hold: Hold = "pause") -> None:
        """Undo the `freeze` of that name; every process continues once no other hold is left."""
        with self._holding:
            self._holds.discard(hold)
            if not self._holds:
                send(self.family()[::-1], signal.SIGCONT)

    def kill(self) -> bool:
        """Send SIGKILL to every process; return True if all of them have ended within 5 s."""
        family: list[psutil.Process] = []
        while fresh := [process for process in self.family() if process not in family]:
            send(fresh, signal.SIGKILL)
            family += fresh
        self._kill_group()
        alive = outlasting(family, REAP_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(REAP_S)
        return not alive and self._child.returncode is not None

    def _kill_group(self) -> None:
        # While the child is unreaped its group's id is ours; once reaped, the id may be another group's.
        with contextlib.suppress(ProcessLookupError, PermissionError, ChildProcessError):
            os.waitid(os.P_PIDFD, self._exit, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            os.killpg(self.pid, signal.SIGKILL)

    def family(self) -> list[psutil.Process]:
        """Return the instance's processes, parents first."""
        return processes(self.members(ProcessTable()))

    def members(self, table: ProcessTable) -> list[int]:
        """Return the pids of the instance's processes according to a table that may serve several instances."""
        own = [self.pid] if self._child.returncode is None else []
        return table.with_children([*own, *table.marked(*self._marks)])

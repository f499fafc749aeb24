"""A child process with everything it started, by pid and start time; and the strays of a run that lost their parent.

What belongs together is `family`'s to find. psutil compares start times before it signals; the child itself is waited
for by a pidfd and reaped last, so that its ids stay its own.
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

from gameday.substrates.process.process_table import INSTANCE, RUN, Census

REAP_S = 5.0
Hold = Literal["pause", "throttle"]


def processes(pids: Iterable[int]) -> list[psutil.Process]:
    """Those that are still there."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return found


def strays(run_id: str) -> list[psutil.Process]:
    """Everything that runs of a run, parents first."""
    census = Census()
    return processes(census.with_children(census.marked(run_id)))


def send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """The signal to each that is still the process it was."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def numbered(name: str) -> signal.Signals:
    """Of `TERM` or `SIGTERM`, as a compose file may have it."""
    return signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]


def outlasting(processes: Sequence[psutil.Process], limit: float) -> list[psutil.Process]:
    """Those that haven't ended within `limit` seconds. A zombie has: reaping it is its parent's."""
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
    """Ends every process of the run: SIGTERM, after `grace` seconds SIGKILL. Those that are still there, as text."""
    found = strays(run_id)
    send(found, signal.SIGTERM if grace else signal.SIGKILL)
    alive = outlasting(found, grace or REAP_S)
    alive = list(dict.fromkeys([*alive, *strays(run_id)]))
    send(alive, signal.SIGKILL)
    return [f"process {process.pid}" for process in outlasting(alive, REAP_S)]


class Tree:
    """One instance's processes. Safe from any thread."""

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
    ) -> Tree:
        """Starts it in a session of its own, both outputs appended to `log`. Raises OSError."""
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
        return self._child.pid

    def ended(self, within: float = 0.0) -> bool:
        """Whether the child has ended, waiting at most `within` seconds for it."""
        poll = select.poll()
        poll.register(self._exit, select.POLLIN)
        return bool(poll.poll(within * 1000))

    def ask(self, number: signal.Signals) -> None:
        """The signal to the child alone, as a container engine does it."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._exit, number)

    def freeze(self, hold: Hold = "pause") -> None:
        """Stops every process, parents first: what they start meanwhile is found by the second look."""
        with self._holding:
            self._holds.add(hold)
            for _ in range(2):
                send(self.family(), signal.SIGSTOP)

    def thaw(self, hold: Hold = "pause") -> None:
        """Takes back the `freeze` of that name; every process goes on once nothing else holds them."""
        with self._holding:
            self._holds.discard(hold)
            if not self._holds:
                send(self.family()[::-1], signal.SIGCONT)

    def kill(self) -> bool:
        """SIGKILL to every process of it; whether all of them are gone within 5 s."""
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
        # While the child is unreaped its group's id is ours; once reaped, it may be anybody's.
        with contextlib.suppress(ProcessLookupError, PermissionError, ChildProcessError):
            os.waitid(os.P_PIDFD, self._exit, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            os.killpg(self.pid, signal.SIGKILL)

    def family(self) -> list[psutil.Process]:
        """Everything that belongs to the instance now, parents first."""
        return processes(self.members(Census()))

    def members(self, census: Census) -> list[int]:
        """Their pids by that census."""
        own = [self.pid] if self._child.returncode is None else []
        return census.with_children([*own, *census.marked(*self._marks)])

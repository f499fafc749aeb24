"""A child process with everything it started, by pid and start time; and the strays of a run that lost their parent.

What belongs together is found twice over: as descendants, and by the environment that they inherit (GAMEDAY_RUN,
GAMEDAY_INSTANCE), since whoever calls setsid and loses its parent is seen by neither group nor parent. psutil compares
start times before it signals; the child itself is waited for by a pidfd and reaped last, so that its ids stay its own.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

RUN = "GAMEDAY_RUN"
INSTANCE = "GAMEDAY_INSTANCE"
REAP_S = 5.0


def marked(run_id: str, instance: str | None = None) -> Iterator[psutil.Process]:
    """Processes of the run (of one instance of it) that we may look into, but never ourselves."""
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            environment = process.environ()
            ours = environment.get(RUN) == run_id and instance in (None, environment.get(INSTANCE))
            if ours and pid != os.getpid():
                yield process


def with_children(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """They and all their descendants, parents first: Postgres overwrites its children's environment."""
    found = dict.fromkeys(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found.update(dict.fromkeys(process.children(recursive=True)))
    return list(found)


def send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """The signal to each that is still the process it was."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


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
    strays = with_children(list(marked(run_id)))
    send(strays, signal.SIGTERM if grace else signal.SIGKILL)
    alive = outlasting(strays, grace or REAP_S)
    alive = list(dict.fromkeys([*alive, *with_children(list(marked(run_id)))]))
    send(alive, signal.SIGKILL)
    return [f"process {process.pid}" for process in outlasting(alive, REAP_S)]


class Tree:
    """One instance's processes. Safe from any thread."""

    def __init__(self, child: subprocess.Popen[bytes], run_id: str, instance: str) -> None:
        self._child = child
        self._marks = (run_id, instance)
        self._exit = os.pidfd_open(child.pid)
        weakref.finalize(self, os.close, self._exit)

    @classmethod
    def spawn(
        cls, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, run_id: str, instance: str
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

    def freeze(self) -> None:
        """Stops every process, parents first: what they start meanwhile is found by the second look."""
        for _ in range(2):
            send(self._family(), signal.SIGSTOP)

    def thaw(self) -> None:
        send(self._family()[::-1], signal.SIGCONT)

    def kill(self) -> bool:
        """SIGKILL to every process of it; whether all of them are gone within 5 s."""
        family: list[psutil.Process] = []
        while fresh := [process for process in self._family() if process not in family]:
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

    def _family(self) -> list[psutil.Process]:
        own: list[psutil.Process] = []
        if self._child.returncode is None:
            with contextlib.suppress(psutil.Error):
                own.append(psutil.Process(self.pid))
        return with_children([*own, *marked(*self._marks)])

"""Container kills: the caller waits until the process is gone; the engine removes the rest in the background.

After a SIGKILL the engine takes networks down, a fifth of a second for each container and one after the other, before
it reports the end: seconds for a region of fifteen, while the processes are gone within a tenth of a second. On this
machine's engine the process itself is watched; on another one the engine's report is awaited.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from gameday.ports import PortError
from gameday.substrates.docker.docker_client import CALLS_AT_ONCE

LOOK_MS = 50


class ContainerKills:
    """Thread-safe."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="kill")
        self._lock = threading.Lock()
        self._begun: list[Future[None]] = []

    def kill(self, kill_and_remove: Callable[[], None], container: str, pid: int) -> None:
        """Begin `kill_and_remove`; return once the container's first process is gone, or the call has returned.

        Raise what the call raises before that.
        """
        process = _process(container, pid)
        try:
            removal = self._pool.submit(kill_and_remove)
            with self._lock:
                self._begun.append(removal)
            if process is None:
                removal.result()
                return
            poll = select.poll()
            poll.register(process, select.POLLIN)
            while not poll.poll(LOOK_MS):
                if removal.done():
                    removal.result()
        finally:
            if process is not None:
                os.close(process)

    def finish(self, limit: float) -> None:
        """Wait up to `limit` seconds for everything begun. Raise the first error, or PortError if time runs out."""
        with self._lock:
            begun, self._begun = self._begun, []
        done, left = wait(begun, limit)
        for removal in done:
            removal.result()
        if left:
            raise PortError(f"{len(left)} killed containers weren't removed within {limit:.0f} s")

    def close(self, limit: float) -> None:
        """Do as `finish`, but ignore errors: the run's removal finds what is left. No kill may follow."""
        with contextlib.suppress(PortError):
            self.finish(limit)
        self._pool.shutdown(wait=False)


def _process(container: str, pid: int) -> int | None:
    """Return a pidfd of the container's first process, or None if it has ended or runs on another machine."""
    if not pid:
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        # Only now is the pid sure to keep its meaning; it may have been reused before.
        if container in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8"):
            return descriptor
    os.close(descriptor)
    return None

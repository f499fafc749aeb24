"""Containers that are killed: whoever kills waits until the process is gone, the engine takes its time with the rest.

After a SIGKILL the engine takes networks down, a fifth of a second for each container and one after the other, before
it says that one has ended: a region of fifteen takes it seconds, while the processes are gone in a tenth of one. Where
the engine is this machine's, the process itself can be watched; elsewhere its word is awaited.
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


class Burials:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="bury")
        self._lock = threading.Lock()
        self._begun: list[Future[None]] = []

    def bury(self, kill_and_remove: Callable[[], None], container: str, pid: int) -> None:
        """Begins it, and returns once the container's first process is gone. Raises what comes before that."""
        process = _watched(container, pid)
        try:
            begun = self._pool.submit(kill_and_remove)
            with self._lock:
                self._begun.append(begun)
            if process is None:
                begun.result()
                return
            poll = select.poll()
            poll.register(process, select.POLLIN)
            while not poll.poll(LOOK_MS):
                if begun.done():
                    begun.result()
        finally:
            if process is not None:
                os.close(process)

    def finish(self, limit: float) -> None:
        """Waits at most `limit` seconds until everything begun is removed. Raises the first error."""
        with self._lock:
            begun, self._begun = self._begun, []
        done, left = wait(begun, limit)
        for each in done:
            each.result()
        if left:
            raise PortError(f"{len(left)} killed containers weren't removed within {limit:.0f} s")

    def close(self, limit: float) -> None:
        """As `finish`, but what is left is for others to find; nothing more is begun."""
        with contextlib.suppress(PortError):
            self.finish(limit)
        self._pool.shutdown(wait=False)


def _watched(container: str, pid: int) -> int | None:
    """A pidfd of the container's first process; None where it can't be seen from here, or has ended."""
    if not pid:
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        # Only now is the number sure to stay its own, or found to be somebody else's.
        if container in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8"):
            return descriptor
    os.close(descriptor)
    return None

"""Worker threads of a run: each does one thing that can block, and reports an error instead of raising it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Report = Callable[[str, Exception, bool], None]
"""(name of the work, its error, whether the error ends the run)."""


class WorkerThreads:
    """Daemon threads, so that one that hangs doesn't keep the process up. Thread-safe.

    Work that *acts* changes the system under test; `settled` waits for it.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._acting: set[threading.Thread] = set()
        self._single: set[str] = set()

    def start(
        self,
        name: str,
        work: Callable[[], None],
        *,
        fatal: bool = True,
        acts: bool = False,
        once: bool = False,
    ) -> None:
        """Run `work` in a thread. With `once`, no-op while a thread of that name runs."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                self._report(name, error, fatal)
            finally:
                with self._lock:
                    self._acting.discard(thread)
                    if once:
                        self._single.discard(name)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        with self._lock:
            if once and name in self._single:
                return
            if once:
                self._single.add(name)
            if acts:
                self._acting.add(thread)
        thread.start()

    def settled(self, patience: float) -> bool:
        """Return whether nothing acts on the system any more, within `patience` seconds."""
        deadline = time.monotonic() + patience
        while True:
            with self._lock:
                acting = next(iter(self._acting), None)
            if acting is None:
                return True
            acting.join(max(0.0, deadline - time.monotonic()))
            if acting.is_alive() and time.monotonic() >= deadline:
                return False

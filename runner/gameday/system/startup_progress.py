"""Progress of a system's bring-up: the instances that aren't ready yet, or the long work before them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class StartupProgress:
    """What the bring-up is waiting for. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starting: Counter[str] = Counter()
        self._last_report = ""

    @contextmanager
    def starting(self, service: str) -> Iterator[None]:
        """Count an instance of the service as not ready for as long as the block lasts."""
        with self._lock:
            self._starting[service] += 1
        try:
            yield
        finally:
            with self._lock:
                self._starting[service] -= 1

    def report(self, text: str) -> None:
        """Record the progress of long work that comes before any instance, such as building the image."""
        self._last_report = text

    def names(self) -> tuple[str, ...]:
        """Return each service that isn't ready with its number of instances; without any the last report, if any."""
        with self._lock:
            starting = sorted((name, count) for name, count in self._starting.items() if count)
        names = tuple(f"{name} ({count} instances)" if count > 1 else name for name, count in starting)
        return names or ((self._last_report,) if self._last_report else ())

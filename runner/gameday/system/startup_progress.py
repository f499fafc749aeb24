"""What the start of a system waits for just now, in words: instances that aren't ready, or what was told last."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Awaited:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starting: Counter[str] = Counter()
        self._said = ""

    @contextmanager
    def instance(self, service: str) -> Iterator[None]:
        """While the block lasts, an instance of the service is waited for."""
        with self._lock:
            self._starting[service] += 1
        try:
            yield
        finally:
            with self._lock:
                self._starting[service] -= 1

    def said(self, text: str) -> None:
        """Progress of long work that comes before any instance, such as building the image."""
        self._said = text

    def names(self) -> tuple[str, ...]:
        """Each service with the number of its instances that aren't ready; else what was said last, if anything."""
        with self._lock:
            starting = sorted((name, count) for name, count in self._starting.items() if count)
        names = tuple(f"{name} ({count} instances)" if count > 1 else name for name, count in starting)
        return names or ((self._said,) if self._said else ())

"""Shutdown gate: no start begins once a substrate closes, and closing waits for the starts in flight.

A start in flight calls `check` or `wait` between two steps and cleans up after itself; the gate itself stops nothing.
"""

from __future__ import annotations

import threading
from types import TracebackType

from gameday.ports import PortError


class ShutdownGate:
    """Entered with `with gate:`, which raises PortError if the gate is closed. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    def check(self) -> None:
        """Raise PortError once closing has begun."""
        if self._closed:
            raise PortError("the system is being taken down: nothing more is started")

    def wait(self, seconds: float) -> None:
        """Wait `seconds`. Raise PortError as soon as closing begins."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)
        self.check()

    def __enter__(self) -> None:
        with self._changed:
            self.check()
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self, limit: float) -> bool:
        """Close the gate; return True if no start is in flight within `limit` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._inside, limit)

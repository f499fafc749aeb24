"""Starts in flight against a substrate going down: nobody enters once it closes, and closing waits for those inside.

Whoever is inside asks `closed` between two waits and takes down what it began; the gate itself stops nothing.
"""

from __future__ import annotations

import threading
from types import TracebackType

from gameday.ports import PortError


class ShutdownGate:
    """Entered with `with gate:`; raises PortError where the substrate is closed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def check(self) -> None:
        """Raises PortError once closing has begun."""
        if self._closed:
            raise PortError("the system is being taken down: nothing more is started")

    def wait(self, seconds: float) -> None:
        """Raises PortError as soon as closing begins, else returns after `seconds`."""
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
        """Whether everybody left within `limit` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._inside, limit)

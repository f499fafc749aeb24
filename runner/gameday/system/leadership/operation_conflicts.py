"""Operation conflicts: which operations on the databases exclude one another, and the record of those under way."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from gameday.operations import Operation
from gameday.ports import PortError

PROMOTE, RESTART, REJOIN = "promote", "restart", "rejoin"


def find_conflict(operation: Operation, running: Collection[Operation], primary: str) -> Operation | None:
    """Return an operation under way that excludes this one on the databases, or None.

    Nothing begins beside a promotion or a restart. Both may begin while a region rejoins, which takes as long as a copy of
    its data, unless it is the primary's own: a rejoin lifts the fence that a promotion puts up there. `primary` is the
    region whose database leads.
    """
    for other in running:
        if other.name in (PROMOTE, RESTART):
            return other
        if other.target == (operation.target if operation.name == REJOIN else primary):
            return other
    return None


class DatabaseOperations:
    """Operations on the databases that are under way. Thread-safe."""

    def __init__(self, database: str | None) -> None:
        """`database` is the name of the service, None if the system has none."""
        self._database = database
        self._lock = threading.Lock()
        self._running: list[Operation] = []

    @contextmanager
    def claim(self, operation: Operation, primary: str) -> Iterator[None]:
        """Hold the databases while the block executes the operation. Raise PortError if another operation excludes it."""
        if not self._concerns(operation):
            yield
            return
        with self._lock:
            other = find_conflict(operation, self._running, primary)
            if other is not None:
                raise PortError(
                    f"refused: {_describe(other)} by {other.by} is under way on the databases;"
                    f" repeat {_describe(operation)} once it has ended"
                )
            self._running.append(operation)
        try:
            yield
        finally:
            with self._lock:
                self._running.remove(operation)

    def _concerns(self, operation: Operation) -> bool:
        if operation.name == RESTART:
            return operation.target == self._database
        return operation.name in (PROMOTE, REJOIN) and self._database is not None


def _describe(operation: Operation) -> str:
    return f"{operation.name} {operation.target}".strip()

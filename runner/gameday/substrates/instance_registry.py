"""Instance registry: the running instances, each with a record of the substrate's own kind, and their numbers."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Generic, TypeVar

from gameday.ports import Instance, PortError, Release
from gameday.topology import Service

Record = TypeVar("Record")


class InstanceRegistry(Generic[Record]):
    """Thread-safe. An instance is registered from ready until it is stopped, killed or found dead."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self._records: dict[str, tuple[Instance, Record]] = {}

    def number(self, service: Service, release: Release) -> Instance:
        """Return a new instance `<region>.<service>.<n>` (`edge.1`); n counts up in the run and is never reused."""
        with self._lock:
            count = next(self._numbers[service.id])
        return Instance(f"{service.id}.{count}", service.region, service.name, release.name)

    def add(self, instance: Instance, record: Record) -> None:
        """Register a running instance."""
        with self._lock:
            self._records[instance.id] = (instance, record)

    def take(self, instance: Instance) -> Record | None:
        """Remove the instance and return its record; None if it isn't registered any more."""
        with self._lock:
            entry = self._records.pop(instance.id, None)
        return entry[1] if entry else None

    def get(self, instance: Instance) -> Record | None:
        """Return the instance's record, or None if it doesn't run."""
        with self._lock:
            entry = self._records.get(instance.id)
        return entry[1] if entry else None

    def find(self, instance: Instance) -> Record:
        """Return the instance's record. Raise PortError if it doesn't run."""
        record = self.get(instance)
        if record is None:
            raise PortError(f"{instance.id} isn't running")
        return record

    def all(self) -> list[tuple[Instance, Record]]:
        """Return every running instance with its record."""
        with self._lock:
            return list(self._records.values())

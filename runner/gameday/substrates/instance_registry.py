"""Which instances run, and the numbers they are given; one record of the substrate's own kind beside each."""

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
    """Safe from any thread. An instance is in it from ready until it is stopped, killed or found dead."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self._records: dict[str, tuple[Instance, Record]] = {}

    def number(self, service: Service, release: Release) -> Instance:
        """A new instance `<region>.<service>.<n>` (`edge.1`); n counts up in the run and is never given twice."""
        with self._lock:
            count = next(self._numbers[service.id])
        return Instance(f"{service.id}.{count}", service.region, service.name, release.name)

    def add(self, instance: Instance, record: Record) -> None:
        with self._lock:
            self._records[instance.id] = (instance, record)

    def take(self, instance: Instance) -> Record | None:
        """Its record, which is out of the register from now on; None where somebody took it before."""
        with self._lock:
            found = self._records.pop(instance.id, None)
        return found[1] if found else None

    def get(self, instance: Instance) -> Record | None:
        """None where it doesn't run."""
        with self._lock:
            found = self._records.get(instance.id)
        return found[1] if found else None

    def find(self, instance: Instance) -> Record:
        """Raises PortError where it doesn't run."""
        found = self.get(instance)
        if found is None:
            raise PortError(f"{instance.id} isn't running")
        return found

    def all(self) -> list[tuple[Instance, Record]]:
        with self._lock:
            return list(self._records.values())

"""Name table of the process substrate: the addresses behind a service's name, for the link servers.

Link servers read the file at every dial; it is replaced by rename, so that none sees it half-written. Keys are
`service.region:port`: `{"pricing.us-east:8000": ["127.0.0.1:21001"]}`; a name without instances keeps an empty list.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gameday.recording import atomic_file
from gameday.topology import Service

Table = Mapping[str, Sequence[str]]


def table_key(service: Service) -> str:
    """Return `pricing.us-east:8000`, which stands for all instances of the service in its region."""
    return f"{service.name}.{service.region}:{service.port}"


class NameTable:
    """Thread-safe. `changed` is called after each change that is on disk, in order."""

    def __init__(self, path: Path, changed: Callable[[Table], None] | None = None) -> None:
        self.path = path
        self._changed = changed
        self._lock = threading.Lock()
        self._table: dict[str, list[str]] = {}

    def write(self) -> None:
        """Write the table to disk. Raise OSError if it can't be written."""
        with self._lock:
            self._save()

    def add(self, key: str, address: str) -> None:
        """Add an address to a name."""
        with self._lock:
            self._table.setdefault(key, []).append(address)
            self._save()

    def remove(self, key: str, address: str) -> None:
        """Remove an address from a name; no-op if it isn't there."""
        with self._lock:
            if address in self._table.get(key, ()):
                self._table[key].remove(address)
                self._save()

    def _save(self) -> None:
        atomic_file.write(self.path, json.dumps(self._table, sort_keys=True))
        if self._changed:
            self._changed({key: tuple(addresses) for key, addresses in self._table.items()})

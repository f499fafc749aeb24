"""Leadership record: which region's database leads, by which term. The only source of terms; see docs/replication.md."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Leadership:
    """The region whose database leads, and its term, which rises with each promotion and never belongs to two regions."""

    region: str
    term: int = 1

    def given_to(self, region: str) -> Leadership:
        """Return the leadership of that region, by the next term."""
        return Leadership(region, self.term + 1)

    def order(self, *, new: bool, stopped: Collection[str]) -> Mapping[str, str]:
        """Return what a database must be told at its start, as the compose files' variables.

        `new`: the system is being started for the first time. `stopped`: the regions in which no database runs.
        """
        return {
            "PRIMARY": self.region,
            "PRIMARY_TERM": str(self.term),
            "FIRST_START": "yes" if new else "",
            "STOPPED_REGIONS": ",".join(sorted(stopped)),
        }


class LeadershipRecord:
    """The present leadership of a system. Thread-safe. `new`: the system hasn't been started yet."""

    def __init__(self, region: str) -> None:
        self._lock = threading.Lock()
        self.present = Leadership(region)
        self.new = True

    def give_to(self, region: str) -> int:
        """Record that the region's database leads from now on, by the next term; return that term."""
        with self._lock:
            self.present = self.present.given_to(region)
            return self.present.term

    def order(self, stopped: Collection[str]) -> Mapping[str, str]:
        """Return what a database is told at a start now; see `Leadership.order`."""
        return self.present.order(new=self.new, stopped=stopped)

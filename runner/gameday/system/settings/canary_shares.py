"""Shares of users that canaries get, by service; a caller that starts later has them too."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from gameday.ports import shares_text
from gameday.scenario.system_under_test import STOREFRONT

PATH = STOREFRONT.paths.canary


class CanaryShares:
    """An `OperatorSetting` of every service that calls one with a canary. Thread-safe."""

    variable = "CANARY"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares: dict[str, tuple[float, str, Sequence[str]]] = {}

    def set(self, service: str, share: float, release: str, regions: Sequence[str]) -> None:
        """Give a share of the service's users, in these regions or in all, the release."""
        with self._lock:
            self._shares[service] = share, release, regions

    def drop(self, service: str) -> bool:
        """Give the canary of the service no users any more; return True if it had any."""
        with self._lock:
            return self._shares.pop(service, None) is not None

    def value(self) -> str:
        """Return the variable's value: `pricing=500:pricing-1.1.0`."""
        with self._lock:
            return shares_text([(service, *share) for service, share in self._shares.items()])

    def requests(self) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Return the request that sets all shares."""
        return [(PATH, {"shares": self.value()})]

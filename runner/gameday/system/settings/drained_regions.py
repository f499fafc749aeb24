"""Drained regions: those that operators took the traffic from. A drain lasts until it is undone, whatever restarts."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from gameday.scenario.system_under_test import STOREFRONT

PATH = STOREFRONT.paths.traffic


class DrainedRegions:
    """An `OperatorSetting` of the router. Thread-safe."""

    variable = "DRAINED"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drained: dict[str, bool] = {}

    def set(self, region: str, drained: bool) -> bool:
        """Record that the region gets no traffic, or gets it again; return whether it was drained before."""
        with self._lock:
            before = self._drained.get(region, False)
            self._drained[region] = drained
            return before

    def value(self) -> str:
        """Return the variable's value: `eu-west,us-east`."""
        with self._lock:
            return ",".join(sorted(region for region, drained in self._drained.items() if drained))

    def requests(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return a request for every region that was ever drained."""
        with self._lock:
            return [request(region, drained) for region, drained in sorted(self._drained.items())]


def request(region: str, drained: bool) -> tuple[str, Mapping[str, Any]]:
    """Return path and body of the POST request that drains a region, or returns its traffic."""
    return f"{PATH}/{'drain' if drained else 'undrain'}", {"region": region}

"""Feature flags that operators switched. A switch lasts until the next one: every instance that starts later has it.

What a flag does is up to the services.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from gameday.scenario.system_under_test import STOREFRONT

PATH = STOREFRONT.paths.flags


class Flags:
    """The switched flags by name, an `OperatorSetting`. Thread-safe."""

    variable = "FLAGS"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switched: dict[str, bool] = {}

    def switch(self, values: Mapping[str, bool]) -> None:
        """Record new values of some flags."""
        with self._lock:
            self._switched |= values

    def all(self) -> Mapping[str, bool]:
        """Return a copy of all switched flags."""
        with self._lock:
            return dict(self._switched)

    def value(self) -> str:
        """Return the variable's value: `checkout=off,queue-checkout=on`."""
        return ",".join(f"{name}={'on' if on else 'off'}" for name, on in sorted(self.all().items()))

    def requests(self) -> Sequence[tuple[str, Mapping[str, bool]]]:
        """Return the request that switches all flags."""
        return [(PATH, self.all())]

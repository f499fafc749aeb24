"""Feature flags that operators switched. A switch lasts until the next one: every instance that starts later has it.

What a flag does is up to the services. A service has flags if its compose file uses the variable FLAGS.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from gameday.scenario.system_under_test import STOREFRONT
from gameday.topology import Service

PATH = STOREFRONT.paths.flags
VARIABLE = "FLAGS"


class Flags:
    """The switched flags by name. Thread-safe."""

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


def has_flags(service: Service) -> bool:
    """Return True if the service supports feature flags."""
    return any(VARIABLE in template.variables() for template in service.environment.values())


def variable(flags: Mapping[str, bool]) -> Mapping[str, str]:
    """Return the variable for an instance that starts, {"FLAGS": "checkout=off,queue-checkout=on"}; {} if none is set."""
    text = ",".join(f"{name}={'on' if on else 'off'}" for name, on in sorted(flags.items()))
    return {VARIABLE: text} if text else {}

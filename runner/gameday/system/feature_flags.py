"""Feature flags that operators switched. A switch stands until it is switched again: every instance that starts later
begins with it, whether it was restarted, revived, shipped or rolled back.

What a flag does is the services' own. Which of them have flags is told by their compose file, by the variable FLAGS.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from gameday.topology import Service

PATH = "/_operator/flags"
VARIABLE = "FLAGS"


class Flags:
    """Those that were switched, by name; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switched: dict[str, bool] = {}

    def switch(self, values: Mapping[str, bool]) -> None:
        with self._lock:
            self._switched |= values

    def all(self) -> Mapping[str, bool]:
        with self._lock:
            return dict(self._switched)


def has_flags(service: Service) -> bool:
    return any(VARIABLE in template.variables() for template in service.environment.values())


def variable(flags: Mapping[str, bool]) -> Mapping[str, str]:
    """For the environment of an instance that starts: `{"FLAGS": "checkout=off,queue-checkout=on"}`; none for none."""
    text = ",".join(f"{name}={'on' if on else 'off'}" for name, on in sorted(flags.items()))
    return {VARIABLE: text} if text else {}

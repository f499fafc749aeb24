"""Settings that operators make on running instances: a later instance starts with them, so that no restart loses any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gameday.system.settings.canary_shares import CanaryShares
from gameday.system.settings.drained_regions import DrainedRegions
from gameday.system.settings.feature_flags import Flags
from gameday.topology import Service


class OperatorSetting(Protocol):
    """One kind of setting. A service has it if its compose file uses the variable. Thread-safe."""

    variable: str

    def value(self) -> str:
        """Return the variable's value for an instance that starts now, '' if nothing was set."""
        ...

    def requests(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return path and body of the POST requests that bring a running instance to the present setting."""
        ...


class OperatorSettings:
    """All settings of a system."""

    def __init__(self) -> None:
        self.flags = Flags()
        self.drained = DrainedRegions()
        self.canary = CanaryShares()

    def of(self, service: Service) -> Sequence[OperatorSetting]:
        """Return the settings that the service's instances keep."""
        return [setting for setting in self._all() if has(service, setting.variable)]

    def any(self) -> bool:
        """Return True if an instance that starts now would get any setting."""
        return any(setting.value() for setting in self._all())

    def _all(self) -> Sequence[OperatorSetting]:
        return (self.flags, self.drained, self.canary)


def has(service: Service, variable: str) -> bool:
    """Return True if the service's compose file uses the variable."""
    return any(variable in template.variables() for template in service.environment.values())

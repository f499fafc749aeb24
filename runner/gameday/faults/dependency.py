"""Faults of a third party, which misbehaves itself: its links aren't touched."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Ramped, Trouble, every, ramp, unknown
from gameday.faults.fault_units import Share
from gameday.ports import Arena, PortError, System, Wait
from gameday.scenario.system_under_test import STOREFRONT
from gameday.topology import Topology

PATH = STOREFRONT.paths.behaviour


class OfThirdParty(Ramped):
    mode: ClassVar[str]
    service: str = Field(description="a third party")
    share: Share = Field(default=1.0, description="share of requests")
    after: bool = Field(
        default=False,
        description="carry new requests out first: what they asked for is done, and its answer lost",
    )

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        known = {service.name for service in topology.services if service.kind == "third-party"}
        if self.service not in known:
            yield unknown("service", "third party", self.service, known)

    def target(self, chosen: Chosen) -> str:
        return self.service

    def choose(self, system: System) -> Chosen:
        if not system.instances(self.service):
            raise PortError(f"{self.kind}: {self.service} doesn't run")
        return {}

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        for level in ramp(self.ramp, wait):
            behaviour: dict[str, Any] = {"mode": self.mode, "share": self.share * level}
            self._all(arena.system, behaviour | ({"after": True} if self.after else {}))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        """Reset the instances that run now; for one started since the injection that is a no-op."""
        self._all(arena.system, {"mode": "ok", "share": 1.0})

    def _all(self, system: System, behaviour: Mapping[str, Any]) -> None:
        running = system.instances(self.service)
        every(functools.partial(system.ask, instance, "POST", PATH, behaviour) for instance in running)


class Error(OfThirdParty):
    """Let the third party answer 5xx."""

    kind = "dependency.error"
    mode = "error"


class Garbage(OfThirdParty):
    """Let the third party answer 200 with nonsense."""

    kind = "dependency.garbage"
    mode = "garbage"


class Silent(OfThirdParty):
    """Let the third party accept requests and never answer."""

    kind = "dependency.silent"
    mode = "silent"

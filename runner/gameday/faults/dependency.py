"""Faults of a third party, which misbehaves itself: its links aren't touched."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Ramped, Trouble, every, mark_of, ramp, unknown
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
            share = (self.mode, self.after), self.share * level
            arena.standing.put(self._knob, mark_of(chosen), share, functools.partial(self._set, arena.system))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        """Reset the instances that run now; for one started since the injection that is a no-op."""
        arena.standing.take(self._knob, mark_of(chosen), functools.partial(self._set, arena.system))

    @property
    def _knob(self) -> str:
        return f"{self.service} behaviour"

    def _set(self, system: System, standing: Sequence[tuple[tuple[str, bool], float]]) -> None:
        """Let the third party misbehave as the newest fault that stands says, for the share of all of its kind."""
        if not standing:
            self._all(system, {"mode": "ok", "share": 1.0})
            return
        newest = standing[-1][0]
        share = 1 - math.prod(1 - share for kind, share in standing if kind == newest)
        mode, after = newest
        self._all(system, {"mode": mode, "share": share} | ({"after": True} if after else {}))

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

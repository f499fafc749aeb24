"""The fault `acme.stall`: every instance of a service in one region stops answering; its connections stay open."""

from __future__ import annotations

from collections.abc import Iterable

from gameday.faults.fault_spec import Chosen, Spec, Trouble, unknown
from gameday.ports import Arena, PortError, System, Wait
from gameday.topology import Topology


class Stall(Spec):
    """`{service: pricing, region: us-east}`; `for`, `at` and everything else that faults have works as usual."""

    kind = "acme.stall"
    service: str
    region: str

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        """Yield what the system hasn't got, so that `gameday validate` reports it at its line."""
        known = {service.name for service in topology.services if service.region == self.region}
        if self.region not in topology.regions:
            yield unknown("region", "region", self.region, topology.regions)
        elif self.service not in known:
            yield unknown("service", "service", self.service, known)

    def target(self, chosen: Chosen) -> str:
        return f"{self.region}.{self.service}"

    def choose(self, system: System) -> Chosen:
        """Return plain data that is journalled before the fault acts, so that any process can revert it."""
        return {"instances": [instance.id for instance in system.instances(self.service, self.region)]}

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        for instance in arena.system.instances(self.service, self.region):
            if instance.id in chosen["instances"]:
                arena.system.substrate.pause(instance)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        """Resume what still runs. Idempotent: an instance that was restarted meanwhile isn't among the chosen."""
        for instance in arena.system.instances(self.service, self.region):
            if instance.id in chosen["instances"]:
                try:
                    arena.system.substrate.resume(instance)
                except PortError:
                    if instance in arena.system.instances(self.service, self.region):
                        raise

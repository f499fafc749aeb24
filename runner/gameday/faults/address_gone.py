"""Fault of a service's address: the service runs, but callers can't reach it, as after its DNS record was deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Spec, Trouble, unknown
from gameday.faults.toxic_set import chosen_links, hold_links, release_links
from gameday.ports import Arena, System, Wait
from gameday.topology import EDGE, Link, Topology


class Gone(Spec):
    """Point every link to the service at an address where nothing answers."""

    kind = "address.gone"
    service: str
    region: str | None = Field(
        default=None, description="the service's region; the callers' if the service is outside all regions"
    )

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        known = {link.callee for link in topology.links}
        if self.service not in known:
            yield unknown("service", "called service", self.service, known)
        if self.region is not None and self.region not in topology.regions:
            yield unknown("region", "region", self.region, topology.regions)
        elif self.service in known and not self._links(topology):
            yield ("region",), f"{self.service} has no callers in {self.region}", ""

    def target(self, chosen: Chosen) -> str:
        return self.service if self.region is None else f"{self.region}.{self.service}"

    def choose(self, system: System) -> Chosen:
        return chosen_links(self.kind, self._links(system.topology))

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        hold_links(arena, chosen, "address", arena.system.links.misdirect)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        release_links(arena, chosen, "address", arena.system.links.redirect)

    def _links(self, topology: Topology) -> Sequence[Link]:
        calling = [link for link in topology.links if link.callee == self.service]
        return [link for link in calling if self.region in (None, _place(link))]


def _place(link: Link) -> str:
    return link.caller_region if link.callee_region == EDGE else link.callee_region

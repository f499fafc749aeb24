"""Faults of single links: down, or with a toxic on a share of their connections."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Spec, Trouble, unknown
from gameday.faults.fault_units import Delay, Millis, Share, Size, Some, Speed, milliseconds
from gameday.faults.toxic_set import Stream, Toxified, chosen_links, hold_links, release_links
from gameday.ports import Arena, System, Toxic, Wait
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Within
from gameday.topology import EDGE, Link, Topology

Direction = Literal["upstream", "downstream", "both"]
_STREAMS: Mapping[Direction, Sequence[Stream]] = {
    "upstream": ("upstream",),
    "downstream": ("downstream",),
    "both": ("upstream", "downstream"),
}


class Selector(Part):
    """Selection of links by caller and callee, in every region unless one is named. `edge` is the
    place outside all regions; `from: clients` is everyone who uses the system."""

    from_: str = Field(alias="from", description="the caller's service")
    to: str = Field(description="the callee's service")
    region: str | None = Field(default=None, description="the caller's region")
    to_region: str | None = Field(default=None, alias="toRegion", description="the callee's region")

    def links(self, topology: Topology) -> Sequence[Link]:
        between = [link for link in topology.links if (link.caller, link.callee) == (self.from_, self.to)]
        return [
            link
            for link in between
            if self.region in (None, link.caller_region) and self.to_region in (None, link.callee_region)
        ]

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        wrong = [*self._unknown_services(topology), *self._unknown_regions(topology)]
        if not wrong and not self.links(topology):
            known = sorted({link.callee for link in topology.links if link.caller == self.from_})
            hint = (
                f"{self.from_} has links to {', '.join(known)}" if known else f"{self.from_} calls no service"
            )
            wrong = [
                (
                    ("link",),
                    f"there is no link {self}",
                    hint if self.to not in known else "check the regions: region and toRegion",
                )
            ]
        return wrong

    def _unknown_services(self, topology: Topology) -> Iterable[Trouble]:
        services = {service.name for service in topology.services}
        for key, name, known in (
            ("link.from", self.from_, {link.caller for link in topology.links}),
            ("link.to", self.to, {link.callee for link in topology.links}),
        ):
            if name not in services | known:
                yield unknown(key, "service", name, known)

    def _unknown_regions(self, topology: Topology) -> Iterable[Trouble]:
        known = (*topology.regions, EDGE)
        for key, region in (("link.region", self.region), ("link.toRegion", self.to_region)):
            if region is not None and region not in known:
                yield unknown(key, "region", region, known)

    def __str__(self) -> str:
        """Return the selector as text: `checkout--payments`, `us-east.checkout--postgres.eu-west`."""
        caller = self.from_ if self.region is None else f"{self.region}.{self.from_}"
        return f"{caller}--{self.to}" + (f".{self.to_region}" if self.to_region else "")


class OfLinks(Spec):
    link: Selector

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        return self.link.problems(topology)

    def target(self, chosen: Chosen) -> str:
        return str(self.link)

    def choose(self, system: System) -> Chosen:
        return chosen_links(self.kind, self.link.links(system.topology))


class Down(OfLinks):
    """End open connections and refuse new ones."""

    kind = "link.down"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        hold_links(arena, chosen, "cut", arena.system.links.cut)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        release_links(arena, chosen, "cut", arena.system.links.mend)


class Tainted(OfLinks, Toxified):
    """A fault of one toxic in one direction or both. A ramp raises the share, unless a subclass
    ramps another value."""

    toxic: ClassVar[str]
    share: Share = Field(default=1.0, description="share of connections")
    direction: Direction = Field(default="downstream", description="downstream: answers; upstream: requests")

    @abstractmethod
    def attributes(self, level: float) -> Mapping[str, int]:
        """Return the toxic's attributes at `level` of full strength, in the toxic's units."""

    def share_at(self, level: float) -> float:
        return self.share * level

    def toxics(self, mark: str, level: float) -> Sequence[Toxic]:
        share, attributes = self.share_at(level), self.attributes(level)
        return [
            Toxic(f"{mark}-{stream}", self.toxic, stream, share, attributes)
            for stream in _STREAMS[self.direction]
        ]


class Latency(Tainted):
    """Delay all data by `latency` ± `jitter`; a ramp raises both."""

    kind = "link.latency"
    toxic = "latency"
    latency: Delay
    jitter: Millis = 0.0

    def attributes(self, level: float) -> Mapping[str, int]:
        return {"latency": milliseconds(self.latency, level), "jitter": milliseconds(self.jitter, level)}

    def share_at(self, level: float) -> float:
        return self.share


class Timeout(Tainted):
    """Drop all data; close the connection `after` the last of it, or never with 0s."""

    kind = "link.timeout"
    toxic = "timeout"
    after: Millis = 0.0

    def attributes(self, level: float) -> Mapping[str, int]:
        return {"timeout": milliseconds(self.after)}


class Reset(Tainted):
    """Reset the connection `after` the first data."""

    kind = "link.reset"
    toxic = "reset_peer"
    after: Millis = 0.0

    def attributes(self, level: float) -> Mapping[str, int]:
        return {"timeout": milliseconds(self.after)}


class Bandwidth(Tainted):
    """Let at most `rate` pass on each connection."""

    kind = "link.bandwidth"
    toxic = "bandwidth"
    rate: Speed

    def attributes(self, level: float) -> Mapping[str, int]:
        return {"rate": self.rate}


class SlowClose(Tainted):
    """Delay the end of a connection by `delay`, which a ramp raises."""

    kind = "link.slow-close"
    toxic = "slow_close"
    delay: Delay

    def attributes(self, level: float) -> Mapping[str, int]:
        return {"delay": milliseconds(self.delay, level)}

    def share_at(self, level: float) -> float:
        return self.share


class Slicer(Tainted):
    """Cut data into slices of `size` ± `variation`, `delay` apart."""

    kind = "link.slicer"
    toxic = "slicer"
    size: Some
    variation: Size = 0
    delay: Within = 0.0

    def attributes(self, level: float) -> Mapping[str, int]:
        return {"average_size": self.size, "size_variation": self.variation, "delay": round(self.delay * 1e6)}


class LimitData(Tainted):
    """Close a connection after `bytes`."""

    kind = "link.limit-data"
    toxic = "limit_data"
    bytes: Some

    def attributes(self, level: float) -> Mapping[str, int]:
        return {"bytes": self.bytes}

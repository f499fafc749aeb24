"""Faults of a region's database: killed, paused, slow, out of connections, out of disk."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from gameday.faults import connection_slots
from gameday.faults.fault_spec import Chosen, Spec, Trouble, mark_of, unknown
from gameday.faults.fault_units import Delay, Millis, Share, milliseconds
from gameday.faults.instance import KILLED, Bounds, bound, chosen_instances, freeze, heal, hit, lift, thaw
from gameday.faults.toxic_set import Toxified, chosen_links
from gameday.ports import Arena, Disks, Limits, PortError, System, Toxic, Wait
from gameday.topology import Topology


class OfDatabase(Spec):
    region: str | None = Field(default=None, description="the current primary's by default")

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        known = [service.region for service in topology.services if service.kind == "database"]
        if self.region is not None and self.region not in known:
            yield unknown("region", "database in a region", self.region, known)

    def target(self, chosen: Chosen) -> str:
        return f"{chosen['region']}.{chosen['service']}"

    def choose(self, system: System) -> Chosen:
        """Return the region, the service's name, and the instance that runs there."""
        region = self.region or system.primary()
        name = database_in(system.topology, region)
        instances = chosen_instances(self.kind, f"{region}.{name}", system.instances(name, region))
        return {"region": region, "service": name, **instances}


def database_in(topology: Topology, region: str) -> str:
    """Return the name of the region's database service. Raise PortError if it has none."""
    for service in topology.services:
        if (service.region, service.kind) == (region, "database"):
            return service.name
    raise PortError(f"there is no database in {region}")


class Kill(OfDatabase):
    """Send SIGKILL; the database stays down until the fault is reverted."""

    kind = "database.kill"
    meanings: ClassVar[Mapping[str, str]] = KILLED

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        arena.system.kill(hit(arena.system, chosen))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        heal(arena.system, chosen)


class Pause(OfDatabase):
    """Freeze the database: connections stay open without answers."""

    kind = "database.pause"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        freeze(arena, chosen)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        thaw(arena, chosen)


class Slow(OfDatabase, Toxified):
    """Delay answers by `latency` ± `jitter` on every link to the database; a ramp raises both."""

    kind = "database.slow"
    latency: Delay
    jitter: Millis = 0.0
    share: Share = Field(default=1.0, description="share of connections")

    def choose(self, system: System) -> Chosen:
        region = self.region or system.primary()
        name = database_in(system.topology, region)
        links = [
            link for link in system.topology.links if (link.callee_region, link.callee) == (region, name)
        ]
        return {"region": region, "service": name, **chosen_links(self.kind, links)}

    def toxics(self, mark: str, level: float) -> Sequence[Toxic]:
        delays = {"latency": milliseconds(self.latency, level), "jitter": milliseconds(self.jitter, level)}
        return [Toxic(f"{mark}-downstream", "latency", share=self.share, attributes=delays)]


class Connections(OfDatabase):
    """Take and hold every connection slot. With `evict`, end the connections of others first."""

    kind = "database.connections"
    evict: bool = Field(default=True, description="end other clients' connections once")

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        connection_slots.take(
            arena.system.database(chosen["region"]), chosen["mark"], evict=self.evict, wait=wait
        )

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        """Release the slots; no-op if the database doesn't run."""
        connection_slots.let_go(chosen["mark"])
        if arena.system.instances(chosen["service"], chosen["region"]):
            connection_slots.clear(arena.system.database(chosen["region"]), chosen["mark"])


FULL = (
    "its volume is a file system of its own, which is full: tables and new segments of the log can't grow, so that writes "
    "fail and the server may panic and end. Space is freed by the revert."
)
LIMITED = (
    "a limit on the size of the server's files, not a full file system: its next write to the log fails, also within a "
    "file that exists, and the server panics and ends. In effect a kill that lasts until the revert."
)


class Disk(OfDatabase):
    """Fill the database's disk: a file system of its own, else a limit on the size of its files."""

    kind = "database.disk"
    needs = Limits
    fills_disk_of = "database"
    meanings: ClassVar[Mapping[str, str]] = {
        "process": f"as root, {FULL} Without the permission to mount, {LIMITED}",
        "docker": LIMITED,
    }

    def meaning(self, system: System, chosen: Chosen) -> str:
        return FULL if disk(system, chosen) else LIMITED

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        if own := disk(arena.system, chosen):
            hit(arena.system, chosen)
            region, service = chosen["region"], chosen["service"]
            fill = functools.partial(own.fill_disk, region, service)
            arena.standing.hold(f"{region}.{service} disk", mark_of(chosen), fill)
        else:
            bound(arena, chosen, Bounds(files=True))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        if own := disk(arena.system, chosen):
            region, service = chosen["region"], chosen["service"]
            empty = functools.partial(own.empty_disk, region, service)
            arena.standing.release(f"{region}.{service} disk", mark_of(chosen), empty)
        lift(arena, chosen)


def disk(system: System, chosen: Chosen) -> Disks | None:
    """Return the substrate if the database's volume is a file system of its own there, else None."""
    substrate = system.substrate
    if isinstance(substrate, Disks) and substrate.has_disk(chosen["region"], chosen["service"]):
        return substrate
    return None

"""Faults of a whole region: lost, isolated, grey, flapping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from gameday.faults.fault_spec import Chosen, Spec, Trouble, mark_of, unknown
from gameday.faults.fault_units import Millis, Share, milliseconds
from gameday.faults.toxic_set import Toxified, chosen_links
from gameday.ports import Arena, PortError, Substrate, System, Toxic, Volumes, Wait
from gameday.scenario.units import Lasting, Ratio
from gameday.topology import Topology

BLACK_HOLE = (
    "every link with one end in the region drops its data, and connections stay open; traffic that uses no link, such as "
    "the runner's own, still passes."
)
OFF_BACKBONE = (
    "its containers are taken off the network between the regions: packets have no route, names of the region no longer "
    "resolve, and open connections hang."
)


class OfRegion(Spec):
    region: str

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        if self.region not in topology.regions:
            yield unknown("region", "region", self.region, topology.regions)

    def target(self, chosen: Chosen) -> str:
        return self.region


class Lose(OfRegion):
    """Kill everything in the region at once; with `volumes: destroy` its data is destroyed too."""

    kind = "region.lose"
    meanings: ClassVar[Mapping[str, str]] = {
        "process": "SIGKILL to all its processes, the database's first; connections to them end or are refused at "
        "once, since the machine is still there. With volumes: destroy its data folders are deleted.",
        "docker": "its containers are killed, the database's first; they leave the engine's DNS, so that callers fail "
        "to resolve a name or wait for an address that nobody has. With volumes: destroy its volumes are deleted.",
    }
    volumes: Literal["keep", "destroy"] = "keep"

    def lacks(self, substrate: Substrate) -> str | None:
        if self.volumes == "destroy" and not isinstance(substrate, Volumes):
            return f"{self.kind}: the {substrate.name} substrate can't destroy volumes: use volumes: keep"
        return None

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        destroy = self.volumes == "destroy"
        arena.standing.put(
            f"{self.region} loss",
            mark_of(chosen),
            True,
            lambda _: arena.system.lose(self.region, destroy=destroy),
        )

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        arena.standing.release(
            f"{self.region} loss", mark_of(chosen), lambda: arena.system.bring_back(self.region)
        )


class Isolate(OfRegion):
    """Cut the region off: it runs on, and no data passes between it and the rest."""

    kind = "region.isolate"
    meanings: ClassVar[Mapping[str, str]] = {
        "process": BLACK_HOLE,
        "docker": OFF_BACKBONE,
    }

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        isolate(arena, chosen, self.region)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        join(arena, chosen, self.region)


def isolate(arena: Arena, chosen: Chosen, region: str) -> None:
    """Cut the region off; no-op if another fault has."""
    arena.standing.hold(f"{region} isolation", mark_of(chosen), lambda: arena.system.isolate(region))


def join(arena: Arena, chosen: Chosen, region: str) -> None:
    """Join the region again, unless another fault still cuts it off."""
    arena.standing.release(f"{region} isolation", mark_of(chosen), lambda: arena.system.join(region))


class Flap(OfRegion):
    """Isolate the region and join it again, several times."""

    kind = "region.flap"
    meanings: ClassVar[Mapping[str, str]] = {
        "process": f"{BLACK_HOLE} Each return ends the connections that lost data.",
        "docker": f"{OFF_BACKBONE} A connection that outlives a short cut goes on after it.",
    }
    times: int = Field(default=3, ge=1, le=100)
    down: Lasting = 3.0
    up: Lasting = 3.0

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        for turn in range(self.times):
            if turn and not wait(self.up):
                return
            isolate(arena, chosen, self.region)
            going_on = wait(self.down)
            join(arena, chosen, self.region)
            if not going_on:
                return

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        join(arena, chosen, self.region)


class Grey(OfRegion, Toxified):
    """Slow the connections that cross the region's border, and reset some of them; no instance is
    down."""

    kind = "region.grey"
    latency: Millis = Field(default=0.0, description="added to each answer that crosses the region's border")
    jitter: Millis = 0.0
    loss: Ratio = Field(default=0.0, description="share of connections that are reset when an answer comes")
    share: Share = Field(default=1.0, description="share of connections that are slow")

    @model_validator(mode="after")
    def _does_something(self) -> Grey:
        if not (self.latency or self.jitter or self.loss):
            raise ValueError("does nothing\ngive it a latency, a loss or both: latency: 200ms, loss: 2%")
        return self

    def choose(self, system: System) -> Chosen:
        border = [
            x
            for x in system.topology.links
            if (x.caller_region == self.region) != (x.callee_region == self.region)
        ]
        if not border:
            raise PortError(f"{self.kind}: no link crosses the border of {self.region}")
        return chosen_links(self.kind, border)

    def toxics(self, mark: str, level: float) -> Sequence[Toxic]:
        delays = {"latency": milliseconds(self.latency, level), "jitter": milliseconds(self.jitter, level)}
        slow = Toxic(f"{mark}-slow", "latency", share=self.share, attributes=delays)
        lossy = Toxic(f"{mark}-loss", "reset_peer", share=self.loss * level, attributes={"timeout": 0})
        return [slow] * bool(self.latency or self.jitter) + [lossy] * bool(self.loss)

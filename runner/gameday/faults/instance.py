"""Faults of single instances of a service: killed, paused, starved, restarted in a loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Spec, Trouble, every, unknown
from gameday.faults.fault_units import Count, Memory
from gameday.ports import Arena, Instance, Limits, PortError, System, Wait
from gameday.scenario.units import Lasting
from gameday.topology import Topology


class OfInstances(Spec):
    service: str
    region: str | None = Field(default=None, description="every region, unless said")
    count: Count = Field(default=1, description="how many, or all")

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        known = {service.name for service in topology.services}
        if self.service not in known:
            yield unknown("service", "service", self.service, known)
        if self.region is not None and self.region not in topology.regions:
            yield unknown("region", "region", self.region, topology.regions)
        elif self.service in known:
            yield from self._too_many(topology)

    def _too_many(self, topology: Topology) -> Iterable[Trouble]:
        places = [s for s in topology.places(self.service) if self.region in (None, s.region)]
        there = sum(place.instances for place in places)
        if not places:
            yield ("region",), f"{self.service} doesn't run in {self.region}", ""
        elif self.count != "all" and self.count > there:
            yield ("count",), f"there are only {there} instances of {self.service}", "count: all"

    def target(self, chosen: Chosen) -> str:
        return self.service if self.region is None else f"{self.region}.{self.service}"

    def choose(self, system: System) -> Chosen:
        """The first by region, primary's first, and name."""
        order = {region: place for place, region in enumerate(system.topology.regions)}
        there = system.instances(self.service, self.region)
        running = sorted(there, key=lambda each: (order.get(each.region, len(order)), each.id))
        return chosen_instances(
            self.kind, self.target({}), running if self.count == "all" else running[: self.count]
        )


def chosen_instances(kind: str, what: str, instances: Sequence[Instance]) -> dict[str, Any]:
    """PortError where there are none."""
    if not instances:
        raise PortError(f"{kind}: no instance of {what} runs")
    places = sorted({(each.region, each.service) for each in instances})
    return {"instances": [each.id for each in instances], "places": [list(place) for place in places]}


def still_running(system: System, chosen: Chosen) -> Sequence[Instance]:
    """Those chosen that haven't ended since."""
    return [each for each in system.instances() if each.id in chosen["instances"]]


def hit(system: System, chosen: Chosen) -> Sequence[Instance]:
    """As `still_running`, to be acted on: PortError where there is nothing left to hit."""
    running = still_running(system, chosen)
    if not running:
        raise PortError(f"{', '.join(chosen['instances'])}: gone before the fault came")
    return running


def strike(system: System, chosen: Chosen, call: Callable[[Instance], object]) -> None:
    """`call` on each of those chosen."""
    every([functools.partial(call, each) for each in hit(system, chosen)])


def release(system: System, chosen: Chosen, call: Callable[[Instance], object]) -> None:
    """`call` on each that still runs; where one has ended meanwhile there is nothing to take back."""

    def one(instance: Instance) -> None:
        try:
            call(instance)
        except PortError:
            if instance in still_running(system, chosen):
                raise

    every([functools.partial(one, each) for each in still_running(system, chosen)])


def heal(system: System, chosen: Chosen) -> None:
    """Starts what is missing where the chosen ones ran."""
    system.heal([(region, service) for region, service in chosen["places"]])


def limits(system: System) -> Limits:
    """The substrate's; `Spec.needs` has made sure of it."""
    return cast(Limits, system.substrate)


class Kill(OfInstances):
    """SIGKILL; nothing starts them again until this is taken back."""

    kind = "instance.kill"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        arena.system.kill(hit(arena.system, chosen))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        heal(arena.system, chosen)


class Pause(OfInstances):
    """Frozen: connections stay open, nothing is answered."""

    kind = "instance.pause"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        strike(arena.system, chosen, arena.system.substrate.pause)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        release(arena.system, chosen, arena.system.substrate.resume)


class Cpu(OfInstances):
    """No more than `cpus` cores for each."""

    kind = "instance.cpu"
    needs = Limits
    cpus: float = Field(gt=0, le=64, description="cores")

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        strike(arena.system, chosen, functools.partial(limits(arena.system).limit, cpus=self.cpus))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        release(arena.system, chosen, limits(arena.system).unlimit)


class OutOfMemory(OfInstances):
    """No more than `memory` for each: what it hasn't got yet is refused, or it is killed for it."""

    kind = "instance.memory"
    needs = Limits
    memory: Memory

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        strike(arena.system, chosen, functools.partial(limits(arena.system).limit, memory=self.memory))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        lift(arena.system, chosen)


def lift(system: System, chosen: Chosen) -> None:
    """No limit any more; and those that died of it are started again."""
    unlimit = functools.partial(release, system, chosen, limits(system).unlimit)
    every([unlimit, functools.partial(heal, system, chosen)])


class RestartLoop(OfInstances):
    """Killed and started again, several times."""

    kind = "instance.restart-loop"
    times: int = Field(default=5, ge=1, le=100)
    every: Lasting = Field(default=3.0, description="how long it runs in between")

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        system, victims = arena.system, hit(arena.system, chosen)
        for turn in range(self.times):
            if turn and not wait(self.every):
                return
            before = {each.id for each in system.instances()}
            system.kill(victims)
            heal(system, chosen)
            victims = [each for each in in_places(system, chosen) if each.id not in before]

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        heal(arena.system, chosen)


def in_places(system: System, chosen: Chosen) -> Sequence[Instance]:
    """Those that run where the chosen ones ran, whichever they are."""
    return [each for each in system.instances() if [each.region, each.service] in chosen["places"]]

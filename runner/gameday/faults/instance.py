"""Faults of single instances of a service: killed, paused, starved, restarted in a loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Spec, Trouble, every, mark_of, unknown
from gameday.faults.fault_units import Count, Memory
from gameday.ports import Arena, Instance, Limits, PortError, System, Wait
from gameday.scenario.units import Lasting
from gameday.topology import Topology

KILLED = {
    "process": "SIGKILL to all its processes; its port refuses connections at once.",
    "docker": "its container is killed and removed; its name leaves the engine's DNS, and a connection to its address "
    "may hang instead of being refused.",
}


class OfInstances(Spec):
    service: str
    region: str | None = Field(default=None, description="every region by default")
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
        available = sum(place.instances for place in places)
        if not places:
            yield ("region",), f"{self.service} doesn't run in {self.region}", ""
        elif self.count != "all" and self.count > available:
            yield ("count",), f"there are only {available} instances of {self.service}", "count: all"

    def target(self, chosen: Chosen) -> str:
        return self.service if self.region is None else f"{self.region}.{self.service}"

    def choose(self, system: System) -> Chosen:
        """Return the first `count` instances, in the order of regions and names; the primary's region is first."""
        order = {region: place for place, region in enumerate(system.topology.regions)}
        running = sorted(
            system.instances(self.service, self.region),
            key=lambda instance: (order.get(instance.region, len(order)), instance.id),
        )
        return chosen_instances(
            self.kind, self.target({}), running if self.count == "all" else running[: self.count]
        )


def chosen_instances(kind: str, target: str, instances: Sequence[Instance]) -> dict[str, Any]:
    """Return the record of the chosen instances. Raise PortError if there are none."""
    if not instances:
        raise PortError(f"{kind}: no instance of {target} runs")
    places = sorted({(instance.region, instance.service) for instance in instances})
    return {"instances": [instance.id for instance in instances], "places": [list(place) for place in places]}


def still_running(system: System, chosen: Chosen) -> Sequence[Instance]:
    """Return the chosen instances that still run."""
    return [instance for instance in system.instances() if instance.id in chosen["instances"]]


def hit(system: System, chosen: Chosen) -> Sequence[Instance]:
    """Return the chosen instances that still run. Raise PortError if none does."""
    running = still_running(system, chosen)
    if not running:
        raise PortError(f"{', '.join(chosen['instances'])}: ended before the fault was injected")
    return running


def strike(system: System, chosen: Chosen, call: Callable[[Instance], object]) -> None:
    """Call `call` with each chosen instance, even if other calls fail. Raise PortError if one
    failed or no instance runs."""
    every([functools.partial(call, instance) for instance in hit(system, chosen)])


def release(system: System, chosen: Chosen, call: Callable[[Instance], object]) -> None:
    """Call `call` with each chosen instance that still runs; ignore one that ends meanwhile."""

    def one(instance: Instance) -> None:
        try:
            call(instance)
        except PortError:
            if instance in still_running(system, chosen):
                raise

    every([functools.partial(one, instance) for instance in still_running(system, chosen)])


def heal(system: System, chosen: Chosen) -> None:
    """Start the missing instances of the chosen ones' services."""
    system.heal([(region, service) for region, service in chosen["places"]])


def limits(system: System) -> Limits:
    """Return the substrate as `Limits`, which `Spec.needs` requires."""
    return cast(Limits, system.substrate)


@dataclass(frozen=True)
class Bounds:
    """The limits that one fault sets: cores, bytes, and whether no file may grow."""

    cpus: float | None = None
    memory: int | None = None
    files: bool = False


class Kill(OfInstances):
    """Send SIGKILL; the instances stay down until the fault is reverted."""

    kind = "instance.kill"
    meanings: ClassVar[Mapping[str, str]] = KILLED

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        arena.system.kill(hit(arena.system, chosen))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        heal(arena.system, chosen)


class Pause(OfInstances):
    """Freeze the instances: connections stay open without answers."""

    kind = "instance.pause"

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        freeze(arena, chosen)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        thaw(arena, chosen)


def freeze(arena: Arena, chosen: Chosen) -> None:
    """Freeze the chosen instances that run; no-op for one that another fault has frozen."""
    pause = arena.system.substrate.pause
    strike(
        arena.system,
        chosen,
        lambda one: arena.standing.hold(f"{one.id} pause", mark_of(chosen), lambda: pause(one)),
    )


def thaw(arena: Arena, chosen: Chosen) -> None:
    """Let the chosen instances go on, unless another fault still freezes them."""
    resume = arena.system.substrate.resume
    release(
        arena.system,
        chosen,
        lambda one: arena.standing.release(f"{one.id} pause", mark_of(chosen), lambda: resume(one)),
    )


def bound(arena: Arena, chosen: Chosen, bounds: Bounds) -> None:
    """Set the limits of the chosen instances; of several faults' limits of a kind the tightest holds."""
    strike(
        arena.system,
        chosen,
        lambda one: arena.standing.put(
            f"{one.id} limits", mark_of(chosen), bounds, functools.partial(_apply_bounds, arena.system, one)
        ),
    )


def unbound(arena: Arena, chosen: Chosen) -> None:
    """Lift the limits that this fault has set; those of other faults stay."""
    release(
        arena.system,
        chosen,
        lambda one: arena.standing.take(
            f"{one.id} limits", mark_of(chosen), functools.partial(_apply_bounds, arena.system, one)
        ),
    )


def _apply_bounds(system: System, instance: Instance, standing: Sequence[Bounds]) -> None:
    capability = limits(system)
    capability.unlimit(instance)
    cpus = min((one.cpus for one in standing if one.cpus is not None), default=None)
    memory = min((one.memory for one in standing if one.memory is not None), default=None)
    if cpus is not None or memory is not None:
        capability.limit(instance, cpus=cpus, memory=memory)
    if any(one.files for one in standing):
        capability.cap_files(instance)


class Cpu(OfInstances):
    """Limit each instance to `cpus` cores."""

    kind = "instance.cpu"
    meanings: ClassVar[Mapping[str, str]] = {
        "process": "the runner looks every 20 ms and stops its processes while their share is used up; up to 100 ms are "
        "saved up, so that answers come in bursts.",
        "docker": "the kernel's quota of its control group: throttled in periods of 100 ms.",
    }
    needs = Limits
    cpus: float = Field(gt=0, le=64, description="cores")

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        bound(arena, chosen, Bounds(cpus=self.cpus))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        unbound(arena, chosen)


class OutOfMemory(OfInstances):
    """Limit each instance to `memory`: further allocations fail, or the instance is killed."""

    kind = "instance.memory"
    meanings: ClassVar[Mapping[str, str]] = {
        "process": "the runner looks at its memory every quarter of a second and kills all its processes once they use "
        "more: no allocation fails before that, and a short peak may pass.",
        "docker": "the limit of its control group: the kernel reclaims memory, then kills a process of it, which may be "
        "one of several.",
    }
    needs = Limits
    memory: Memory

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        bound(arena, chosen, Bounds(memory=self.memory))

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        lift(arena, chosen)


def lift(arena: Arena, chosen: Chosen) -> None:
    """Lift the limits of this fault, and start the instances that died of them again."""
    every([functools.partial(unbound, arena, chosen), functools.partial(heal, arena.system, chosen)])


class RestartLoop(OfInstances):
    """Kill the instances and start them again, several times."""

    kind = "instance.restart-loop"
    meanings: ClassVar[Mapping[str, str]] = {
        "process": f"{KILLED['process']} A process is back within a second or two, so that it is down for a small part "
        "of each turn.",
        "docker": f"{KILLED['docker']} A new container takes seconds, so that it is down for a larger part of each turn.",
    }
    times: int = Field(default=5, ge=1, le=100)
    every: Lasting = Field(default=3.0, description="time between two kills")

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        system, victims = arena.system, hit(arena.system, chosen)
        for turn in range(self.times):
            if turn and not wait(self.every):
                return
            # A container that is started again keeps its id.
            before = {instance.id for instance in system.instances()} - {victim.id for victim in victims}
            system.kill(victims)
            heal(system, chosen)
            victims = [instance for instance in in_places(system, chosen) if instance.id not in before]

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        heal(arena.system, chosen)


def in_places(system: System, chosen: Chosen) -> Sequence[Instance]:
    """Return the running instances of the chosen ones' services and regions."""
    return [
        instance for instance in system.instances() if [instance.region, instance.service] in chosen["places"]
    ]

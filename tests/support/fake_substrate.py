"""Fake substrates without processes: they keep the contract of substrates that tests/contract checks."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gameday.ports import Instance, PortError, Release
from gameday.scenario.own.own_system import CommandSpec
from gameday.substrates.instance_registry import InstanceRegistry
from gameday.substrates.shutdown_gate import ShutdownGate
from gameday.topology import Link, Service

HOST = "127.0.0.1"
FIRST_INSTANCE_PORT = 10_001
"""Nothing listens at the addresses of a fake's instances."""
ENTRY_PORT = 20_000
FIRST_LINK_PORT = 20_001
LEAVE_S = 15.0
"""How long `close` waits for starts in flight."""


@dataclass
class PlainSubstrate:
    """`ports.Substrate` without an optional capability.

    Set `refuse` to the releases whose start fails at once, `deaf` to those that aren't ready within `ready_within`
    seconds, `stubborn` to those that end only if they are killed, `left` to what `close` leaves behind. Read `order`
    for the calls in their order, `given` for the link variables by instance, `frozen` for the ids of paused instances.
    """

    name: str = "plain"
    refuse: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    stubborn: set[str] = field(default_factory=set)
    ready_within: float = 20.0
    left: Sequence[str] = ()
    order: list[str] = field(default_factory=list)
    given: dict[str, Mapping[str, str]] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    starting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._gate = ShutdownGate()
        self._registry: InstanceRegistry[tuple[Service, int]] = InstanceRegistry()
        self._ports = itertools.count(FIRST_INSTANCE_PORT)
        self._link_ports: dict[str, int] = {}
        self._lock = threading.Lock()
        self._died: list[tuple[Instance, str]] = []

    def open(self) -> None:
        self._note("open")

    def close(self) -> Sequence[str]:
        """End everything, starts in flight included; return `left`."""
        self._note("close")
        self._gate.close(LEAVE_S)
        for instance, _ in self._registry.all():
            self._forget(instance)
        return self.left

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        """Start an instance. Raise PortError if its release is in `refuse` or `deaf`, or the substrate is closed."""
        with self._gate:
            instance = self._registry.number(service, release)
            self._await_ready(instance)
            with self._lock:
                self.order.append(f"start {service.name} {release.name}")
                self.given[instance.id] = dict(links)
                self._registry.add(instance, (service, next(self._ports)))
            return instance

    def stop(self, instance: Instance, grace: float) -> bool:
        """End an instance without waiting; return False if its release is in `stubborn` and it still ran."""
        return not self._end(instance) or instance.release not in self.stubborn

    def kill(self, instance: Instance) -> None:
        """End an instance; no-op if it doesn't run any more."""
        self._end(instance)

    def die(self, instance: Instance, reason: str) -> None:
        """Let an instance end by itself, as a process that crashes; `died` reports it with the reason."""
        self._registry.find(instance)
        self._forget(instance)
        self._died.append((instance, reason))

    def pause(self, instance: Instance) -> None:
        """Pause an instance. Raise PortError if it doesn't run."""
        self._registry.find(instance)
        self._note(f"pause {instance.id}")
        self.frozen.add(instance.id)

    def resume(self, instance: Instance) -> None:
        """Resume an instance; no-op if it isn't paused or doesn't run any more."""
        self._note(f"resume {instance.id}")
        self.frozen.discard(instance.id)

    def instances(self) -> Sequence[Instance]:
        return [instance for instance, _ in self._registry.all()]

    def died(self) -> Sequence[tuple[Instance, str]]:
        """Return the instances that `die` ended since the last call, each with its reason."""
        return [self._died.pop(0) for _ in range(len(self._died))]

    def address(self, instance: Instance) -> tuple[str, int]:
        """Return an address of the instance's own. Raise PortError if it doesn't run."""
        _, port = self._registry.find(instance)
        return HOST, port

    def upstream(self, link: Link) -> str:
        return f"{link.callee}.{link.callee_region}:{link.port}"

    def listen(self, link: Link) -> str:
        """Return an address of the link's own, always the same."""
        with self._lock:
            port = self._link_ports.setdefault(link.name, FIRST_LINK_PORT + len(self._link_ports))
        return f"{HOST}:{port}"

    def entrance(self) -> tuple[str, int]:
        """Return an address where nothing listens."""
        return HOST, ENTRY_PORT

    def link_host(self, link: Link) -> str:
        return HOST

    def _await_ready(self, instance: Instance) -> None:
        name = f"{instance.id} ({instance.release})"
        if instance.release in self.refuse:
            raise PortError(f"{name} ended before it was ready")
        if instance.release in self.deaf:
            self.starting.add(instance.id)
            try:
                self._gate.wait(self.ready_within)
            finally:
                self.starting.discard(instance.id)
            raise PortError(f"{name} isn't ready after {self.ready_within:g} s")

    def _end(self, instance: Instance) -> bool:
        """End an instance; return False if it doesn't run any more."""
        with self._lock:
            running = self._forget(instance)
            if running:
                self.order.append(f"stop {instance.service} {instance.release}")
        return running

    def _forget(self, instance: Instance) -> bool:
        self.frozen.discard(instance.id)
        return self._registry.take(instance) is not None

    def _note(self, call: str) -> None:
        with self._lock:
            self.order.append(call)


@dataclass
class FakeSubstrate(PlainSubstrate):
    """With `Limits` and `Volumes`, as processes have them, and with `Commands`, as own systems have them.

    Read `limited` for the limits by instance: (cores, bytes), or "files". `regions` are those that have volumes.
    """

    name: str = "fake"
    regions: Sequence[str] = ("us-east", "eu-west")
    limited: dict[str, Any] = field(default_factory=dict)
    destroyed: list[str] = field(default_factory=list)
    performed: dict[str, CommandSpec] = field(default_factory=dict)
    """Key → the command that acts now."""

    def perform(
        self,
        key: str,
        what: str,
        command: CommandSpec,
        undo: CommandSpec | None,
        *,
        stop: threading.Event | None = None,
        values: Mapping[str, str] | None = None,
    ) -> None:
        """Note that a command acts."""
        self.performed[key] = command

    def check(self, command: CommandSpec) -> None:
        """Do nothing: every check succeeds."""

    def undo(self, key: str) -> None:
        """Note that a command acts no more; no-op if it doesn't."""
        self.performed.pop(key, None)

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None:
        """Note a limit. Raise PortError if the instance doesn't run."""
        self._registry.find(instance)
        self.limited[instance.id] = (cpus, memory)

    def cap_files(self, instance: Instance) -> None:
        """Note that files are capped. Raise PortError if the instance doesn't run."""
        self._registry.find(instance)
        self.limited[instance.id] = "files"

    def unlimit(self, instance: Instance) -> None:
        """Lift all limits; no-op if there are none or the instance doesn't run any more."""
        self.limited.pop(instance.id, None)

    def destroy_volumes(self, region: str) -> None:
        """Note the region in `destroyed`. Raise PortError if an instance uses a volume, or `region` is unknown."""
        if region not in self.regions:
            raise PortError(f"no region {region!r}; regions: {', '.join(self.regions)}")
        for instance, (service, _) in self._registry.all():
            if instance.region == region and any(mount.volume for mount in service.mounts):
                raise PortError(f"the volumes of {region} are in use: {instance.id} still runs")
        self._note(f"destroy {region}")
        self.destroyed.append(region)


@dataclass
class IsolatingSubstrate(FakeSubstrate):
    """With the optional capability `Isolation` too, as Docker has it."""

    def isolate(self, region: str) -> None:
        self._note(f"isolate {region}")

    def join(self, region: str) -> None:
        self._note(f"join {region}")

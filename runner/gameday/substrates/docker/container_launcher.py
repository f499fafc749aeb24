"""Launching one instance as a container: image, free port, readiness.

What instances there are is the substrate's to know; a launched instance is ready, or its container is removed.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gameday.ports import Instance, PortError, Release
from gameday.substrates.docker.container_lifecycle import Containers, PortTaken
from gameday.substrates.docker.release_layers import ReleaseLayers
from gameday.substrates.instance_log import failure
from gameday.substrates.process.loopback import HOST, LoopbackPorts
from gameday.substrates.readiness import await_answer
from gameday.substrates.shutdown_gate import ShutdownGate
from gameday.topology import Service

LOOK_S = 0.2
"""Between two looks at whether the container still runs."""
TRIES = 3
"""Starts of one instance, each with a fresh port, if another program is faster to take the port."""
FREED_S = 15.0
"""How long a start waits for a fixed port, which the engine frees some time after the last container is killed."""
FREED_LOOK_S = 0.3
STARTING = 6
"""Containers of a run that the engine starts at once. More don't start sooner, and a container that is being started
when a run is killed can't be removed before it has started."""


@dataclass(frozen=True)
class Running:
    """Container and published port of a running instance; `pid` is its first process's, on the engine's machine."""

    container: str
    port: int
    pid: int


@dataclass
class ContainerLauncher:
    """Thread-safe. `image` is the tag of the image for all containers, `variables` are the run's values for the

    compose files. `fixed_ports`: service → port in its container → port on loopback that is always the same.
    """

    containers: Containers
    layers: ReleaseLayers
    gate: ShutdownGate
    ports: LoopbackPorts
    image: str
    variables: Mapping[str, str]
    fixed_ports: Mapping[str, Mapping[int, int]]
    ready_within: float
    _turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(STARTING))

    def launch(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str]
    ) -> Running:
        """Start the instance; return once it is ready.

        Raise PortError if it can't be started, ends before it is ready, or isn't ready in time; its container is
        removed then.
        """
        base = service.image.render({**self.variables, "IMAGE": self.image})
        values = {**links, "IMAGE": self.layers.image(base, release)}
        fixed = self.fixed_ports.get(service.id, {})
        tries = itertools.count(1)
        until = time.monotonic() + FREED_S
        while True:
            try:
                return self._launch(instance, service, release, values, self.ports.take(), fixed)
            except PortTaken:
                if time.monotonic() > until if fixed else next(tries) == TRIES:
                    raise
                self.gate.wait(FREED_LOOK_S if fixed else 0)

    def _launch(
        self,
        instance: Instance,
        service: Service,
        release: Release,
        values: Mapping[str, str],
        port: int,
        fixed: Mapping[int, int],
    ) -> Running:
        published = {service.port: port, **fixed}
        container = self.containers.create(instance, service, release, values, published)
        try:
            with self._turn:
                self.gate.check()
                self.containers.run(instance, container)
            pause = self._pause(instance, container)
            if not await_answer(service.ready, (HOST, port), pause, self.ready_within):
                raise self._failure(instance, container, f"isn't ready after {self.ready_within:g} s")
            return Running(container, port, self.containers.pid(instance, container))
        except BaseException:
            self.containers.discard(instance, container)
            raise

    def _pause(self, instance: Instance, container: str) -> Callable[[float], None]:
        """Return a wait that raises PortError once the container has ended or the substrate closes."""
        looked = time.monotonic()

        def pause(seconds: float) -> None:
            nonlocal looked
            self.gate.wait(seconds)
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                if not self.containers.alive(instance, container):
                    how = self.containers.how_it_ended(instance, container)
                    raise self._failure(instance, container, f"ended before it was ready ({how})")

        return pause

    def _failure(self, instance: Instance, container: str, what: str) -> PortError:
        self.containers.save_log(instance, container)
        return PortError(failure(instance, what, self.containers.log(instance)))

"""The docker substrate: containers made by the Engine API, several at once; no compose tool is needed.

Everything carries the run's label, and Compose's own project and service labels, so that its tools can list and remove
it. Each instance is published on a port of loopback, by which the runner awaits it; its log is saved to `logs` of the
run folder when it goes. Names are the engine's DNS: a container leaves it as it ends, and until then it refuses.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from gameday.ports import Instance, PortError, Release
from gameday.substrates.docker.container_kills import Burials
from gameday.substrates.docker.container_limits import Bounds, TooMuch
from gameday.substrates.docker.container_options import Names
from gameday.substrates.docker.containers import ALIVE, Containers, PortTaken
from gameday.substrates.docker.docker_client import Engine, calling, connect, of_run
from gameday.substrates.docker.networks import Networks, host
from gameday.substrates.docker.release_layers import Layers
from gameday.substrates.docker.removal import remove_patiently, remove_volumes
from gameday.substrates.instance_log import failure, log_end, out_of_memory
from gameday.substrates.instance_registry import Register
from gameday.substrates.process.loopback import HOST, Ports
from gameday.substrates.readiness import await_answer
from gameday.substrates.region_services import services_of
from gameday.substrates.shutdown_gate import Gate
from gameday.topology import Link, Service, Topology

READY_S = 60.0
LEAVE_S = 60.0
HUNG_S = 10.0
"""In place of it, where the engine is known to hang."""
PATIENCE_S = 45.0
"""For an engine that doesn't answer while everything is to be removed: it may be on its way back."""
LOOK_S = 0.2
"""Between two looks at which containers still run."""
LINK_PORTS = 20000
"""Inside the link server's container, below the ephemeral ports and free of all else."""
TRIES = 3
STARTING = 6
"""Containers of a run that the engine starts at once. More don't start sooner, and all under way when a run is killed
must have started before they can be removed."""


@dataclass(frozen=True)
class Running:
    """What stands behind an instance. `pid` is its first process's, on the engine's machine."""

    container: str
    port: int
    pid: int


class DockerSubstrate:
    """`ports.Substrate`, with `Limits` and `Volumes`.

    `image` gives the tag of the image for all containers, building it where it must be built. `variables` are values
    for the compose files, below those that are each instance's.
    """

    name = "docker"

    def __init__(
        self,
        run_id: str,
        topology: Topology,
        folder: Path,
        image: Callable[[], str],
        *,
        variables: Mapping[str, str] = MappingProxyType({}),
        edge_port: int = 0,
        ready_within: float = READY_S,
    ) -> None:
        self._run_id = run_id
        self._topology = topology
        self._logs = folder.resolve() / "logs"
        self._image_of = image
        self._image = ""
        self._variables = variables
        self._edge_port = edge_port
        self._ready_within = ready_within
        self._gate = Gate()
        self._turn = threading.Semaphore(STARTING)
        self._ports = Ports()
        self._register: Register[Running] = Register()
        self._ended: list[tuple[Instance, str]] = []
        self._starved: dict[str, str] = {}
        self._burials = Burials()
        self._look = threading.Lock()
        self._looked = -math.inf
        self._engine: Engine | None = None

    def open(self) -> None:
        """Finds the engine, the image and free ports; makes the networks. Raises PortError."""
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PortError(f"can't write to the run's folder: {error}") from None
        if self._edge_port:
            self._ports.claim(self._edge_port, "edge")
        self._engine = connect()
        self._image = self._image_of()
        with self._gate:
            self._open()

    def _open(self) -> None:
        self._layers = Layers(self._client, self._run_id)
        self._networks = Networks(self._client, self._run_id, self._topology)
        self._networks.open()
        self._bounds = Bounds(self._client)
        self._containers = Containers(
            self._client, Names(self._run_id, self._variables), self._networks, self._logs
        )

    def close(self) -> Sequence[str]:
        """Removes everything of the run, starts in flight included. What is left, as text."""
        limit = HUNG_S if self._engine and self._engine.hangs else LEAVE_S
        left = [] if self._gate.close(limit) else [f"a start was still in flight after {limit:.0f} s"]
        if self._engine:
            named = {record.container: instance for instance, record in self._register.all()}
            for instance in named.values():
                self._register.take(instance)

            def last(container: str) -> None:
                if container in named:
                    self._containers.save_log(named[container], container)

            self._burials.close(limit)
            left += remove_patiently(self._engine, self._run_id, PATIENCE_S, last)
            self._engine.close()
            self._engine = None
        self._ports.release()
        return left

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        with self._gate:
            instance = self._register.number(service, release)
            image = self._layers.image(
                service.image.render({**self._variables, "IMAGE": self._image}), release
            )
            for attempt in range(1, TRIES + 1):
                port = self._port(service)
                try:
                    self._launch(instance, service, release, {**links, "IMAGE": image}, port)
                except PortTaken:
                    if attempt == TRIES or port == self._edge_port:
                        raise
                else:
                    break
            return instance

    def stop(self, instance: Instance, grace: float) -> bool:
        """Asked to end, killed after `grace` seconds (whole ones here). Nothing where it doesn't run any more."""
        record = self._register.take(instance)
        return record is None or self._containers.stop(instance, record.container, grace)

    def kill(self, instance: Instance) -> None:
        """SIGKILL: returns once its process is gone. Nothing where it doesn't run any more."""
        if record := self._register.take(instance):
            discard = functools.partial(self._containers.discard, instance, record.container)
            self._burials.bury(discard, record.container, record.pid)
            self._networks.detached(record.container)

    def pause(self, instance: Instance) -> None:
        """Frozen, it keeps its connections and takes new ones, but answers none."""
        self._containers.freeze(instance, self._register.find(instance).container)

    def resume(self, instance: Instance) -> None:
        """Nothing where it isn't paused, or doesn't run any more."""
        if record := self._register.get(instance):
            self._containers.thaw(instance, record.container)

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None:
        """Cores, and bytes; above the bytes, or where it has more already, it is killed as out of memory."""
        container = self._register.find(instance).container
        try:
            self._bounds.limit(instance, container, cpus, memory)
        except TooMuch:
            self._starved[container] = out_of_memory(memory or 0)
            self._containers.shoot(instance, container)

    def cap_files(self, instance: Instance) -> None:
        """No file gets larger than its largest. Of a database none but the smallest grow: see `filecap`."""
        service = self._topology.service(instance.region, instance.service)
        folders = [] if service.kind == "database" else [mount.target for mount in service.mounts]
        self._bounds.cap(instance, self._register.find(instance).container, folders)

    def unlimit(self, instance: Instance) -> None:
        """Nothing where it isn't limited, or doesn't run any more."""
        if record := self._register.get(instance):
            self._bounds.lift(instance, record.container)

    def destroy_volumes(self, region: str) -> None:
        """Raises PortError where an instance with data still runs there, or where that is no region."""
        services_of(self._topology, region)
        self._burials.finish(LEAVE_S)
        remove_volumes(self._client, self._run_id, region)

    def isolate(self, region: str) -> None:
        """Takes the region's containers off the backbone; inside the region nothing changes."""
        self._networks.isolate(region)

    def join(self, region: str) -> None:
        """Puts them back under the same aliases and addresses."""
        self._networks.join(region)

    def instances(self) -> Sequence[Instance]:
        self._notice()
        return [instance for instance, _ in self._register.all()]

    def died(self) -> Sequence[tuple[Instance, str]]:
        self._notice()
        with self._look:
            ended, self._ended = self._ended, []
        return ended

    def address(self, instance: Instance) -> tuple[str, int]:
        return HOST, self._register.find(instance).port

    def upstream(self, link: Link) -> str:
        """The callee's name on the network that it shares with the caller's link server."""
        callee = self._topology.service(link.callee_region, link.callee)
        return f"{host(callee, link.caller_region)}:{callee.port}"

    def listen(self, link: Link) -> str:
        """The same at every call, so that a link server started anew is found where the old one was."""
        own = [other.name for other in self._topology.links if other.caller_region == link.caller_region]
        return f"0.0.0.0:{LINK_PORTS + own.index(link.name)}"

    def link_host(self, link: Link) -> str:
        return host(self._topology.link_server(link.caller_region), link.caller_region)

    @property
    def _client(self) -> Engine:
        if self._engine is None:
            raise PortError("the system is being taken down: no Docker engine is in use")
        return self._engine

    def _port(self, service: Service) -> int:
        if service.kind == "router" and self._edge_port:
            return self._ports.claim(self._edge_port, service.id)
        return self._ports.take()

    def _launch(
        self, instance: Instance, service: Service, release: Release, values: Mapping[str, str], port: int
    ) -> None:
        """Ready and registered, or gone."""
        container = self._containers.create(instance, service, release, values, port)
        try:
            with self._turn:
                self._gate.check()
                self._containers.run(instance, container)
            watch = self._watch(instance, container)
            if not await_answer(service.ready, (HOST, port), watch, self._ready_within):
                self._fail(instance, container, f"isn't ready after {self._ready_within:g} s")
            self._register.add(instance, Running(container, port, self._containers.pid(instance, container)))
        except BaseException:
            self._containers.discard(instance, container)
            raise

    def _watch(self, instance: Instance, container: str) -> Callable[[float], None]:
        """Waits between two tries, and looks now and then whether there still is somebody to wait for."""
        looked = time.monotonic()

        def wait(seconds: float) -> None:
            nonlocal looked
            self._gate.wait(seconds)
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                if not self._containers.alive(instance, container):
                    self._fail(instance, container, "ended before it was ready")

        return wait

    def _fail(self, instance: Instance, container: str, what: str) -> None:
        self._containers.save_log(instance, container)
        raise PortError(failure(instance, what, self._log(instance)))

    def _notice(self) -> None:
        """Takes note of containers that ended by themselves."""
        with self._look:
            if time.monotonic() - self._looked < LOOK_S or self._engine is None:
                return
            records = self._register.all()
            with calling("looking at the containers"):
                found = self._client.containers(all=True, filters=of_run(self._run_id))
            alive = {str(each["Id"]) for each in found if each["State"] in ALIVE}
            for instance, record in records:
                if record.container not in alive and self._register.take(instance):
                    self._ended.append((instance, self._bury(instance, record.container)))
            self._looked = time.monotonic()

    def _bury(self, instance: Instance, container: str) -> str:
        """Removes a container that ended by itself; why it did. One that can't be removed is left to the end."""
        why = self._starved.pop(container, "")
        try:
            why = why or self._containers.starved(instance, container)
            self._containers.discard(instance, container)
        except PortError as error:
            why = "\n".join(text for text in (why, str(error)) if text)
        end = log_end(self._log(instance))
        return "\n".join(text for text in (why, end) if text)

    def _log(self, instance: Instance) -> Path:
        return self._logs / f"{instance.id}.log"


__all__ = ["DockerSubstrate"]

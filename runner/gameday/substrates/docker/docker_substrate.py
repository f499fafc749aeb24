"""Docker substrate: containers made through the Engine API, several at once; no compose tool is needed.

Everything has the run's label, and Compose's own project and service labels, so that Compose's tools can list and
remove it. Each instance is published on a port of loopback, where the runner awaits it; its log is saved to `logs` of
the run folder when the container goes. Names are resolved by the engine's DNS: a container leaves the DNS as it ends,
and refuses connections until then.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from gameday.ports import Instance, PortError, Release
from gameday.substrates.docker.container_kills import ContainerKills
from gameday.substrates.docker.container_launcher import LOOK_S, ContainerLauncher, Running
from gameday.substrates.docker.container_lifecycle import ALIVE, Containers
from gameday.substrates.docker.container_limits import ContainerLimits, TooMuch
from gameday.substrates.docker.container_options import ContainerNames
from gameday.substrates.docker.docker_client import Engine, calling, connect, of_run
from gameday.substrates.docker.networks import Networks, entry_ports, host, link_port
from gameday.substrates.docker.release_layers import ReleaseLayers
from gameday.substrates.docker.removal import remove_patiently, remove_volumes
from gameday.substrates.instance_log import log_end, out_of_memory
from gameday.substrates.instance_registry import InstanceRegistry
from gameday.substrates.process.loopback import HOST, LoopbackPorts
from gameday.substrates.region_services import entry_of, services_of
from gameday.substrates.shutdown_gate import ShutdownGate
from gameday.topology import Link, Service, Topology

READY_S = 60.0
LEAVE_S = 60.0
"""How long `close` waits for starts in flight."""
HUNG_S = 10.0
"""The same if the engine is known to hang."""
PATIENCE_S = 45.0
"""How long a removal is retried if the engine doesn't answer: it may be restarting."""


class DockerSubstrate:
    """`ports.Substrate`, with `Limits` and `Volumes`.

    `image` returns the tag of the image for all containers, and builds it if it must. `variables` are values for the
    compose files; an instance's own values take precedence.
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
        entry_port: int = 0,
        ready_within: float = READY_S,
    ) -> None:
        self._run_id = run_id
        self._topology = topology
        self._logs = folder.resolve() / "logs"
        self._image = image
        self._variables = variables
        self._entry_port = entry_port
        self._ready_within = ready_within
        self._gate = ShutdownGate()
        self._ports = LoopbackPorts()
        self._registry: InstanceRegistry[Running] = InstanceRegistry()
        self._dead: list[tuple[Instance, str]] = []
        """Instances that ended by themselves and their containers, which are still to be removed."""
        self._died: list[tuple[Instance, str]] = []
        self._out_of_memory: dict[str, str] = {}
        self._kills = ContainerKills()
        self._look = threading.Lock()
        self._burying = threading.Lock()
        self._looked = -math.inf
        self._engine: Engine | None = None

    def open(self) -> None:
        """Connect to the engine, find the image and free ports, make the networks. Raise PortError if that fails."""
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PortError(f"can't write to the run's folder: {error}") from None
        entry = self._topology.entry
        if entry and self._entry_port:
            self._ports.claim(self._entry_port, entry.name)
        elif entry:
            self._entry_port = self._ports.take()
        self._engine = connect()
        image = self._image()
        with self._gate:
            self._open(image)

    def _open(self, image: str) -> None:
        self._networks = Networks(self._client, self._run_id, self._topology)
        self._networks.open()
        self._limits = ContainerLimits(self._client)
        names = ContainerNames(self._run_id, self._variables)
        self._containers = Containers(self._client, names, self._networks, self._logs)
        self._launcher = ContainerLauncher(
            self._containers,
            ReleaseLayers(self._client, self._run_id),
            self._gate,
            self._ports,
            image,
            self._variables,
            entry_ports(self._topology, self._entry_port),
            self._ready_within,
        )

    def close(self) -> Sequence[str]:
        """Remove everything of the run, starts in flight included; return what is left, one text for each."""
        limit = HUNG_S if self._engine and self._engine.hangs else LEAVE_S
        left = [] if self._gate.close(limit) else [f"a start was still in flight after {limit:.0f} s"]
        if self._engine:
            instances = {running.container: instance for instance, running in self._registry.all()}
            for instance in instances.values():
                self._registry.take(instance)
            with self._look:
                instances |= {container: instance for instance, container in self._dead}

            def save_log(container: str) -> None:
                if container in instances:
                    self._containers.save_log(instances[container], container)

            self._kills.close(limit)
            left += remove_patiently(self._engine, self._run_id, PATIENCE_S, save_log)
            self._engine.close()
            self._engine = None
        self._ports.release()
        return left

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        """Start an instance and return once it is ready. Raise PortError if it doesn't become ready."""
        with self._gate:
            instance = self._registry.number(service, release)
            self._registry.add(instance, self._launcher.launch(instance, service, release, links))
            return instance

    def stop(self, instance: Instance, grace: float) -> bool:
        """Send the stop signal, kill after `grace` seconds (rounded up); return False if the instance was killed.

        No-op, returning True, if it doesn't run any more.
        """
        running = self._registry.take(instance)
        return running is None or self._containers.stop(instance, running.container, grace)

    def kill(self, instance: Instance) -> None:
        """Send SIGKILL; return once the first process is gone. No-op if the instance doesn't run any more."""
        if running := self._registry.take(instance):
            discard = functools.partial(self._containers.discard, instance, running.container)
            self._kills.kill(discard, running.container, running.pid)
            self._networks.detached(running.container)

    def pause(self, instance: Instance) -> None:
        """Freeze the container: it keeps connections, the kernel accepts new ones, none is answered."""
        self._containers.freeze(instance, self._registry.find(instance).container)

    def resume(self, instance: Instance) -> None:
        """Thaw the container; no-op if it isn't paused or doesn't run any more."""
        if running := self._registry.get(instance):
            self._containers.thaw(instance, running.container)

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None:
        """Limit processor time (cores) or memory (bytes); an instance above its memory is killed."""
        container = self._registry.find(instance).container
        try:
            self._limits.limit(instance, container, cpus, memory)
        except TooMuch:
            self._out_of_memory[container] = out_of_memory(memory or 0)
            self._containers.kill(instance, container)

    def cap_files(self, instance: Instance) -> None:
        """Let no file of the instance grow beyond its largest; of a database, only the smallest grow.

        See `file_size_limit`.
        """
        service = self._topology.service(instance.region, instance.service)
        folders = [] if service.kind == "database" else [mount.target for mount in service.mounts]
        self._limits.cap(instance, self._registry.find(instance).container, folders)

    def unlimit(self, instance: Instance) -> None:
        """Lift all limits; no-op if there are none or the instance doesn't run any more."""
        if running := self._registry.get(instance):
            self._limits.lift(instance, running.container)

    def destroy_volumes(self, region: str) -> None:
        """Remove the region's volumes. Raise PortError if a container still uses one, or `region` is unknown."""
        services_of(self._topology, region)
        self._bury_the_dead()
        self._kills.finish(LEAVE_S)
        remove_volumes(self._client, self._run_id, region)

    def isolate(self, region: str) -> None:
        """Take the region's containers off the backbone; inside the region nothing changes."""
        self._networks.isolate(region)

    def join(self, region: str) -> None:
        """Put the region's containers back under the same aliases and addresses."""
        self._networks.join(region)

    def instances(self) -> Sequence[Instance]:
        """Return the running instances."""
        self._notice_the_dead()
        return [instance for instance, _ in self._registry.all()]

    def died(self) -> Sequence[tuple[Instance, str]]:
        """Return the instances that ended by themselves since the last call, each with the reason.

        Remove their containers first, which may take seconds for each.
        """
        self._notice_the_dead()
        self._bury_the_dead()
        with self._look:
            died, self._died = self._died, []
        return died

    def address(self, instance: Instance) -> tuple[str, int]:
        """Return host and published port of a running instance. Raise PortError if it doesn't run."""
        return HOST, self._registry.find(instance).port

    def upstream(self, link: Link) -> str:
        """Return the callee's name and port on the network that it shares with the caller's link server."""
        callee = self._topology.service(link.callee_region, link.callee)
        return f"{host(callee, link.caller_region)}:{callee.port}"

    def listen(self, link: Link) -> str:
        """Return the link's `host:port`, always the same, so that a restarted link server has the old address."""
        return f"0.0.0.0:{link_port(self._topology, link)}"

    def entrance(self) -> tuple[str, int]:
        """Return where the entry link is published. Raise PortError if the topology has none."""
        entry_of(self._topology)
        return HOST, self._entry_port

    def link_host(self, link: Link) -> str:
        """Return the name of the caller region's link server."""
        return host(self._topology.link_server(link.caller_region), link.caller_region)

    @property
    def _client(self) -> Engine:
        if self._engine is None:
            raise PortError("the system is being taken down: no Docker engine is in use")
        return self._engine

    def _notice_the_dead(self) -> None:
        """Note containers that ended by themselves; at most one look at the engine every 0.2 s."""
        with self._look:
            if time.monotonic() - self._looked < LOOK_S or self._engine is None:
                return
            instances = self._registry.all()
            with calling("looking at the containers"):
                containers = self._client.containers(all=True, filters=of_run(self._run_id))
            alive = {str(container["Id"]) for container in containers if container["State"] in ALIVE}
            for instance, running in instances:
                if running.container not in alive and self._registry.take(instance):
                    self._dead.append((instance, running.container))
            self._looked = time.monotonic()

    def _bury_the_dead(self) -> None:
        """Remove the containers of the noted instances; the next call of `died` reports these."""
        with self._burying:
            with self._look:
                dead, self._dead = self._dead, []
            for instance, container in dead:
                reason = self._bury(instance, container)
                with self._look:
                    self._died.append((instance, reason))

    def _bury(self, instance: Instance, container: str) -> str:
        """Remove a container that ended by itself; return the reason.

        A container that can't be removed now is removed at the run's end.
        """
        reason = self._out_of_memory.pop(container, "")
        try:
            reason = reason or self._containers.how_it_ended(instance, container)
            self._containers.discard(instance, container)
        except PortError as error:
            reason = "\n".join(text for text in (reason, str(error)) if text)
        end = log_end(self._containers.log(instance))
        return "\n".join(text for text in (reason, end) if text)


__all__ = ["DockerSubstrate"]

"""Process substrate: the compose files' commands as child processes on loopback; nothing to install.

An instance is a tree of processes (`process_tree`) behind a free port (`loopback`) and a name (`name_table`). Its output
goes to `logs/<instance>.log` of the run folder; its data lie below `work`, which is removed at the end, or in the run's
`runtime_folder`. There is no network between plain processes, so a region fault acts on the region's links alone.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from gameday.ports import Instance, PortError, Release
from gameday.substrates.instance_log import log_end
from gameday.substrates.instance_registry import InstanceRegistry
from gameday.substrates.process import runtime_folder, shared_memory, small_disks
from gameday.substrates.process.guard import Guard
from gameday.substrates.process.launch_spec import LaunchPlanner
from gameday.substrates.process.limits.memory_limit import MemoryWatch
from gameday.substrates.process.limits.process_limits import ProcessLimits
from gameday.substrates.process.loopback import HOST, LoopbackPorts
from gameday.substrates.process.name_table import NameTable, Table, table_key
from gameday.substrates.process.process_launcher import ProcessLauncher, Running
from gameday.substrates.process.process_tree import ProcessTree, signal_number, sweep
from gameday.substrates.region_services import entry_of, services_of
from gameday.substrates.shutdown_gate import ShutdownGate
from gameday.topology import Link, Service, Topology

READY_S = 60.0
LEAVE_S = 15.0
"""How long `close` waits for starts in flight."""


class ProcessSubstrate:
    """`ports.Substrate`, with `Limits`, `Volumes` and `Disks`.

    `folder` is the run's; `template_dir` returns the folder that a database's data are copied from. `variables` are
    values for the compose files; an instance's own values take precedence. The volumes of the services in `disks` are
    file systems of their own if mounting is permitted.

    `names_changed` gets the name table after each change, for a Toxiproxy server that can't read the file.
    `link_command` (host, port, name table's path) returns the command of a link server; without it the compose file's
    is used, with `--names PATH` added.
    """

    name = "process"

    def __init__(
        self,
        run_id: str,
        topology: Topology,
        folder: Path,
        template_dir: Callable[[], Path],
        *,
        variables: Mapping[str, str] = MappingProxyType({}),
        disks: Collection[str] = (),
        entry_port: int = 0,
        names_changed: Callable[[Table], None] | None = None,
        link_command: Callable[[str, int, Path], Sequence[str]] | None = None,
        ready_within: float = READY_S,
    ) -> None:
        self._run_id = run_id
        self._topology = topology
        self._logs = folder.resolve() / "logs"
        self._work = folder.resolve() / "work"
        self._gate = ShutdownGate()
        self._ports = LoopbackPorts()
        self._registry: InstanceRegistry[Running] = InstanceRegistry()
        self._names = NameTable(self._work / "names.json", names_changed)
        self._runtime: Path | None = None
        planner = LaunchPlanner(self._work, variables, self._names.path, template_dir, link_command)
        self._launcher = ProcessLauncher(
            run_id, self._logs, self._gate, self._ports, self._names, planner, ready_within
        )
        self._limits = ProcessLimits()
        self._memory: MemoryWatch | None = None
        self._guard: Guard | None = None
        self._entry_port = entry_port
        self._disks = disks
        self._listens: dict[str, int] = {}
        self._died: list[tuple[Instance, str]] = []
        self._checking_guard = threading.Lock()

    def open(self) -> None:
        """Make the folders and the name table, find a port for every link. Raise PortError if that fails."""
        with self._gate:
            self._make_folders()
            self._listens = {link.name: self._listen_port(link) for link in self._topology.links}
            self._memory = MemoryWatch(self._limited, self._bury)

    def close(self) -> Sequence[str]:
        """End everything, starts in flight included; return what is left, one text for each."""
        left = [] if self._gate.close(LEAVE_S) else [f"a start was still in flight after {LEAVE_S:.0f} s"]
        self._limits.close()
        if self._memory:
            self._memory.end()
        databases_last = sorted(self._registry.all(), key=lambda pair: pair[1].service.kind == "database")
        with ThreadPoolExecutor(8, thread_name_prefix="close") as pool:
            list(pool.map(lambda pair: self._launcher.end(*pair), databases_last))
        for instance, _ in self._registry.all():
            self._registry.take(instance)
        left += sweep(self._run_id, 0)
        for folder in filter(None, (self._work, self._runtime)):
            shared_memory.remove(folder)
        if self._guard:
            self._guard.dismiss()
            self._guard = None
        self._ports.release()
        return left + self._remove_folders()

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        """Start an instance and return once it is ready. Raise PortError if it doesn't become ready."""
        with self._gate:
            self._check_guard()
            instance = self._registry.number(service, release)
            self._registry.add(instance, self._launcher.launch(instance, service, release, links))
            return instance

    def stop(self, instance: Instance, grace: float) -> bool:
        """Unname the instance, send its stop signal, kill it after `grace` seconds; return False if it was killed.

        No-op, returning True, if it doesn't run any more.
        """
        running = self._registry.take(instance)
        if running is None:
            return True
        try:
            self._launcher.unname(running)
            running.tree.signal(signal_number(running.service.stop_signal))
            running.tree.thaw()
            return running.tree.ended(grace)
        finally:
            self._launcher.kill(instance, running)

    def kill(self, instance: Instance) -> None:
        """Send SIGKILL to the whole process tree; no-op if the instance doesn't run any more."""
        if running := self._registry.take(instance):
            self._launcher.kill(instance, running)
            self._launcher.unname(running)

    def pause(self, instance: Instance) -> None:
        """Stop the processes: they keep connections, the kernel accepts new ones, none is answered."""
        self._registry.find(instance).tree.freeze()

    def resume(self, instance: Instance) -> None:
        """Continue the processes; no-op if the instance isn't paused or doesn't run any more."""
        if running := self._registry.get(instance):
            running.tree.thaw()

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None:
        """Limit processor time (cores) or memory (bytes); an instance above its memory is killed."""
        self._limits.limit(instance, self._registry.find(instance).tree, cpus, memory)

    def cap_files(self, instance: Instance) -> None:
        """Let no file of the instance grow beyond its largest; of a database, only the smallest grow.

        See `file_size_limit`.
        """
        running = self._registry.find(instance)
        database = running.service.kind == "database"
        folders = () if database else (self._launcher.planner.data(instance, running.service),)
        self._limits.cap(instance, running.tree, folders, self._launcher.log(instance))

    def unlimit(self, instance: Instance) -> None:
        """Lift all limits; no-op if there are none or the instance doesn't run any more."""
        running = self._registry.get(instance)
        self._limits.lift(instance, running.tree if running else None)

    def has_disk(self, region: str, service: str) -> bool:
        """Return True if the service's volume is a file system of its own."""
        return small_disks.mounted(self._volume(region, service)) if service in self._disks else False

    def fill_disk(self, region: str, service: str) -> None:
        """Take every free byte of the volume's file system. Raise PortError if it has none of its own."""
        small_disks.fill(self._volume(region, service))

    def empty_disk(self, region: str, service: str) -> None:
        """Free what `fill_disk` took."""
        small_disks.empty(self._volume(region, service))

    def _volume(self, region: str, service: str) -> Path:
        return self._launcher.planner.volumes(self._topology.service(region, service))[0]

    def destroy_volumes(self, region: str) -> None:
        """Remove the region's volumes. Raise PortError if an instance still uses one, or `region` is unknown."""
        services, planner = services_of(self._topology, region), self._launcher.planner
        for instance, running in self._registry.all():
            if running.service in services and planner.volumes(running.service):
                raise PortError(f"the volumes of {region} are in use: {instance.id} still runs")
        planner.destroy(services)

    def instances(self) -> Sequence[Instance]:
        """Return the running instances."""
        self._bury_the_dead()
        return [instance for instance, _ in self._registry.all()]

    def died(self) -> Sequence[tuple[Instance, str]]:
        """Return the instances that ended by themselves since the last call, each with the reason."""
        self._bury_the_dead()
        return [self._died.pop(0) for _ in range(len(self._died))]

    def address(self, instance: Instance) -> tuple[str, int]:
        """Return host and port of a running instance. Raise PortError if it doesn't run."""
        return HOST, self._registry.find(instance).port

    def upstream(self, link: Link) -> str:
        """Return the callee's key in the name table."""
        return table_key(self._topology.service(link.callee_region, link.callee))

    def listen(self, link: Link) -> str:
        """Return the link's `host:port`, always the same, so that a restarted link server has the old address."""
        return f"{HOST}:{self._listens[link.name]}"

    def entrance(self) -> tuple[str, int]:
        """Return where the entry link listens. Raise PortError if the topology has none."""
        return HOST, self._listens[entry_of(self._topology).name]

    def link_host(self, link: Link) -> str:
        """Return the host of the link's server."""
        return HOST

    def _listen_port(self, link: Link) -> int:
        if link == self._topology.entry and self._entry_port:
            return self._ports.claim(self._entry_port, link.name)
        return self._ports.take()

    def _make_folders(self) -> None:
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
            self._work.mkdir(parents=True, exist_ok=True)
            self._names.write()
            self._guard = Guard(self._run_id, self._logs / "guard.log")
        except OSError as error:
            raise PortError(f"can't write to the run's folder: {error}") from None
        self._runtime = runtime_folder.runtime_folder(self._run_id)
        runtime_folder.make(self._runtime)
        moved = None if runtime_folder.enterable(self._work / "volumes") else self._runtime
        planner = replace(self._launcher.planner, runtime=self._runtime, data_home=moved)
        self._launcher = replace(self._launcher, planner=planner)
        for service in self._topology.services:
            for folder in planner.volumes(service) if service.name in self._disks else ():
                small_disks.mount(folder)

    def _remove_folders(self) -> list[str]:
        for folder in filter(None, (self._work, self._runtime)):
            small_disks.unmount_below(folder)
        shutil.rmtree(self._work, ignore_errors=True)
        left = [str(self._work)] if self._work.exists() else []
        if self._runtime and not runtime_folder.remove(self._runtime):
            left.append(str(self._runtime))
        return left

    def _check_guard(self) -> None:
        with self._checking_guard:
            if self._guard:
                self._guard.check()

    def _limited(self) -> Iterator[tuple[Instance, ProcessTree, int]]:
        """Yield each instance with a memory limit, its processes and the limit in bytes."""
        for instance, running in self._registry.all():
            if limit := self._limits.memory(instance, running.service.mem_limit):
                yield instance, running.tree, limit

    def _bury_the_dead(self) -> None:
        for instance, running in self._registry.all():
            if running.tree.ended():
                self._bury(instance)

    def _bury(self, instance: Instance, reason: str = "") -> None:
        """End what is left of an instance and note it as dead, unless another thread has done so."""
        if running := self._registry.take(instance):
            reason = reason or running.tree.how_it_ended()
            self._launcher.kill(instance, running)
            end = log_end(self._launcher.log(instance))
            self._died.append((instance, "\n".join(text for text in (reason, end) if text)))
            self._launcher.unname(running)

"""The process substrate: the compose files' commands as child processes on loopback; nothing to install.

An instance is a tree of processes (`tree`) behind a free port (`loopback`) and a name (`names`). Its output goes to
`logs/<instance>.log` of the run folder, its data below `work`, which is removed at the end. There is no network between
plain processes, so a region's networks can't be cut off here: a region fault acts on its links alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from gameday.ports import Instance, PortError, Release
from gameday.recording.atomic_file import words
from gameday.substrates.instance_log import failure, log_end
from gameday.substrates.instance_registry import Register
from gameday.substrates.process import runtime_folder, shared_memory
from gameday.substrates.process.guard import Guard
from gameday.substrates.process.launch_spec import Planner
from gameday.substrates.process.loopback import HOST, Ports
from gameday.substrates.process.memory_limit import MemoryWatch
from gameday.substrates.process.name_table import Names, Table, name
from gameday.substrates.process.process_limits import Limits
from gameday.substrates.process.process_tree import Tree, numbered, sweep
from gameday.substrates.readiness import await_answer
from gameday.substrates.region_services import services_of
from gameday.substrates.shutdown_gate import Gate
from gameday.topology import Link, Service, Topology

READY_S = 60.0
LEAVE_S = 15.0
DATABASE_GRACE_S = 5.0
TRIES = 3
"""With a fresh port each, where another program was faster to take it."""
TAKEN = re.compile(rb"EADDRINUSE|address already in use|errno 98", re.IGNORECASE)


@dataclass(frozen=True)
class Running:
    """What stands behind an instance."""

    service: Service
    tree: Tree
    port: int


class PortTaken(PortError):
    """The instance ended because somebody else has its port."""


class ProcessSubstrate:
    """`ports.Substrate`, with `Limits` and `Volumes`. `folder` is the run's; `template_dir` gives the folder that a
    database's data is copied from. `variables` are values for the compose files, below those that are each instance's.

    `names_changed` is told the names table after each change: a Toxiproxy server that can't read the file needs it.
    `link_command` (host, port, names table) gives the command of a link server; None is that of the compose file, told
    of the names table by `--names PATH`.
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
        edge_port: int = 0,
        names_changed: Callable[[Table], None] | None = None,
        link_command: Callable[[str, int, Path], Sequence[str]] | None = None,
        ready_within: float = READY_S,
    ) -> None:
        self._run_id = run_id
        self._topology = topology
        self._logs = folder.resolve() / "logs"
        self._work = folder.resolve() / "work"
        self._edge_port = edge_port
        self._ready_within = ready_within
        self._gate = Gate()
        self._ports = Ports()
        self._register: Register[Running] = Register()
        self._names = Names(self._work / "names.json", names_changed)
        self._runtime: Path | None = None
        self._planner = Planner(self._work, variables, self._names.path, template_dir, link_command)
        self._limits = Limits()
        self._memory: MemoryWatch | None = None
        self._listens: dict[str, int] = {}
        self._ended: list[tuple[Instance, str]] = []
        self._guard: Guard | None = None

    def open(self) -> None:
        """Makes the folders and the names table, and finds a port for every link. Raises PortError."""
        with self._gate:
            self._open()

    def _open(self) -> None:
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
        self._planner = replace(self._planner, runtime=self._runtime, data_home=moved)
        if self._edge_port:
            self._ports.claim(self._edge_port, "edge")
        self._listens = {link.name: self._ports.take() for link in self._topology.links}
        self._memory = MemoryWatch(self._bounded, self._bury)

    def close(self) -> Sequence[str]:
        """Ends everything, starts in flight included. What is left, as text."""
        left = [] if self._gate.close(LEAVE_S) else [f"a start was still in flight after {LEAVE_S:.0f} s"]
        self._limits.close()
        if self._memory:
            self._memory.end()
        ordered = sorted(self._register.all(), key=lambda each: each[1].service.kind == "database")
        with ThreadPoolExecutor(8, thread_name_prefix="close") as pool:
            list(pool.map(lambda each: self._end(*each), ordered))
        for instance, _ in self._register.all():
            self._register.take(instance)
        left += sweep(self._run_id, 0)
        for folder in filter(None, (self._work, self._runtime)):
            shared_memory.remove(folder)
        if self._guard:
            self._guard.dismiss()
            self._guard = None
        self._ports.release()
        return left + self._clear()

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        with self._gate:
            if self._guard:
                self._guard.check()
            instance = self._register.number(service, release)
            for attempt in range(1, TRIES + 1):
                port = self._port(service)
                try:
                    self._launch(instance, service, release, links, port)
                except PortTaken:
                    if attempt == TRIES or port == self._edge_port:
                        raise
                else:
                    break
            return instance

    def stop(self, instance: Instance, grace: float) -> bool:
        """Off the names table, asked to end, killed after `grace` seconds. Nothing where it doesn't run any more."""
        record = self._register.take(instance)
        if record is None:
            return True
        try:
            self._unname(record)
            record.tree.ask(numbered(record.service.stop_signal))
            record.tree.thaw()
            return record.tree.ended(grace)
        finally:
            self._kill(instance, record.service, record.tree)

    def kill(self, instance: Instance) -> None:
        """SIGKILL to the whole tree. Nothing where it doesn't run any more."""
        if record := self._register.take(instance):
            self._kill(instance, record.service, record.tree)
            self._unname(record)

    def pause(self, instance: Instance) -> None:
        """Stopped, it keeps its connections and takes new ones, but answers none."""
        self._register.find(instance).tree.freeze()

    def resume(self, instance: Instance) -> None:
        """Nothing where it isn't paused, or doesn't run any more."""
        if record := self._register.get(instance):
            record.tree.thaw()

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None:
        """Cores, and bytes; above the bytes, or where it has more already, it is killed as out of memory."""
        self._limits.limit(instance, self._register.find(instance).tree, cpus, memory)

    def cap_files(self, instance: Instance) -> None:
        """No file gets larger than its largest. Of a database none but the smallest grow: see `filecap`."""
        record = self._register.find(instance)
        folders = () if record.service.kind == "database" else (self._planner.data(instance, record.service),)
        self._limits.cap(instance, record.tree, folders, self._log(instance))

    def unlimit(self, instance: Instance) -> None:
        """Nothing where it isn't limited, or doesn't run any more."""
        record = self._register.get(instance)
        self._limits.lift(instance, record.tree if record else None)

    def destroy_volumes(self, region: str) -> None:
        """Raises PortError where an instance with data still runs there, or where that is no region."""
        services = services_of(self._topology, region)
        for instance, record in self._register.all():
            if record.service in services and self._planner.volumes(record.service):
                raise PortError(f"the volumes of {region} are in use: {instance.id} still runs")
        self._planner.destroy(services)

    def instances(self) -> Sequence[Instance]:
        self._notice()
        return [instance for instance, _ in self._register.all()]

    def died(self) -> Sequence[tuple[Instance, str]]:
        self._notice()
        return [self._ended.pop(0) for _ in range(len(self._ended))]

    def address(self, instance: Instance) -> tuple[str, int]:
        return HOST, self._register.find(instance).port

    def upstream(self, link: Link) -> str:
        """A key of the names table."""
        return name(self._topology.service(link.callee_region, link.callee))

    def listen(self, link: Link) -> str:
        """The same at every call, so that a link server started anew is found where the old one was."""
        return f"{HOST}:{self._listens[link.name]}"

    def link_host(self, link: Link) -> str:
        return HOST

    def _port(self, service: Service) -> int:
        if service.kind == "router" and self._edge_port:
            return self._ports.claim(self._edge_port, service.id)
        return self._ports.take()

    def _launch(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str], port: int
    ) -> None:
        """Ready and registered, or gone."""
        log = self._log(instance)
        try:
            plan = self._planner.plan(instance, service, release, links, port)
            tree = Tree.spawn(plan.command, plan.environment, plan.home, log, self._run_id, instance.id)
        except OSError as error:
            raise PortError(
                f"{instance.id} ({release.name}) can't be started: {words(error, self._work)}"
            ) from None
        try:
            if not await_answer(
                service.ready, (HOST, port), lambda s: self._pause(instance, tree, log, s), self._ready_within
            ):
                raise PortError(failure(instance, f"isn't ready after {self._ready_within:g} s", log))
            self._names.add(name(service), f"{HOST}:{port}")
            self._register.add(instance, Running(service, tree, port))
        except BaseException:
            self._kill(instance, service, tree)
            self._names.remove(name(service), f"{HOST}:{port}")
            raise

    def _pause(self, instance: Instance, tree: Tree, log: Path, seconds: float) -> None:
        self._gate.check()
        if tree.ended(seconds):
            kind = PortTaken if TAKEN.search(log_end(log).encode()) else PortError
            raise kind(failure(instance, "ended before it was ready", log))

    def _unname(self, record: Running) -> None:
        """Nobody dials it any more."""
        self._names.remove(name(record.service), f"{HOST}:{record.port}")

    def _notice(self) -> None:
        """Takes note of those that ended by themselves."""
        for instance, record in self._register.all():
            if record.tree.ended():
                self._bury(instance)

    def _bounded(self) -> Iterator[tuple[Instance, Tree, int]]:
        """Everybody with a bound on memory."""
        for instance, record in self._register.all():
            if bound := self._limits.memory(instance, record.service.mem_limit):
                yield instance, record.tree, bound

    def _bury(self, instance: Instance, why: str = "") -> None:
        """What is left of it ends; it is told among the dead."""
        if record := self._register.take(instance):
            self._kill(instance, record.service, record.tree)
            end = log_end(self._log(instance))
            self._ended.append((instance, "\n".join(text for text in (why, end) if text)))
            self._unname(record)

    def _log(self, instance: Instance) -> Path:
        return self._logs / f"{instance.id}.log"

    def _end(self, instance: Instance, record: Running) -> None:
        """A database may shut down; nobody else needs time."""
        if record.service.kind == "database":
            record.tree.thaw()
            record.tree.ask(numbered(record.service.stop_signal))
            record.tree.ended(DATABASE_GRACE_S)
        self._kill(instance, record.service, record.tree)

    def _kill(self, instance: Instance, service: Service, tree: Tree) -> None:
        """With the shared memory that a database leaves when it is killed."""
        tree.kill()
        if service.kind == "database":
            shared_memory.remove_of(self._planner.data(instance, service))

    def _clear(self) -> list[str]:
        shutil.rmtree(self._work, ignore_errors=True)
        left = [str(self._work)] if self._work.exists() else []
        if self._runtime and not runtime_folder.remove(self._runtime):
            left.append(str(self._runtime))
        return left

"""The process substrate: the compose files' commands as child processes on loopback; nothing to install.

An instance is a tree of processes (`tree`) behind a free port (`loopback`) and a name (`names`). Its output goes to
`logs/<instance>.log` of the run folder, its data below `work`, which is removed at the end. There is no network between
plain processes, so a region can't be cut off here: `isolate` and `join` refuse; a region fault acts on its links alone.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import runner
from runner.ports import Instance, PortError, Release
from runner.substrates.gate import Gate
from runner.substrates.guard import Guard
from runner.substrates.logs import failure, log_end
from runner.substrates.loopback import HOST, Ports
from runner.substrates.names import Names, Table, name
from runner.substrates.readiness import await_answer
from runner.substrates.register import Register
from runner.substrates.tree import Tree, sweep
from runner.topology import Link, Service, Topology

READY_S = 30.0
LEAVE_S = 15.0
DATABASE_GRACE_S = 5.0
TRIES = 3
"""With a fresh port each, where another program was faster to take it."""
TAKEN = re.compile(rb"EADDRINUSE|address already in use|errno 98", re.IGNORECASE)
PACKAGE_HOME = str(Path(runner.__file__).resolve().parent.parent)


@dataclass(frozen=True)
class Running:
    """What stands behind an instance."""

    service: Service
    tree: Tree
    port: int


class PortTaken(PortError):
    """The instance ended because somebody else has its port."""


class ProcessSubstrate:
    """`ports.Substrate`. `folder` is the run's; `template_dir` gives the folder that a database's data is copied from.

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
        edge_port: int = 0,
        names_changed: Callable[[Table], None] | None = None,
        link_command: Callable[[str, int, Path], Sequence[str]] | None = None,
        ready_within: float = READY_S,
    ) -> None:
        self._run_id = run_id
        self._topology = topology
        self._logs = folder.resolve() / "logs"
        self._work = folder.resolve() / "work"
        self._template_dir = template_dir
        self._edge_port = edge_port
        self._link_command = link_command
        self._ready_within = ready_within
        self._gate = Gate()
        self._ports = Ports()
        self._register: Register[Running] = Register()
        self._names = Names(self._work / "names.json", names_changed)
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
        except OSError as error:
            raise PortError(f"can't write to the run's folder: {error}") from None
        if self._edge_port:
            self._ports.claim(self._edge_port, "edge")
        self._listens = {link.name: self._ports.take() for link in self._topology.links}
        self._guard = Guard(self._run_id, self._base_environment())

    def close(self) -> Sequence[str]:
        """Ends everything, starts in flight included. What is left, as text."""
        left = [] if self._gate.close(LEAVE_S) else [f"a start was still in flight after {LEAVE_S:.0f} s"]
        running = [record for _, record in self._register.all()]
        ordered = sorted(running, key=lambda record: record.service.kind == "database")
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="close") as pool:
            list(pool.map(self._end, ordered))
        for instance, _ in self._register.all():
            self._register.take(instance)
        left += sweep(self._run_id, 0)
        if self._guard:
            self._guard.dismiss()
            self._guard = None
        self._ports.release()
        return left + self._clear()

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        with self._gate:
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

    def stop(self, instance: Instance, grace: float) -> None:
        """Off the names table, asked to end, killed after `grace` seconds. Nothing where it doesn't run any more."""
        if record := self._register.take(instance):
            try:
                self._unname(record)
                record.tree.ask(_number(record.service.stop_signal))
                record.tree.thaw()
                record.tree.ended(grace)
            finally:
                record.tree.kill()

    def kill(self, instance: Instance) -> None:
        """SIGKILL to the whole tree. Nothing where it doesn't run any more."""
        if record := self._register.take(instance):
            record.tree.kill()
            self._unname(record)

    def pause(self, instance: Instance) -> None:
        """Stopped, it keeps its connections and takes new ones, but answers none."""
        self._register.find(instance).tree.freeze()

    def resume(self, instance: Instance) -> None:
        self._register.find(instance).tree.thaw()

    def isolate(self, region: str) -> None:
        """Raises PortError always: see the module."""
        raise PortError(
            f"{region} can't be cut off on the process substrate: act on its links, or use --substrate docker"
        )

    def join(self, region: str) -> None:
        """Raises PortError always, as `isolate`."""
        self.isolate(region)

    def instances(self) -> Sequence[Instance]:
        self._notice()
        return [instance for instance, _ in self._register.all()]

    def died(self) -> Sequence[tuple[Instance, str]]:
        self._notice()
        ended = []
        while self._ended:
            ended.append(self._ended.pop(0))
        return ended

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
        log = self._logs / f"{instance.id}.log"
        command, environment, home = self._plan(instance, service, release, links, port)
        try:
            tree = Tree.spawn(command, environment, home, log, self._run_id, instance.id)
        except OSError as error:
            raise PortError(f"{instance.id} ({release.name}) can't be started: {error}") from None
        try:
            if not await_answer(
                service.ready, (HOST, port), lambda s: self._pause(instance, tree, log, s), self._ready_within
            ):
                raise PortError(failure(instance, f"isn't ready after {self._ready_within:g} s", log))
            self._names.add(name(service), f"{HOST}:{port}")
            self._register.add(instance, Running(service, tree, port))
        except BaseException:
            tree.kill()
            self._names.remove(name(service), f"{HOST}:{port}")
            raise

    def _pause(self, instance: Instance, tree: Tree, log: Path, seconds: float) -> None:
        self._gate.check()
        if tree.ended(seconds):
            kind = PortTaken if TAKEN.search(log_end(log).encode()) else PortError
            raise kind(failure(instance, "ended before it was ready", log))

    def _plan(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str], port: int
    ) -> tuple[list[str], dict[str, str], Path]:
        """Command, environment and working folder."""
        home = self._work / instance.id
        home.mkdir(parents=True, exist_ok=True)
        values = self._values(instance, service, port, home) | dict(links)
        environment = {key: template.render(values) for key, template in service.environment.items()}
        command = self._command(service, values)
        # What has no tree is the runner's own (the link server), installed or from a checkout.
        path = {"PYTHONPATH": str(release.tree.resolve()) if release.tree else PACKAGE_HOME}
        return command, self._base_environment() | path | environment, home

    def _values(self, instance: Instance, service: Service, port: int, home: Path) -> dict[str, str]:
        """Of the variables in the compose file, those that a process needs."""
        volume = next((mount.volume for mount in service.mounts if mount.volume), None)
        data = self._work / "volumes" / f"{service.region}-{volume}" if volume else home
        data.mkdir(parents=True, exist_ok=True)
        values = {
            "PORT": str(port),
            "HOST": HOST,
            "REGION": service.region,
            "RELEASE": instance.release,
            "INSTANCE": instance.id,
            "DATA_DIR": str(data),
        }
        asked = (*service.command, *service.environment.values())
        if any("TEMPLATE_DIR" in template.variables() for template in asked):
            values["TEMPLATE_DIR"] = str(self._template_dir().resolve())
        return values

    def _base_environment(self) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return kept | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": PACKAGE_HOME}

    def _command(self, service: Service, values: Mapping[str, str]) -> list[str]:
        if service.kind == "links" and self._link_command:
            return list(self._link_command(HOST, int(values["PORT"]), self._names.path))
        command = [template.render(values) for template in service.command]
        if command[0] == "python":
            command[0] = sys.executable
        return [*command, "--names", str(self._names.path)] if service.kind == "links" else command

    def _unname(self, record: Running) -> None:
        """Nobody dials it any more."""
        self._names.remove(name(record.service), f"{HOST}:{record.port}")

    def _notice(self) -> None:
        """Takes note of those that ended by themselves."""
        for instance, record in self._register.all():
            if record.tree.ended() and self._register.take(instance):
                record.tree.kill()
                self._unname(record)
                self._ended.append((instance, log_end(self._logs / f"{instance.id}.log")))

    def _end(self, record: Running) -> None:
        """A database shut down leaves no shared memory behind; nobody else needs time."""
        if record.service.kind == "database":
            record.tree.thaw()
            record.tree.ask(_number(record.service.stop_signal))
            record.tree.ended(DATABASE_GRACE_S)
        record.tree.kill()

    def _clear(self) -> list[str]:
        shutil.rmtree(self._work, ignore_errors=True)
        return [str(self._work)] if self._work.exists() else []


def _number(name: str) -> signal.Signals:
    return signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]

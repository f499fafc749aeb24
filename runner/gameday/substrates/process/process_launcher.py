"""Launching and ending one instance as a tree of child processes: free port, readiness, name, log.

What instances there are is the substrate's to know; a launched instance is ready and named, or gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gameday.ports import Instance, PortError, Release
from gameday.recording.atomic_file import words
from gameday.substrates.instance_log import failure, log_end
from gameday.substrates.process import shared_memory
from gameday.substrates.process.launch_spec import LaunchPlanner
from gameday.substrates.process.loopback import HOST, LoopbackPorts
from gameday.substrates.process.name_table import NameTable, table_key
from gameday.substrates.process.process_tree import ProcessTree, signal_number
from gameday.substrates.readiness import await_answer
from gameday.substrates.shutdown_gate import ShutdownGate
from gameday.topology import Service

DATABASE_GRACE_S = 5.0
TRIES = 3
"""Starts of one instance, each with a fresh port, if another program is faster to take the port."""
TAKEN = re.compile(rb"EADDRINUSE|address already in use|errno 98", re.IGNORECASE)


@dataclass(frozen=True)
class Running:
    """The service, processes and port of a running instance."""

    service: Service
    tree: ProcessTree
    port: int


class PortTaken(PortError):
    """The instance ended because another program has its port."""


@dataclass
class ProcessLauncher:
    """Thread-safe. `logs` is the folder of the instances' logs."""

    run_id: str
    logs: Path
    gate: ShutdownGate
    ports: LoopbackPorts
    names: NameTable
    planner: LaunchPlanner
    ready_within: float

    def launch(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str]
    ) -> Running:
        """Start the instance; return once it is ready and named.

        Raise PortError if it can't be started, ends before it is ready, or isn't ready in time; nothing of it is
        left then.
        """
        for _ in range(TRIES - 1):
            with suppress(PortTaken):
                return self._launch(instance, service, release, links, self.ports.take())
        return self._launch(instance, service, release, links, self.ports.take())

    def end(self, instance: Instance, running: Running) -> None:
        """End the instance without regard for its clients; only a database gets time to shut down."""
        if running.service.kind == "database":
            running.tree.thaw()
            running.tree.signal(signal_number(running.service.stop_signal))
            running.tree.ended(DATABASE_GRACE_S)
        self.kill(instance, running)

    def kill(self, instance: Instance, running: Running) -> None:
        """Kill the processes; remove the shared memory that a killed database leaves."""
        running.tree.kill()
        if running.service.kind == "database":
            shared_memory.remove_of(self.planner.data(instance, running.service))

    def unname(self, running: Running) -> None:
        """Take the instance off the name table: no link dials it from now on."""
        self.names.remove(table_key(running.service), f"{HOST}:{running.port}")

    def log(self, instance: Instance) -> Path:
        """Return the path of the instance's log."""
        return self.logs / f"{instance.id}.log"

    def _launch(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str], port: int
    ) -> Running:
        running = self._spawn(instance, service, release, links, port)
        try:
            self._await_ready(instance, running)
            self.names.add(table_key(service), f"{HOST}:{port}")
        except BaseException:
            self.kill(instance, running)
            self.unname(running)
            raise
        return running

    def _spawn(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str], port: int
    ) -> Running:
        try:
            spec = self.planner.plan(instance, service, release, links, port)
            tree = ProcessTree.spawn(
                spec.command, spec.environment, spec.home, self.log(instance), self.run_id, instance.id
            )
        except OSError as error:
            reason = words(error, self.planner.work)
            raise PortError(f"{instance.id} ({release.name}) can't be started: {reason}") from None
        return Running(service, tree, port)

    def _await_ready(self, instance: Instance, running: Running) -> None:
        def pause(seconds: float) -> None:
            self.gate.check()
            if running.tree.ended(seconds):
                raise self._ended_early(instance, running)

        if not await_answer(running.service.ready, (HOST, running.port), pause, self.ready_within):
            what = f"isn't ready after {self.ready_within:g} s"
            raise PortError(failure(instance, what, self.log(instance)))

    def _ended_early(self, instance: Instance, running: Running) -> PortError:
        log = self.log(instance)
        kind = PortTaken if TAKEN.search(log_end(log).encode()) else PortError
        how = running.tree.how_it_ended()
        return kind(failure(instance, f"ended before it was ready ({how})", log))

"""The substrate of a Compose project: brought up or attached to, its containers known by Compose's labels."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from gameday.ports import Instance, PortError, Release
from gameday.recording.undo_list import UndoList
from gameday.scenario import System as SystemSpec
from gameday.substrates.compose import container_record
from gameday.substrates.compose.compose_program import labels_only, read_project
from gameday.substrates.compose.container_record import ProjectRecord
from gameday.substrates.compose.project_files import ProjectFiles
from gameday.substrates.compose.project_view import ProjectView, project_of
from gameday.substrates.docker.container_limits import ContainerLimits
from gameday.substrates.docker.docker_client import RUN, absent_is_fine, calling, connect
from gameday.substrates.docker.removal import remove as remove_labelled
from gameday.substrates.external.readiness_probe import await_ready
from gameday.substrates.external.user_commands import UserCommands
from gameday.topology import Link, Service, Topology

START_S = 60.0
UNDO_S = 300.0


class ComposeSubstrate(UserCommands):
    """Implements `ports.Substrate`, `ports.Limits` and `ports.Commands` for one project.

    `folder` is the run's: the undo list, the record of the containers and, in `work`, the generated files are in it.
    """

    name = "compose"

    def __init__(self, run: str, topology: Topology, spec: SystemSpec, folder: Path) -> None:
        where = Path(spec.folder or ".")
        super().__init__(UndoList(folder), where, {"run": run, "region": spec.regions[0]})
        self._run_id, self._spec, self._topology, self._home = run, spec, topology, folder.resolve()
        self._closing = threading.Event()
        self._client = connect()
        work = self._home / "work" / "compose"
        self.files = ProjectFiles(*project_of(spec, run, self._client), work, self._closing)
        self.view = ProjectView(self._client, self.files.project, topology)
        self._limits = ContainerLimits(self._client)
        self._record: ProjectRecord | None = None

    @property
    def attached(self) -> bool:
        """Return True if the project ran before the run and is left running."""
        return self._spec.attach is not None

    def open(self) -> None:
        """Bring the project up, or find it running; wait until it is ready.

        Raise PortError with the service that isn't and the end of its log.
        """
        if self.attached:
            containers = container_record.found_containers(self._client, self.files.project)
            if not any(container.running for container in containers):
                raise PortError(f"no container of the project {self.files.project} runs")
            self._keep(ProjectRecord(self.files.project, True, containers))
        else:
            self._bring_up()
        self.await_ready()

    def _bring_up(self) -> None:
        assert self._spec.compose is not None
        if container_record.containers_of(self._client, self.files.project):
            raise PortError(
                f"a project {self.files.project} exists already: use attach, or another name (compose.project)"
            )
        project = read_project(self._spec.compose, self._folder, self.files.project)
        self.view.refuse_existing(project)
        self._keep(ProjectRecord(self.files.project, False))
        self.files.write_labels(labels_only(project, {RUN: self._run_id}))
        try:
            self.files.up()
        except PortError as error:
            raise PortError(f"{error}{self.view.why_not_running()}") from error
        containers = container_record.found_containers(self._client, self.files.project)
        self._keep(ProjectRecord(self.files.project, False, containers))

    def _keep(self, record: ProjectRecord) -> None:
        self._record = record
        try:
            record.write(self._home)
        except OSError as error:
            raise PortError(f"the record of the project can't be written: {error}") from error

    def await_ready(self, stop: threading.Event | None = None) -> None:
        """Wait until every service runs, is healthy, and the probe answers, or `stop` is set. Raise PortError."""

        def why_not() -> str:
            return self.view.why_not_ready()

        try:
            await_ready(
                self._spec.ready, self.url(), self._values, self._folder, self._closing, stop, why_not
            )
        except PortError as error:
            raise PortError(f"{error}{self.view.why_not_running()}") from error

    def url(self) -> str:
        """Return the URL at which load enters."""
        if isinstance(self._spec.entry, str):
            return self._spec.entry
        host, port = self.entrance()
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def entrance(self) -> tuple[str, int]:
        """Return host and port of the entry: its URL's, its published port's or its container's. Raise PortError."""
        return self.view.entrance(self._spec.entry)

    def close(self) -> Sequence[str]:
        """Undo what is left; then remove the project, or leave one that was attached to as it was found."""
        self._closing.set()
        left = self.undo_all()[1]
        if self.attached and self._record is not None:
            return [*left, *container_record.restore(self._client, self._record)]
        if self._record is None:
            return left
        with suppress(PortError):  # what is killed below then hasn't stopped by itself
            self.files.stop()
        return [*left, *remove_labelled(self._client, self._run_id)]

    def restored(self) -> bool:
        """Return True if nothing is left to be undone and every container that was found runs."""
        return not (
            self._undo.entries() or (self._record and container_record.leftovers(self._client, self._record))
        )

    def instances(self) -> Sequence[Instance]:
        """Return the running containers, paused ones included. Raise PortError."""
        return self.view.running()

    def died(self) -> Sequence[tuple[Instance, str]]:
        return self.view.died()

    def ship(self, key: str, change: Mapping[str, Any] | None, service: str, release: str) -> None:
        """Let Compose replace a service's containers, with its definition changed or, if `change` is None, as it was.

        On a project that was attached to, what undoes a change is durable first. Raise PortError.
        """
        if self.attached and change is not None:
            undo = self.files.up_unchanged(service)
            self.note_undo(key, f"deploy of {release}", undo, UNDO_S)
        for instance in self.instances():
            if instance.service == service:
                self.view.expect_end(instance)
        self.files.change(service, change)
        self.view.releases[service] = release
        self.files.up(service)

    def kill(self, instance: Instance) -> None:
        """Send SIGKILL; the engine doesn't restart a container that was killed so."""
        self.view.expect_end(instance)
        with calling(instance.id), absent_is_fine():
            self._client.kill(self.view.container(instance))

    def revive(self, place: tuple[str, str]) -> Sequence[Instance]:
        """Start the stopped containers of a place, but none that was found stopped: its owner stopped it.

        Return those that run now and didn't before. Raise PortError.
        """
        before = {instance.id for instance in self.instances()}
        containers = self._record.containers if self._record else ()
        idle = {container.id for container in containers if not container.running}
        for container in self.view.stopped(place):
            if container in idle:
                continue
            with calling(f"start of {place[1]}"):
                self._client.start(container)
        self.view.await_healthy(place[1], START_S, self._closing)
        return [
            one for one in self.instances() if one.id not in before and (one.region, one.service) == place
        ]

    def stop(self, instance: Instance, grace: float) -> bool:
        """Let the engine stop the container."""
        self.view.expect_end(instance)
        with calling(instance.id), absent_is_fine():
            self._client.stop(self.view.container(instance), timeout=int(grace))
        return True

    def pause(self, instance: Instance) -> None:
        with calling(instance.id):
            self._client.pause(self.view.container(instance))

    def resume(self, instance: Instance) -> None:
        """Let the container go on; no-op if it isn't paused or is gone."""
        with calling(instance.id), absent_is_fine():
            container = self.view.container(instance)
            if self._client.inspect_container(container)["State"]["Paused"]:
                self._client.unpause(container)

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None:
        self._limits.limit(instance, self.view.container(instance), cpus, memory)

    def cap_files(self, instance: Instance) -> None:
        self._refuse("limits on files")

    def unlimit(self, instance: Instance) -> None:
        """Restore the limits as they were found; no-op for a container that has ended."""
        with suppress(KeyError):
            self._limits.lift(instance, self.view.container(instance))

    def address(self, instance: Instance) -> tuple[str, int]:
        self._refuse("addresses of instances")

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        self._refuse("starts of single instances")

    def upstream(self, link: Link) -> str:
        self._refuse("link servers")

    def listen(self, link: Link) -> str:
        self._refuse("link servers")

    def link_host(self, link: Link) -> str:
        self._refuse("link servers")

    def _refuse(self, what: str) -> NoReturn:
        raise PortError(f"a Compose project has no {what}")

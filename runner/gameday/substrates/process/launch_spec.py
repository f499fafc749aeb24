"""What an instance of the process substrate is started with: command, environment, working folder, place for its data.

The compose file's defaults are those of a container; each variable that means another thing for a plain process gets
its value here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gameday.host.child_python import child_command, minimal_environment
from gameday.ports import Instance, PortError, Release
from gameday.substrates.process.loopback import HOST
from gameday.topology import Service


@dataclass(frozen=True)
class Plan:
    """Argv, environment and working folder of one instance."""

    command: list[str]
    environment: dict[str, str]
    home: Path


@dataclass(frozen=True)
class Planner:
    """`work` is the run's folder for what lives as long as it; `variables` are the run's own values for the compose
    files; `names` is the names table; `template_dir` and `link_command` as the substrate has them."""

    work: Path
    variables: Mapping[str, str]
    names: Path
    template_dir: Callable[[], Path]
    link_command: Callable[[str, int, Path], Sequence[str]] | None
    runtime: Path | None = None
    """The run's folder for sockets and password files, see `runtime_folder`; None if there is none."""
    data_home: Path | None = None
    """Where data are kept instead of `work`, which the account that Postgres runs as can't enter."""

    def plan(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str], port: int
    ) -> Plan:
        """Makes the folders. Raises OSError, and whatever `template_dir` raises."""
        home = self.work / instance.id
        home.mkdir(parents=True, exist_ok=True)
        values = {**self.variables, **self._own(instance, service, port), **links}
        environment = {key: template.render(values) for key, template in service.environment.items()}
        # What has no tree is the runner's own (the link server), installed or from a checkout.
        path = {"PYTHONPATH": str(release.tree.resolve())} if release.tree else {}
        return Plan(self._command(service, values), minimal_environment() | path | environment, home)

    def volumes(self, service: Service) -> list[Path]:
        """Where its data outlives it: one folder, or none."""
        volumes = [mount.volume for mount in service.mounts if mount.volume][:1]
        home = self.data_home or self.work
        return [home / "volumes" / f"{service.region}-{volume}" for volume in volumes]

    def data(self, instance: Instance, service: Service) -> Path:
        """Its volume, or its own folder, which is nobody's after it."""
        return next(iter(self.volumes(service)), (self.data_home or self.work) / instance.id)

    def destroy(self, services: Iterable[Service]) -> None:
        """Removes their volumes. Raises PortError."""
        for folder in (volume for service in services for volume in self.volumes(service)):
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                raise PortError(f"{folder} can't be removed: does somebody else own it?")

    def _own(self, instance: Instance, service: Service, port: int) -> dict[str, str]:
        """Of the variables in the compose file, those that a process needs."""
        data = self.data(instance, service)
        data.mkdir(parents=True, exist_ok=True)
        values = {
            "PORT": str(port),
            "HOST": HOST,
            "REGION": service.region,
            "RELEASE": instance.release,
            "INSTANCE": instance.id,
            "DATA_DIR": str(data),
        }
        if self.runtime:
            values["RUNTIME_DIR"] = str(self.runtime / str(port))
        asked = (*service.command, *service.environment.values())
        if any("TEMPLATE_DIR" in template.variables() for template in asked):
            values["TEMPLATE_DIR"] = str(self.template_dir().resolve())
        return values

    def _command(self, service: Service, values: Mapping[str, str]) -> list[str]:
        if service.kind == "links" and self.link_command:
            return list(self.link_command(HOST, int(values["PORT"]), self.names))
        command = [template.render(values) for template in service.command]
        if command[0] == "python":
            command = child_command(*command[1:])
        return [*command, "--names", str(self.names)] if service.kind == "links" else command

"""Launch specification of a process instance: command, environment, working folder, place of its data.

The compose file's defaults are those of a container; each variable that has another value for a plain process gets it
here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gameday.host.child_python import child_command, minimal_environment
from gameday.ports import Instance, PortError, Release
from gameday.substrates.process import small_disks
from gameday.substrates.process.loopback import HOST
from gameday.topology import Service


@dataclass(frozen=True)
class LaunchSpec:
    """Argv, environment and working folder of one instance."""

    command: list[str]
    environment: dict[str, str]
    home: Path


@dataclass(frozen=True)
class LaunchPlanner:
    """Plans launches of the run's instances.

    `work` is the folder for files that live as long as the run, `variables` are the run's values for the compose
    files, `names` is the name table's path; `template_dir` and `link_command` are the substrate's.
    """

    work: Path
    variables: Mapping[str, str]
    names: Path
    template_dir: Callable[[], Path]
    link_command: Callable[[str, int, Path], Sequence[str]] | None
    runtime: Path | None = None
    """The run's folder for sockets and password files, see `runtime_folder`; None if there is none."""
    data_home: Path | None = None
    """Folder for data instead of `work`, if the account that Postgres runs as can't enter `work`."""

    def plan(
        self, instance: Instance, service: Service, release: Release, links: Mapping[str, str], port: int
    ) -> LaunchSpec:
        """Make the instance's folders and return its launch specification.

        Raise OSError if a folder can't be made, and what `template_dir` raises.
        """
        home = self.work / instance.id
        home.mkdir(parents=True, exist_ok=True)
        values = {**self.variables, **self._own_values(instance, service, port), **links}
        environment = {key: template.render(values) for key, template in service.environment.items()}
        # A service without a release tree is part of gameday itself: a link server.
        path = {"PYTHONPATH": str(release.tree.resolve())} if release.tree else {}
        return LaunchSpec(self._command(service, values), minimal_environment() | path | environment, home)

    def volumes(self, service: Service) -> list[Path]:
        """Return the folder of the service's volume, whose data outlive its instances: one folder, or none."""
        volumes = [mount.volume for mount in service.mounts if mount.volume][:1]
        home = self.data_home or self.work
        return [home / "volumes" / f"{service.region}-{volume}" for volume in volumes]

    def data(self, instance: Instance, service: Service) -> Path:
        """Return the folder of the instance's data: the service's volume, else one of its own."""
        return next(iter(self.volumes(service)), (self.data_home or self.work) / instance.id)

    def destroy(self, services: Iterable[Service]) -> None:
        """Remove the volumes of the services. Raise PortError if one can't be removed."""
        for folder in (volume for service in services for volume in self.volumes(service)):
            if small_disks.mounted(folder):
                small_disks.clear(folder)
                continue
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                raise PortError(f"can't remove {folder}: check who owns it")

    def _own_values(self, instance: Instance, service: Service, port: int) -> dict[str, str]:
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
        templates = (*service.command, *service.environment.values())
        if any("TEMPLATE_DIR" in template.variables() for template in templates):
            values["TEMPLATE_DIR"] = str(self.template_dir().resolve())
        return values

    def _command(self, service: Service, values: Mapping[str, str]) -> list[str]:
        if service.kind == "links" and self.link_command:
            return list(self.link_command(HOST, int(values["PORT"]), self.names))
        command = [template.render(values) for template in service.command]
        if command[0] == "python":
            command = child_command(*command[1:])
        return [*command, "--names", str(self.names)] if service.kind == "links" else command

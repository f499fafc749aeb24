"""What the engine says of a Compose project: its containers as instances, their health, and where clients enter."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gameday.host.waiting import NotInTime, wait_until
from gameday.ports import Instance, PortError
from gameday.scenario import System as SystemSpec
from gameday.scenario.own.own_system import ComposeFiles, EntryPoint
from gameday.substrates.compose.compose_program import FoundSettings, names_on_engine
from gameday.substrates.compose.container_record import SERVICE, UP, containers_of
from gameday.substrates.docker.docker_client import calling, engine_address
from gameday.topology import Topology

CONFIG_FILES = "com.docker.compose.project.config_files"
WORKING_DIR = "com.docker.compose.project.working_dir"
ENV_FILES = "com.docker.compose.project.environment_file"
SHORT = 6
LOG_LINES = 15
ANY = ("", "0.0.0.0", "::")  # noqa: S104
"""Addresses of a published port that are all of the machine's."""


class ProjectView:
    """Containers by instance. Thread-safe. `releases`: service → the release that its containers count as."""

    def __init__(self, client: Any, project: str, topology: Topology) -> None:
        self._client, self.project = client, project
        self._regions = {service.name: service.region for service in topology.services}
        self._endless = {service.name for service in topology.services if service.instances}
        self.releases = {service.name: service.release or "" for service in topology.services}
        self._lock = threading.Lock()
        self._known: dict[str, Instance] = {}
        """Id of a running container → its instance."""
        self._containers: dict[str, str] = {}
        """Id of an instance → id of its container."""
        self._ending: set[str] = set()

    def running(self) -> Sequence[Instance]:
        """Return the running containers as instances. Raise PortError."""
        running = [
            container for container in containers_of(self._client, self.project) if container["State"] in UP
        ]
        with self._lock:
            return [
                self._instance(container)
                for container in running
                if container["Labels"].get(SERVICE) in self._regions
            ]

    def _instance(self, container: Mapping[str, Any]) -> Instance:
        key, service = container["Id"], container["Labels"][SERVICE]
        if key not in self._known:
            region = self._regions[service]
            name = f"{region}.{service}.{key[:SHORT]}"
            self._known[key] = Instance(name, region, service, self.releases[service])
            self._containers[name] = key
            self._ending.discard(key)
        return self._known[key]

    def container(self, instance: Instance) -> str:
        """Return the id of an instance's container."""
        return self._containers[instance.id]

    def expect_end(self, instance: Instance) -> None:
        """Let `died` not report this instance: gameday ends it."""
        with self._lock:
            self._ending.add(self._containers[instance.id])

    def died(self) -> Sequence[tuple[Instance, str]]:
        """Return the containers that ended by themselves since the last call, each with the end of its log."""
        before = dict(self._known)
        running = {self._containers[instance.id] for instance in self.running()}
        ended: list[Instance] = []
        with self._lock:
            for key, instance in before.items():
                if key not in running and key in self._known:
                    del self._known[key]
                    ended += [instance] if key not in self._ending else []
        return [(instance, self.log_of(self._containers[instance.id])) for instance in ended]

    def stopped(self, place: tuple[str, str]) -> list[str]:
        """Return the ids of a place's containers that don't run. Raise PortError."""
        return [
            container["Id"]
            for container in containers_of(self._client, self.project)
            if container["State"] not in UP
            and (self._regions.get(container["Labels"].get(SERVICE)), container["Labels"].get(SERVICE))
            == place
        ]

    def refuse_existing(self, project: Mapping[str, Any]) -> None:
        """Raise PortError if a volume or network that Compose would create exists: it holds somebody's data."""
        with calling("the volumes and networks of the engine"):
            volumes = self._client.volumes()["Volumes"] or ()
            networks = self._client.networks()
        for kind, listed in (("volumes", volumes), ("networks", networks)):
            existing = {str(one["Name"]) for one in listed}.intersection(names_on_engine(project, kind))
            if existing:
                raise PortError(
                    f"the {kind} {', '.join(sorted(existing))} of the project {self.project} exist already on this"
                    " engine: remove them if they are left over, declare them external, or rename them"
                )

    def why_not_ready(self) -> str:
        """Return the first service that doesn't run or isn't healthy, "" if there is none. Jobs may have ended well."""
        listed = containers_of(self._client, self.project)
        for name in sorted(self._endless):
            mine = [container for container in listed if container["Labels"].get(SERVICE) == name]
            if not mine:
                return f"{name} has no container"
            for container in mine:
                ended_well = "Exited (0)" in container["Status"]
                if container["State"] not in UP and not ended_well:
                    return f"{name}: {container['Status']}"
                if "health: starting" in container["Status"] or "(unhealthy)" in container["Status"]:
                    return f"{name}: {container['Status']}"
        return ""

    def why_not_running(self) -> str:
        """Return the end of the log of each container that failed or is unhealthy, for an error's text."""
        texts = []
        for container in containers_of(self._client, self.project):
            failed = container["State"] not in UP and "Exited (0)" not in container["Status"]
            if failed or "(unhealthy)" in container["Status"] or "health: starting" in container["Status"]:
                texts.append(
                    f"\n{container['Labels'].get(SERVICE)}: {container['Status']}: {self.log_of(container['Id'])}"
                )
        return "".join(texts)

    def await_healthy(self, service: str, within: float, closing: threading.Event) -> None:
        """Wait until the service's containers run and aren't unhealthy or starting. Raise PortError."""

        def well() -> bool:
            mine = [
                container
                for container in containers_of(self._client, self.project)
                if container["Labels"].get(SERVICE) == service
            ]
            return bool(mine) and all(
                container["State"] in UP
                and "health: starting" not in container["Status"]
                and "(unhealthy)" not in container["Status"]
                for container in mine
            )

        try:
            wait_until(well, within, f"{service} isn't healthy", every=0.2, pause=closing.wait)
        except NotInTime as error:
            raise PortError(f"{error}{self.why_not_running()}") from error

    def log_of(self, container: str) -> str:
        """Return the last lines of a container's log, "" if it can't be read."""
        try:
            with calling("log"):
                raw: bytes = self._client.logs(container, tail=LOG_LINES)
        except PortError:
            return ""
        return raw.decode(errors="replace").strip()

    def entrance(self, entry: EntryPoint | str | None) -> tuple[str, int]:
        """Return where clients enter. Raise PortError.

        It is the host and port of a URL, else the published port of the entry's service, else its container's address.
        Without an entry it is the one port that the project publishes.
        """
        if isinstance(entry, str):
            parts = urlsplit(entry)
            return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        if not is_near(engine_address().url):
            raise PortError(
                "load has no way in: the engine is on another machine; give system.entry as a URL"
            )
        doors: dict[tuple[str, int], tuple[str, int]] = {}
        for container in containers_of(self._client, self.project):
            service = container["Labels"].get(SERVICE, "")
            if container["State"] not in UP or (entry and service != entry.service):
                continue
            with calling("entry"):
                settings = self._client.inspect_container(container["Id"])["NetworkSettings"]
            published = _published(settings["Ports"] or {})
            if entry and entry.port in published:
                return published[entry.port]
            addresses = [net["IPAddress"] for net in settings["Networks"].values() if net["IPAddress"]]
            if entry and addresses:
                return addresses[0], entry.port
            for port, door in published.items():
                doors.setdefault((service, port), door)
        if not entry and len(doors) == 1:
            return next(iter(doors.values()))
        wanted = f"no container of {entry.service} runs" if entry else "no running service publishes a port"
        if doors and not entry:
            names = ", ".join(f"{{service: {service}, port: {port}}}" for service, port in sorted(doors))
            wanted = f"the project publishes several ports: {names}"
        raise PortError(f"load has no way in: {wanted}; see system.entry")


def is_near(engine: str) -> bool:
    """Return True if the ports that the engine publishes are on this machine, by the engine's URL."""
    if engine.startswith(("unix://", "http+unix://", "npipe://")):
        return True
    host = urlsplit(engine).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _published(ports: Mapping[str, Any]) -> dict[int, tuple[str, int]]:
    """Return the published TCP ports: port inside → host and port outside."""
    doors = {}
    for port, bindings in ports.items():
        if bindings and port.endswith("/tcp"):
            host = bindings[0].get("HostIp", "")
            address = "127.0.0.1" if host in ANY else host
            doors[int(port.partition("/")[0])] = (address, int(bindings[0]["HostPort"]))
    return doors


def project_of(spec: SystemSpec, run: str, client: Any) -> tuple[ComposeFiles, Path, str, FoundSettings]:
    """Return a project's files, the folder that they are in, its name, and how it was started. Raise PortError.

    A project that is attached to says in its containers' labels where its files are and how it was started.
    """
    if spec.compose is not None:
        name = spec.compose.project or f"gameday-{run.replace('-', '')}"
        return spec.compose, Path(spec.folder or "."), name, FoundSettings()
    assert spec.attach is not None
    listed = containers_of(client, spec.attach.project)
    if not listed:
        raise PortError(f"there is no Compose project {spec.attach.project} on this engine")
    labels = listed[0]["Labels"]
    files = tuple(file for file in labels.get(CONFIG_FILES, "").split(",") if file) or ("compose.yaml",)
    folder = Path(labels.get(WORKING_DIR, "."))
    env_files = tuple(folder / file for file in labels.get(ENV_FILES, "").split(",") if file)
    scales = Counter(str(container["Labels"][SERVICE]) for container in listed)
    return ComposeFiles(files=files), folder, spec.attach.project, FoundSettings(folder, env_files, scales)

"""Record of a project's containers as they were found, and the way back to it, in this or another process.

A container that was replaced meanwhile isn't in the record; Compose itself brings its service back, and as many containers
must run then. Everything here is idempotent.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday.substrates.docker.docker_client import calling

NAME = "project.json"
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
UP = ("running", "paused")
ONE_OFF = "com.docker.compose.oneoff"


@dataclass(frozen=True)
class FoundContainer:
    """A container as it was found: whether it ran and was paused, and its limits in the engine's units."""

    id: str
    service: str
    running: bool
    limits: Mapping[str, int]
    paused: bool = False


@dataclass(frozen=True)
class ProjectRecord:
    """A project as it was found. `attached`: it ran before, and stays."""

    project: str
    attached: bool
    containers: tuple[FoundContainer, ...] = ()

    def write(self, folder: Path) -> None:
        """Write the record into the run's folder, durably. Raise OSError."""
        with atomic_file.replacing(folder / NAME, durable=True) as file:
            file.write(json.dumps(asdict(self), indent=2).encode())


def read_record(folder: Path) -> ProjectRecord | None:
    """Return the record in a run's folder, None if it has none. Raise ValueError, KeyError or TypeError if it isn't one."""
    path = folder / NAME
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    containers = tuple(FoundContainer(**container) for container in data["containers"])
    return ProjectRecord(str(data["project"]), bool(data["attached"]), containers)


def containers_of(client: Any, project: str) -> list[dict[str, Any]]:
    """Return the project's containers, stopped ones included, without those of `compose run`. Raise PortError."""
    with calling(f"the containers of {project}"):
        listed: list[dict[str, Any]] = client.containers(all=True, filters={"label": f"{PROJECT}={project}"})
    return [container for container in listed if container["Labels"].get(ONE_OFF, "False") != "True"]


def found_containers(client: Any, project: str) -> tuple[FoundContainer, ...]:
    """Return every container of the project as it is now. Raise PortError."""
    containers = []
    for listed in containers_of(client, project):
        with calling(f"container {listed['Id'][:12]}"):
            container = client.inspect_container(listed["Id"])
        host = container["HostConfig"]
        limits = {key: int(host.get(key) or 0) for key in ("NanoCpus", "Memory", "MemorySwap")}
        containers.append(
            FoundContainer(
                listed["Id"],
                listed["Labels"][SERVICE],
                bool(container["State"]["Running"]),
                limits,
                bool(container["State"].get("Paused")),
            )
        )
    return tuple(containers)


def restore(client: Any, record: ProjectRecord) -> list[str]:
    """Bring each recorded container that still exists back to how it was found; return what couldn't be, in words."""
    left: list[str] = []
    present = {container["Id"] for container in containers_of(client, record.project)}
    for container in record.containers:
        if container.id in present:
            try:
                _restore_one(client, container)
            except PortError as error:
                left.append(f"{container.service} ({container.id[:12]}): {error}")
    running = Counter(
        container["Labels"].get(SERVICE)
        for container in containers_of(client, record.project)
        if container["State"] in UP
    )
    return [*left, *(f"{service}: containers are gone" for service in _too_few(record, present, running))]


def _too_few(record: ProjectRecord, present: Container[str], running: Mapping[str, int]) -> list[str]:
    """Return the services that lost a running container for which no other one runs now."""
    numbers = Counter(container.service for container in record.containers if container.running)
    lost = {one.service for one in record.containers if one.running and one.id not in present}
    return sorted(service for service in lost if running.get(service, 0) < numbers[service])


def _restore_one(client: Any, found: FoundContainer) -> None:
    with calling(f"restoring {found.service}"):
        now = client.inspect_container(found.id)
        paused = bool(now["State"]["Paused"])
        if paused and not found.paused:
            client.unpause(found.id)
        if found.running and not now["State"]["Running"]:
            client.start(found.id)
        if found.paused and not paused:
            client.pause(found.id)
    if any(int(now["HostConfig"].get(key) or 0) != value for key, value in found.limits.items()):
        set_limits(client, found.service, found.id, found.limits)


def set_limits(client: Any, service: str, container: str, limits: Mapping[str, int]) -> None:
    """Set limits in the engine's units; it can't lift one, so that no limit becomes one of the whole machine."""
    with calling(f"limits of {service}"):
        machine: Mapping[str, Any] = client.info()
        memory = limits["Memory"] or machine["MemTotal"]
        change = {
            "NanoCpus": limits["NanoCpus"] or machine["NCPU"] * 10**9,
            "Memory": memory,
            "MemorySwap": limits["MemorySwap"] or memory,
        }
        url = f"{client.base_url}/v{client.api_version}/containers/{container}/update"
        answer = client.post(url, json=change, timeout=client.timeout)
    if not answer.ok:
        raise PortError(f"limits of {service}: the Docker engine says: {answer.text[:300]}")


def leftovers(client: Any, record: ProjectRecord) -> Sequence[str]:
    """Return the recorded containers that aren't as they were found, in words."""
    now = {container.id: container for container in found_containers(client, record.project)}
    running = Counter(container.service for container in now.values() if container.running)
    changed = [
        one.service
        for one in record.containers
        if one.id in now and one.running and (not now[one.id].running or one.paused is not now[one.id].paused)
    ]
    return [*changed, *_too_few(record, now, running)]

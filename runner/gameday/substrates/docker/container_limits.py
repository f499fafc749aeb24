"""Limits on running containers, and lifting them.

The engine can't remove a limit on memory or processors: a container that had none gets one of the whole machine. Files
are limited from inside, by `file_size_limit` run as the container's own user, which may limit its own processes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import requests

from gameday.ports import Instance, PortError
from gameday.substrates.docker.docker_client import absent_is_fine, calling
from gameday.substrates.process.limits import file_size_limit

NANO = 10**9
REFUSED = "unable to set memory limit"
"""Message of cgroup v1 if the container uses more already; v2 kills it instead."""


class TooMuch(PortError):
    """The container uses more memory than the new limit."""


@dataclass
class ContainerLimits:
    """Thread-safe. Containers are known by the engine's id."""

    client: docker.APIClient
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _before: dict[str, dict[str, int]] = field(default_factory=dict)
    _capped: set[str] = field(default_factory=set)

    def limit(self, instance: Instance, container: str, cpus: float | None, memory: int | None) -> None:
        """Limit cores and bytes. Raise TooMuch if the container uses more memory and the engine doesn't kill it."""
        with self._lock:
            if container not in self._before:
                self._before[container] = self._present_limits(instance, container)
        change = {} if cpus is None else {"NanoCpus": int(cpus * NANO)}
        change |= {} if memory is None else {"Memory": memory, "MemorySwap": memory}
        self._update(instance, container, change)

    def cap(self, instance: Instance, container: str, folders: list[str]) -> None:
        """Let no file grow beyond the largest below `folders`. The log is a pipe, so it isn't limited. Raise PortError."""
        with self._lock:
            self._capped.add(container)
        options = [word for folder in folders for word in ("--folder", folder)]
        for _ in range(2):  # A second pass finds what a process started before it was limited itself.
            self._limit_files(instance, container, "cap", str(file_size_limit.ROOM), *options)

    def lift(self, instance: Instance, container: str) -> None:
        """Restore the limits as they were; no-op if the container has ended. Raise PortError."""
        with self._lock:
            before = self._before.pop(container, None)
            capped = container in self._capped
            self._capped.discard(container)
        with calling(f"{instance.id}"), absent_is_fine():
            if not self.client.inspect_container(container)["State"]["Running"]:
                return
            if before:
                self._update(instance, container, before)
            if capped:
                self._limit_files(instance, container, "lift")

    def _present_limits(self, instance: Instance, container: str) -> dict[str, int]:
        with calling(f"looking at {instance.id}"):
            now: dict[str, Any] = self.client.inspect_container(container)["HostConfig"]
            machine: dict[str, Any] = self.client.info()
        memory = now["Memory"] or machine["MemTotal"]
        return {
            "NanoCpus": now["NanoCpus"] or machine["NCPU"] * NANO,
            "Memory": memory,
            "MemorySwap": now["MemorySwap"] or memory,
        }

    def _update(self, instance: Instance, container: str, change: dict[str, int]) -> None:
        # The package's own call doesn't know NanoCpus, with which the containers are created.
        url = f"{self.client.base_url}/v{self.client.api_version}/containers/{container}/update"
        with calling(f"limits of {instance.id}"):
            answer: requests.Response = self.client.post(url, json=change, timeout=self.client.timeout)
        if answer.ok or answer.status_code == requests.codes.not_found:
            return
        message = str(answer.json().get("message", answer.text))
        kind = TooMuch if REFUSED in message else PortError
        raise kind(f"limits of {instance.id}: the Docker engine says: {message}")

    def _limit_files(self, instance: Instance, container: str, *arguments: str) -> None:
        source = Path(file_size_limit.__file__).read_text(encoding="utf-8")
        with calling(f"files of {instance.id}"):
            run = self.client.exec_create(container, ["python3", "-I", "-c", source, *arguments])
            output: Any = self.client.exec_start(run["Id"])
            status = self.client.exec_inspect(run["Id"])["ExitCode"]
        if status:
            raise PortError(
                f"{instance.id}: its files can't be limited: {output.decode(errors='replace').strip()}"
            )

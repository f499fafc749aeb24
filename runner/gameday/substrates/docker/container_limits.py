"""ContainerLimits on running containers, and lifting them: what the engine lets be changed while they run.

The engine can't take a bound on memory or processors away again: where a container had none, it gets all of the
machine. Files are bound from inside, by `filecap` as the container's root, who may do so whatever the engine forbids.
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
"""Said by cgroup v1 where the container has more already; v2 ends it instead."""


class TooMuch(PortError):
    """The container has more memory than it is to have."""


@dataclass
class ContainerLimits:
    """Safe from any thread. Containers are known by their engine's id."""

    client: docker.APIClient
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _before: dict[str, dict[str, int]] = field(default_factory=dict)
    _capped: set[str] = field(default_factory=set)

    def limit(self, instance: Instance, container: str, cpus: float | None, memory: int | None) -> None:
        """Raises TooMuch where the memory can't be bound since it has more, and where the engine wouldn't kill it."""
        with self._lock:
            if container not in self._before:
                self._before[container] = self._as_it_is(instance, container)
        change = {} if cpus is None else {"NanoCpus": int(cpus * NANO)}
        change |= {} if memory is None else {"Memory": memory, "MemorySwap": memory}
        self._update(instance, container, change)

    def cap(self, instance: Instance, container: str, folders: list[str]) -> None:
        """No file beyond the largest below `folders`; its log, which is a pipe, is no file."""
        with self._lock:
            self._capped.add(container)
        places = [word for folder in folders for word in ("--folder", folder)]
        for _ in range(2):  # What a process started before its own bound came is found by the second look.
            self._filecap(instance, container, "cap", str(file_size_limit.ROOM), *places)

    def lift(self, instance: Instance, container: str) -> None:
        """As it was. Nothing where it has ended."""
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
                self._filecap(instance, container, "lift")

    def _as_it_is(self, instance: Instance, container: str) -> dict[str, int]:
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
        # The package's own call knows no NanoCpus, with which the containers are made.
        url = f"{self.client.base_url}/v{self.client.api_version}/containers/{container}/update"
        with calling(f"bounds of {instance.id}"):
            answer: requests.Response = self.client.post(url, json=change, timeout=self.client.timeout)
        if answer.ok or answer.status_code == requests.codes.not_found:
            return
        said = str(answer.json().get("message", answer.text))
        kind = TooMuch if REFUSED in said else PortError
        raise kind(f"bounds of {instance.id}: the Docker engine says: {said}")

    def _filecap(self, instance: Instance, container: str, *words: str) -> None:
        source = Path(file_size_limit.__file__).read_text(encoding="utf-8")
        with calling(f"files of {instance.id}"):
            run = self.client.exec_create(container, ["python3", "-I", "-c", source, *words], user="0")
            said: Any = self.client.exec_start(run["Id"])
            status = self.client.exec_inspect(run["Id"])["ExitCode"]
        if status:
            raise PortError(
                f"{instance.id}: its files can't be limited: {said.decode(errors='replace').strip()}"
            )

"""Operations on one container: create, run, stop, freeze, remove.

Whether an operation is allowed is left to the substrate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from gameday.ports import Instance, PortError, Release
from gameday.substrates.docker.container_options import ContainerNames, container_options, volume_labels
from gameday.substrates.docker.docker_client import Unanswered, absent_is_fine, calling
from gameday.substrates.docker.networks import Networks
from gameday.substrates.instance_log import out_of_memory
from gameday.topology import Service

ALIVE = ("running", "paused", "restarting")
KILLED = 128 + 9
"""Exit status of a container that SIGKILL ended."""


class PortTaken(PortError):
    """Another program was faster to take the published port."""


@dataclass(frozen=True)
class Containers:
    """Thread-safe. `logs` is the folder where the containers' logs are saved. Every method raises PortError."""

    client: docker.APIClient
    names: ContainerNames
    networks: Networks
    logs: Path

    def create(
        self,
        instance: Instance,
        service: Service,
        release: Release,
        values: Mapping[str, str],
        published: Mapping[int, int],
    ) -> str:
        """Create the container on its networks, with its volumes, not started; return its id.

        `published`: port in the container → port on loopback.
        """
        with calling(f"{instance.id} can't be created"):
            for volume in (mount.volume for mount in service.mounts if mount.volume):
                self.client.create_volume(
                    self.names.volume(service, volume), labels=volume_labels(self.names, service, volume)
                )
            options = container_options(
                self.client, self.names, instance, service, release, values, published
            )
            created = self.client.create_container(**options, networking_config=self.networks.first(service))
        container = str(created["Id"])
        try:
            self.networks.attach(container, service)
        except BaseException:
            self.discard(instance, container)
            raise
        return container

    def run(self, instance: Instance, container: str) -> None:
        """Start the container. Raise PortTaken if the engine can't publish its port."""
        try:
            with calling(f"{instance.id} ({instance.release}) can't be started"):
                self.client.start(container)
        except PortError as error:
            taken = "already allocated" in str(error) or "already in use" in str(error)
            raise (PortTaken if taken else PortError)(str(error)) from error

    def alive(self, instance: Instance, container: str) -> bool:
        """Return True if the container runs, paused or not."""
        with calling(f"looking at {instance.id}"):
            return self.client.inspect_container(container)["State"]["Status"] in ALIVE

    def stop(self, instance: Instance, container: str, grace: float) -> bool:
        """Send the stop signal, SIGKILL after `grace` seconds (rounded up), and remove the container.

        Return False if it took the SIGKILL. The engine resumes a paused container.
        """
        status = 0
        with calling(f"stopping {instance.id}"), absent_is_fine():
            self.client.stop(container, timeout=math.ceil(grace))
            status = int(self.client.inspect_container(container)["State"]["ExitCode"])
        self.discard(instance, container)
        return status != KILLED

    def freeze(self, instance: Instance, container: str) -> None:
        """Pause the container."""
        with calling(f"pausing {instance.id}"), absent_is_fine():
            self.client.pause(container)

    def thaw(self, instance: Instance, container: str) -> None:
        """Resume the container; no-op if it isn't paused, which the engine answers with status 500."""
        with calling(f"resuming {instance.id}"), absent_is_fine():
            if self.client.inspect_container(container)["State"]["Paused"]:
                self.client.unpause(container)

    def kill(self, instance: Instance, container: str) -> None:
        """Send SIGKILL; the container stays."""
        with calling(f"killing {instance.id}"), absent_is_fine():
            self.client.kill(container)

    def discard(self, instance: Instance, container: str) -> None:
        """Kill the container if it runs, save its log, remove it; no-op if it is gone."""
        self.kill(instance, container)
        self.networks.detached(container)
        self.save_log(instance, container)
        with calling(f"removing {instance.id}"), absent_is_fine():
            self.client.remove_container(container, force=True, v=True)

    def pid(self, instance: Instance, container: str) -> int:
        """Return the pid of the first process on the engine's machine, 0 if it has ended."""
        with calling(f"looking at {instance.id}"):
            return int(self.client.inspect_container(container)["State"]["Pid"])

    def how_it_ended(self, instance: Instance, container: str) -> str:
        """Return why an ended container ended: out of memory, or its exit status; '' if it is gone."""
        with calling(f"looking at {instance.id}"), absent_is_fine():
            known = self.client.inspect_container(container)
            if known["State"]["OOMKilled"]:
                return out_of_memory(known["HostConfig"]["Memory"])
            return f"exit status {known['State']['ExitCode']}"
        return ""

    def save_log(self, instance: Instance, container: str) -> None:
        """Save what the container has printed so far.

        A log that can't be read and a full disk are ignored: neither is a reason to keep a container.
        """
        try:
            with calling(f"the log of {instance.id}"), absent_is_fine():
                text: Any = self.client.logs(container, stdout=True, stderr=True)
                with suppress(OSError):
                    self.log(instance).write_bytes(text)
        except Unanswered:
            raise
        except PortError:
            return

    def log(self, instance: Instance) -> Path:
        """Return the path of the instance's saved log."""
        return self.logs / f"{instance.id}.log"

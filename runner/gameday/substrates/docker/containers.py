"""What is done to one container: create, run, stop, freeze, remove. Whether it may be is left to the substrate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from gameday.ports import Instance, PortError, Release
from gameday.substrates.docker.container_options import Names, container_options, volume_labels
from gameday.substrates.docker.docker_client import Unanswered, absent_is_fine, calling
from gameday.substrates.docker.networks import Networks
from gameday.substrates.instance_log import out_of_memory
from gameday.topology import Service

ALIVE = ("running", "paused", "restarting")
KILLED = 128 + 9
"""Exit status of what a SIGKILL ended."""


class PortTaken(PortError):
    """Somebody else was faster to take the published port."""


@dataclass(frozen=True)
class Containers:
    """Safe from any thread. `logs` is the folder that keeps what containers printed."""

    client: docker.APIClient
    names: Names
    networks: Networks
    logs: Path

    def create(
        self, instance: Instance, service: Service, release: Release, values: Mapping[str, str], port: int
    ) -> str:
        """Its id: made, on its networks, with its volumes, not started."""
        with calling(f"{instance.id} can't be created"):
            for volume in (mount.volume for mount in service.mounts if mount.volume):
                self.client.create_volume(
                    self.names.volume(service, volume), labels=volume_labels(self.names, service, volume)
                )
            options = container_options(self.client, self.names, instance, service, release, values, port)
            made = self.client.create_container(**options, networking_config=self.networks.first(service))
        container = str(made["Id"])
        try:
            self.networks.attach(container, service)
        except BaseException:
            self.discard(instance, container)
            raise
        return container

    def run(self, instance: Instance, container: str) -> None:
        """Raises PortTaken where the engine can't publish its port."""
        try:
            with calling(f"{instance.id} ({instance.release}) can't be started"):
                self.client.start(container)
        except PortError as error:
            taken = "already allocated" in str(error) or "already in use" in str(error)
            raise (PortTaken if taken else PortError)(str(error)) from error

    def alive(self, instance: Instance, container: str) -> bool:
        with calling(f"looking at {instance.id}"):
            return self.client.inspect_container(container)["State"]["Status"] in ALIVE

    def stop(self, instance: Instance, container: str, grace: float) -> bool:
        """Its stop signal, SIGKILL after `grace` (whole seconds here), and gone; False where it took the SIGKILL.

        The engine resumes it if paused.
        """
        status = 0
        with calling(f"stopping {instance.id}"), absent_is_fine():
            self.client.stop(container, timeout=math.ceil(grace))
            status = int(self.client.inspect_container(container)["State"]["ExitCode"])
        self.discard(instance, container)
        return status != KILLED

    def freeze(self, instance: Instance, container: str) -> None:
        with calling(f"pausing {instance.id}"), absent_is_fine():
            self.client.pause(container)

    def thaw(self, instance: Instance, container: str) -> None:
        with calling(f"resuming {instance.id}"), absent_is_fine():
            self.client.unpause(container)

    def shoot(self, instance: Instance, container: str) -> None:
        """SIGKILL, and no more than that."""
        with calling(f"killing {instance.id}"), absent_is_fine():
            self.client.kill(container)

    def discard(self, instance: Instance, container: str) -> None:
        """Killed where it still runs, its log saved, removed; it needn't be there any more."""
        self.shoot(instance, container)
        self.networks.detached(container)
        self.save_log(instance, container)
        with calling(f"removing {instance.id}"), absent_is_fine():
            self.client.remove_container(container, force=True, v=True)

    def pid(self, instance: Instance, container: str) -> int:
        """Of its first process, on the engine's machine; 0 where it has ended."""
        with calling(f"looking at {instance.id}"):
            return int(self.client.inspect_container(container)["State"]["Pid"])

    def starved(self, instance: Instance, container: str) -> str:
        """That the kernel ended it, which has ended, as out of memory; '' where it didn't."""
        with calling(f"looking at {instance.id}"), absent_is_fine():
            known = self.client.inspect_container(container)
            if known["State"]["OOMKilled"]:
                return out_of_memory(known["HostConfig"]["Memory"])
        return ""

    def save_log(self, instance: Instance, container: str) -> None:
        """What it printed so far, to `<instance>.log`.

        Neither a log that can't be read nor a full disk is a reason to leave a container.
        """
        try:
            with calling(f"the log of {instance.id}"), absent_is_fine():
                text: Any = self.client.logs(container, stdout=True, stderr=True)
                with suppress(OSError):
                    (self.logs / f"{instance.id}.log").write_bytes(text)
        except Unanswered:
            raise
        except PortError:
            return

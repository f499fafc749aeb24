"""Container options of a service of the compose files, with its names and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.types import LogConfig, Mount

from gameday.ports import Instance, Release
from gameday.substrates.docker.docker_client import RUN
from gameday.substrates.docker.release_layers import tree_path
from gameday.substrates.process.loopback import HOST
from gameday.topology import Service

LOG_SIZE = "64m"
PIDS = 512
"""Processes and threads of a container at most; a Postgres with all its connections has some 220."""
PRIVATE = "mode=1777,size=64m,nosuid,nodev"
"""Of /tmp, where alone a container can write beside its volumes: a socket and a password file."""
NO_DNS = [HOST]
"""No name is looked up outside. Nothing listens at this address inside a container, so the engine's resolver is refused
at once instead of waiting for a name server. If the machine's name server is silent, each lookup of a name that has
just gone would take 4 s otherwise, and the container's end would wait for it."""
NO_SEARCH = ["."]
GIVE_UP = ["timeout:2", "attempts:1"]
"""Engine 20.10 then doesn't answer for an unknown name at all; this limits how long the caller waits."""


@dataclass(frozen=True)
class ContainerNames:
    """Names of a run's objects on the engine; `variables` are the run's values for the compose files."""

    run_id: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def project(self, region: str) -> str:
        """Return the region's project name, for Compose."""
        return f"gameday-{self.run_id}-{region}"

    def container(self, instance: Instance) -> str:
        """Return the container's name of an instance."""
        return f"gameday-{self.run_id}-{instance.id}"

    def volume(self, service: Service, volume: str) -> str:
        """Return the name on the engine of a service's volume."""
        return f"{self.project(service.region)}-{volume}"


def volume_labels(names: ContainerNames, service: Service, volume: str) -> dict[str, str]:
    """Return the labels of a volume."""
    return {
        RUN: names.run_id,
        "gameday.region": service.region,
        "com.docker.compose.project": names.project(service.region),
        "com.docker.compose.volume": volume,
    }


def container_labels(names: ContainerNames, instance: Instance) -> dict[str, str]:
    """Return the labels of an instance's container."""
    return {
        RUN: names.run_id,
        "gameday.region": instance.region,
        "gameday.service": instance.service,
        "gameday.release": instance.release,
        "gameday.instance": instance.id,
        "com.docker.compose.project": names.project(instance.region),
        "com.docker.compose.service": instance.service,
        "com.docker.compose.container-number": instance.id.rpartition(".")[2],
        "com.docker.compose.oneoff": "False",
    }


def container_options(
    client: docker.APIClient,
    names: ContainerNames,
    instance: Instance,
    service: Service,
    release: Release,
    values: Mapping[str, str],
    published: Mapping[int, int],
) -> dict[str, Any]:
    """Return the arguments of `create_container`.

    `values` are IMAGE and the link variables; `published`: port in the container → port on loopback.
    """
    known = {
        **names.variables,
        "PORT": str(service.port),
        "HOST": "0.0.0.0",  # noqa: S104 - inside the container; published on loopback alone
        "REGION": service.region,
        "RELEASE": release.name,
        "INSTANCE": instance.id,
        **values,
    }
    environment = {key: template.render(known) for key, template in service.environment.items()}
    path = {"PYTHONPATH": tree_path(release)} if release.tree else {}
    return {
        "name": names.container(instance),
        "hostname": instance.id,
        "image": values["IMAGE"],
        "command": [template.render(known) for template in service.command],
        "environment": {"PYTHONUNBUFFERED": "1", **path, **environment},
        "user": service.user,
        "stop_signal": service.stop_signal,
        "labels": container_labels(names, instance),
        "ports": list(published),
        "host_config": _host_config(client, names, service, published),
        "use_config_proxy": False,
    }


def _host_config(
    client: docker.APIClient, names: ContainerNames, service: Service, published: Mapping[int, int]
) -> Any:
    return client.create_host_config(
        port_bindings={inner: (HOST, outer) for inner, outer in published.items()},
        mounts=[Mount(m.target, names.volume(service, m.volume)) for m in service.mounts if m.volume] or None,
        tmpfs={"/tmp": PRIVATE}  # noqa: S108 - inside the container, for it alone
        | {mount.target: "" for mount in service.mounts if mount.volume is None},
        read_only=True,
        cap_drop=["ALL"],  # no service needs any: they listen above 1024 and own what they write
        security_opt=["no-new-privileges"],
        pids_limit=PIDS,
        mem_limit=service.mem_limit,
        memswap_limit=service.mem_limit,  # no swap in addition, else an instance would never be out of memory
        nano_cpus=int(service.cpus * 1e9) if service.cpus else None,
        dns=NO_DNS,
        dns_search=NO_SEARCH,
        dns_opt=GIVE_UP,
        log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": LOG_SIZE}),
    )

"""Networks, names and link ports of a run on Docker: one private network a region, one backbone between them.

On the private network a service has its own name; on the backbone it has only the aliases of the compose file, which
name the region: the bare name would stand for every region at once. A region is isolated by taking its containers off
the backbone, and joined by putting them back under the same aliases and address, both of which the engine forgets.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
import docker.errors
from docker.types import IPAMConfig, IPAMPool

from gameday.ports import PortError
from gameday.substrates.docker.docker_client import RUN, absent_is_fine, calling
from gameday.substrates.region_services import services_of
from gameday.topology import EDGE, Link, Service, Topology

BACKBONE = "backbone"
"""Name in the compose files; every other network there is the region's private one."""
LINK_PORTS = 20000
"""First port of the links inside a link server's container: below the ephemeral ports, and free."""


def host(service: Service, from_region: str) -> str:
    """Return the service's name in `from_region`. Raise PortError if it can't be reached from there."""
    if service.region == from_region and any(name != BACKBONE for name in service.networks):
        return service.name
    if aliases := backbone_aliases(service):
        return aliases[0]
    raise PortError(f"{service.id} has no alias on the backbone: it can't be reached from {from_region}")


def backbone_aliases(service: Service) -> list[str]:
    """Return the service's names on the backbone."""
    return [alias.render({"REGION": service.region}) for alias in service.networks.get(BACKBONE, ())]


def link_port(topology: Topology, link: Link) -> int:
    """Return the port of a link inside its server's container."""
    own = [other.name for other in topology.links if other.caller_region == link.caller_region]
    return LINK_PORTS + own.index(link.name)


def entry_ports(topology: Topology, published: int) -> Mapping[str, Mapping[int, int]]:
    """Return link server → port of the entry link in its container → `published` port; {} without an entry link."""
    if topology.entry is None:
        return {}
    server = topology.link_server(topology.entry.caller_region)
    return {server.id: {link_port(topology, topology.entry): published}}


@dataclass
class Attachment:
    """Attachment of a container to the backbone; `address` is known once it has been attached."""

    region: str
    aliases: list[str]
    address: str | None = None


@dataclass
class Networks:
    """Thread-safe once open. Every method raises PortError if the engine fails."""

    client: docker.APIClient
    run_id: str
    topology: Topology
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _attached: dict[str, Attachment] = field(default_factory=dict)
    _isolated: set[str] = field(default_factory=set)

    def name(self, network: str, region: str) -> str:
        """Return the name on the engine of a region's network."""
        return f"gameday-{self.run_id}-{BACKBONE if network == BACKBONE else region}"

    def open(self) -> None:
        """Create the networks. The backbone gets an explicit subnet: only there can an address be requested again."""
        private = {(x.region, n) for x in self.topology.services for n in x.networks if n != BACKBONE}
        for region in sorted({region for region, _ in private}):
            self._create(self.name("private", region), {"gameday.region": region})
        free = self._create(self.name(BACKBONE, EDGE), {})
        with calling("the backbone's subnet"):
            subnet = self.client.inspect_network(free)["IPAM"]["Config"][0]["Subnet"]
            self.client.remove_network(free)
        self._create(self.name(BACKBONE, EDGE), {}, subnet)

    def first(self, service: Service) -> dict[str, Any]:
        """Return the `NetworkingConfig` for creating a container: the engine takes one network there."""
        network, aliases = self._plan(service)[0]
        return {"EndpointsConfig": {network: {"Aliases": aliases}}}

    def attach(self, container: str, service: Service) -> None:
        """Attach a container, not started yet, to its other networks; not to the backbone if its region is isolated."""
        if BACKBONE not in service.networks:
            return
        with self._lock:
            self._attached[container] = Attachment(service.region, backbone_aliases(service))
            alone = len(self._plan(service)) == 1
            if not alone and service.region not in self._isolated:
                self._connect(container)

    def detached(self, container: str) -> None:
        """Forget a container that is removed."""
        with self._lock:
            self._attached.pop(container, None)

    def isolate(self, region: str) -> None:
        """Take every container of the region off the backbone. Idempotent."""
        services_of(self.topology, region)
        with self._lock:
            self._isolated.add(region)
            for container in self._of(region):
                self._disconnect(container)

    def join(self, region: str) -> None:
        """Put the region's containers back; no-op if the region isn't isolated."""
        services_of(self.topology, region)
        with self._lock:
            if region in self._isolated:
                self._isolated.remove(region)
                for container in self._of(region):
                    self._connect(container)

    def _of(self, region: str) -> list[str]:
        return [container for container, attachment in self._attached.items() if attachment.region == region]

    def _plan(self, service: Service) -> list[tuple[str, list[str]]]:
        """Return (network, aliases) of each network of the service, the private one first."""
        private = (
            [(self.name("private", service.region), [service.name])]
            if set(service.networks) != {BACKBONE}
            else []
        )
        wide = (
            [(self.name(BACKBONE, EDGE), backbone_aliases(service))] if BACKBONE in service.networks else []
        )
        return private + wide

    def _connect(self, container: str) -> None:
        attachment = self._attached[container]
        network = self.name(BACKBONE, EDGE)
        with calling(f"backbone of {container[:12]}"), absent_is_fine():
            try:
                self.client.connect_container_to_network(
                    container, network, aliases=attachment.aliases, ipv4_address=attachment.address
                )
            except docker.errors.APIError as error:
                if (
                    attachment.address is None
                    or "address already in use" not in str(error.explanation).lower()
                ):
                    raise
                self.client.connect_container_to_network(container, network, aliases=attachment.aliases)

    def _disconnect(self, container: str) -> None:
        network = self.name(BACKBONE, EDGE)
        with calling(f"backbone of {container[:12]}"), absent_is_fine():
            endpoints: Mapping[str, Any] = self.client.inspect_container(container)["NetworkSettings"][
                "Networks"
            ]
            if network in endpoints:
                self._attached[container].address = endpoints[network]["IPAddress"] or None
                self.client.disconnect_container_from_network(container, network, force=True)

    def _create(self, name: str, labels: Mapping[str, str], subnet: str | None = None) -> str:
        ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)]) if subnet else None
        with calling(f"network {name}"):
            network = self.client.create_network(
                name, driver="bridge", ipam=ipam, check_duplicate=True, labels={RUN: self.run_id, **labels}
            )
        return str(network["Id"])

"""A small system for the tests of faults: instances as plain values, its links real ones of an
embedded link server.

Every upstream is an echo. A fault's effect is observed as a user of the system would see it:
whether an echo comes back over a link, whether an instance runs, answers and can grow.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gameday.faults.standing_faults import StandingFaults
from gameday.links.toxiproxy_client import LinkServer
from gameday.ports import Arena, Instance, PortError, Release, Toxic
from gameday.recording.journal_events import LoadStopped
from gameday.topology import EDGE, Link, Service, Template, Topology
from tests.support.fake_substrate import FakeSubstrate, PlainSubstrate
from tests.support.link_servers import PATIENCE_S, Upstream

REGIONS = ("us-east", "eu-west")
NOWHERE = "127.0.0.1:9"
"""The discard port, which refuses connections."""
MESSAGE = b"x" * 4096
SOON_S = 0.2
"""Far less than any fault here makes a link take."""
_KINDS: Mapping[str, Any] = {"edge": "router", "payments": "third-party", "postgres": "database"}


def service(region: str, name: str, instances: int = 1) -> Service:
    return Service(
        region,
        name,
        Template(""),
        (),
        {},
        {},
        (),
        instances,
        8000,
        "http",
        _KINDS.get(name, "service"),
        f"{name}-1.0.0",
    )


def link(caller_region: str, caller: str, callee_region: str, callee: str) -> Link:
    return Link(
        caller_region, caller, callee_region, callee, f"{callee.upper()}_URL", f"http://{callee}:8000"
    )


def _links() -> Iterator[Link]:
    for region in REGIONS:
        yield link(EDGE, "edge", region, "gateway")
        yield link(region, "gateway", region, "checkout")
        yield link(region, "checkout", region, "pricing")
        yield link(region, "checkout", EDGE, "payments")
        for other in REGIONS:
            yield link(region, "checkout", other, "postgres")
            if other != region:
                yield link(region, "postgres", other, "postgres")


def topology() -> Topology:
    """Return a topology of two regions and the edge."""
    inside = [("gateway", 2), ("checkout", 1), ("pricing", 2), ("postgres", 1)]
    services = [service(region, name, count) for region in REGIONS for name, count in inside]
    return Topology(REGIONS, (*services, service(EDGE, "edge"), service(EDGE, "payments")), tuple(_links()))


class RealLinks:
    """`ports.Links` on one link server for all links, with the operations that faults use."""

    def __init__(self, server: LinkServer, links: Sequence[Link], upstream: Upstream) -> None:
        self._server = server
        self._upstream = upstream.address
        proxies = server.populate(
            [
                {"name": x.name, "listen": "127.0.0.1:0", "upstream": upstream.address, "enabled": True}
                for x in links
            ]
        )
        self.ports = {name: int(address.rpartition(":")[2]) for name, address in proxies.items()}

    def populate(self, region: str, server: tuple[str, int], links: Sequence[Link]) -> Mapping[str, int]:
        raise NotImplementedError

    def cut(self, link: Link) -> None:
        self._server.set_enabled(link.name, False)

    def mend(self, link: Link) -> None:
        self._server.set_enabled(link.name, True)

    def add_toxic(self, link: Link, toxic: Toxic) -> None:
        if toxic.name in self.toxics(link):
            self._server.update_toxic(link.name, toxic.name, toxic.attributes, toxic.share)
        else:
            self._server.add_toxic(
                link.name, toxic.name, toxic.type, toxic.stream, toxic.share, toxic.attributes
            )

    def remove_toxic(self, link: Link, name: str) -> None:
        self._server.remove_toxic(link.name, name)

    def misdirect(self, link: Link) -> None:
        self._server.set_upstream(link.name, NOWHERE)

    def redirect(self, link: Link) -> None:
        self._server.set_upstream(link.name, self._upstream)

    def mend_all(self) -> None:
        """Remove every fault that a test left."""
        for name, proxy in self._server.proxies().items():
            for toxic in proxy.toxics:
                self._server.remove_toxic(name, toxic.name)
            if proxy.upstream != self._upstream:
                self._server.set_upstream(name, self._upstream)
            if not proxy.enabled:
                self._server.set_enabled(name, True)

    def toxics(self, link: Link) -> Mapping[str, Any]:
        return {toxic.name: toxic for toxic in self._server.proxies()[link.name].toxics}

    def sound(self, name: str, within_s: float) -> bool:
        """Return whether a message comes back over the link of that name, complete and in time, and then EOF."""
        end = time.monotonic() + within_s
        received = b""
        try:
            with socket.create_connection(("127.0.0.1", self.ports[name]), within_s) as connection:
                connection.sendall(MESSAGE)
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    received += part
                    connection.settimeout(max(0.001, end - time.monotonic()))
        except OSError:
            return False
        return received == MESSAGE


@dataclass
class FakeSystem:
    """`ports.System`. `behaviour` is how third parties answer; `url` is the address of every database."""

    topology: Topology
    links: RealLinks
    substrate: PlainSubstrate = field(default_factory=FakeSubstrate)
    url: str = ""
    leading: str = REGIONS[0]
    behaviour: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.heal([(service.region, service.name) for service in self.topology.services])

    def instances(self, service: str | None = None, region: str | None = None) -> Sequence[Instance]:
        running = self.substrate.instances()
        return [x for x in running if service in (None, x.service) and region in (None, x.region)]

    def primary(self) -> str:
        return self.leading

    def kill(self, instances: Sequence[Instance]) -> None:
        for instance in instances:
            self.substrate.kill(instance)
            self.killed.append(instance.id)

    def heal(self, services: Sequence[tuple[str, str]]) -> None:
        for region, name in services:
            declared = self.topology.service(region, name)
            for _ in range(declared.instances - len(self.instances(name, region))):
                self.substrate.start(declared, Release(str(declared.release), name, None), {})

    def lose(self, region: str, *, destroy: bool) -> None:
        self.kill(self.instances(region=region))
        if destroy and isinstance(self.substrate, FakeSubstrate):
            self.substrate.destroy_volumes(region)

    def bring_back(self, region: str) -> None:
        self.heal([(region, service.name) for service in self.topology.services if service.region == region])

    def isolate(self, region: str) -> None:
        for link in self._border(region):
            self.links.cut(link)

    def join(self, region: str) -> None:
        for link in self._border(region):
            self.links.mend(link)

    def ask(self, instance: Instance, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        assert (method, path) == ("POST", "/_operator/behaviour")
        self.behaviour[instance.id] = dict(body or {})
        return body

    def database(self, region: str) -> str:
        if not self.instances("postgres", region):
            raise PortError(f"no database runs in {region}")
        return self.url

    def whole(self) -> bool:
        """Return whether every service has its instances, none of them frozen or limited."""
        counts = [
            len(self.instances(service.name, service.region)) == service.instances
            for service in self.topology.services
        ]
        disturbed = {*self.substrate.frozen, *getattr(self.substrate, "limited", ())} & {
            x.id for x in self.instances()
        }
        return all(counts) and not disturbed

    def _border(self, region: str) -> Sequence[Link]:
        return [x for x in self.topology.links if (x.caller_region == region) != (x.callee_region == region)]


@dataclass
class FakeLoad:
    """A load that records its surges and retries."""

    factor: float = 1.0
    attempts: int = 0

    def start(self, target: str) -> float:
        return 0.0

    def stop(self) -> LoadStopped:
        return LoadStopped(clean=True, why="")

    def alive(self) -> str | None:
        return None

    def surge(self, factor: float) -> None:
        self.factor = factor

    def retry(self, attempts: int) -> None:
        self.attempts = attempts

    def shards(self) -> Sequence[Path]:
        return ()


@dataclass
class World:
    """A system and its load, with the checks that tests make."""

    system: FakeSystem
    load: FakeLoad = field(default_factory=FakeLoad)
    standing: StandingFaults = field(default_factory=StandingFaults)

    @property
    def arena(self) -> Arena:
        return Arena(self.system, self.load, self.standing)

    def sound(self, name: str, within_s: float = PATIENCE_S) -> bool:
        """Return whether the link is sound. With a shorter time a slow link is unsound."""
        return self.system.links.sound(name, within_s)

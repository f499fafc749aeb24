"""Frozen models of what the compose files declare. A substrate only fills in the variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

EDGE = "edge"
"""The pseudo-region of what stands outside all regions: the edge, its link server, third parties."""

CLIENTS = "clients"
"""The caller of the entry link: everyone who uses the system. No service has this name."""

Kind = Literal["service", "links", "database", "third-party", "router"]
LINK = re.compile(r"^LINK_([A-Z0-9]+)_([A-Z0-9]+)$")
"""A variable for the address of a peer, by caller and callee."""

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Template:
    """A text that may contain `${VAR:-default}`."""

    text: str

    def variables(self) -> dict[str, str]:
        """Return variable → default ('' if it has none)."""
        return {match[1]: match[2] or "" for match in _VARIABLE.finditer(self.text)}

    def render(self, values: Mapping[str, str]) -> str:
        return _VARIABLE.sub(lambda match: values.get(match[1], match[2] or ""), self.text)


@dataclass(frozen=True)
class Mount:
    """A mount for data in the container: a named volume, or a tmpfs if `volume` is None."""

    target: str
    volume: str | None


@dataclass(frozen=True)
class Service:
    """One service of a compose file, in one region. `networks` maps network → aliases (templates)."""

    region: str
    name: str
    image: Template
    command: tuple[Template, ...]
    environment: Mapping[str, Template]
    networks: Mapping[str, tuple[Template, ...]]
    mounts: tuple[Mount, ...]
    instances: int
    port: int
    ready: Literal["http", "tcp"]
    kind: Kind
    release: str | None
    user: str | None = None
    stop_signal: str = "SIGTERM"
    cpus: float | None = None
    mem_limit: int | None = None

    @property
    def id(self) -> str:
        """Return `us-east.pricing`, or just the name for a service outside the regions: `edge`,
        `payments`."""
        return self.name if self.region == EDGE else f"{self.region}.{self.name}"

    def link_variables(self) -> tuple[str, ...]:
        """Return the environment variables that hold the address of a peer."""
        variables = (variable for template in self.environment.values() for variable in template.variables())
        return tuple(variable for variable in variables if LINK.match(variable))


@dataclass(frozen=True)
class Link:
    """A directed connection from one service to another. `variable` passes its address to the caller."""

    caller_region: str
    caller: str
    callee_region: str
    callee: str
    variable: str
    default: str
    """The direct address that the compose file gives, e.g. `http://pricing:8000`."""

    @property
    def name(self) -> str:
        """Return `us-east.checkout--pricing`, `edge--gateway.us-east` or `us-east.checkout--
        postgres.eu-west`."""
        caller = self.caller if self.caller_region == EDGE else f"{self.caller_region}.{self.caller}"
        far = self.callee_region not in (self.caller_region, EDGE)
        return f"{caller}--{self.callee}" + (f".{self.callee_region}" if far else "")

    @property
    def crosses(self) -> bool:
        """Return True if the link leaves the caller's region and so runs over the backbone."""
        return self.callee_region != self.caller_region

    @property
    def port(self) -> int:
        """Return the port at which the callee listens."""
        return urlsplit(self.default).port or 80

    def url(self, host: str, port: int) -> str:
        """Return the default address with host and port replaced; scheme, credentials and path stay."""
        parts = urlsplit(self.default)
        credentials, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{credentials}{at}{host}:{port}").geturl()


@dataclass(frozen=True)
class Topology:
    """Every service of every region, and every link. `regions[0]` is the primary."""

    regions: tuple[str, ...]
    services: tuple[Service, ...]
    links: tuple[Link, ...]

    @property
    def entry(self) -> Link | None:
        """Return the link by which clients enter, None if no service is a router."""
        return next((link for link in self.links if link.caller == CLIENTS), None)

    def service(self, region: str, name: str) -> Service:
        return next(s for s in self.services if (s.region, s.name) == (region, name))

    def places(self, name: str) -> tuple[Service, ...]:
        """Return the service of that name in every region that has it."""
        return tuple(s for s in self.services if s.name == name)

    def link_server(self, region: str) -> Service:
        return next(s for s in self.services if s.region == region and s.kind == "links")

    def links_from(self, service: Service) -> tuple[Link, ...]:
        return tuple(x for x in self.links if (x.caller_region, x.caller) == (service.region, service.name))

    def environment_of_links(
        self, service: Service, addresses: Mapping[str, tuple[str, int]]
    ) -> dict[str, str]:
        """Return the values of the link variables of a service. `addresses`: link name → (host,
        port) seen by the caller.

        A variable that stands for several regions (the edge's gateways, a database's peers) becomes
        `region=url,region=url`, the caller's own region first. It is empty for a database without
        peers.
        """
        values: dict[str, list[str]] = {variable: [] for variable in service.link_variables()}
        for link in self.links_from(service):
            url = link.url(*addresses[link.name])
            values.setdefault(link.variable, []).append(
                f"{link.callee_region}={url}" if self._by_region(link) else url
            )
        return {variable: ",".join(urls) for variable, urls in values.items()}

    def _by_region(self, link: Link) -> bool:
        """Return True if the value of the link's variable names the callee's region."""
        callee = self.service(link.callee_region, link.callee)
        return callee.kind == "database" or (link.caller_region == EDGE and link.crosses)

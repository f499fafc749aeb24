"""Reader of the strict subset of compose files that both substrates support; any other key is a
located error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gameday.scenario.yaml_document import Document, Invalid, Problem, nearest, read_yaml, validate
from gameday.topology.topology_model import (
    CLIENTS,
    EDGE,
    LINK,
    Kind,
    Link,
    Mount,
    Service,
    Template,
    Topology,
)


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float | str):
        return str(value)
    raise ValueError(f"{value!r} isn't plain text")


def _mapping(value: Any) -> Any:
    """Return an environment as a mapping. Compose accepts `KEY=value` lists and `KEY: value` maps
    alike."""
    if isinstance(value, list):
        return dict(str(item).partition("=")[::2] for item in value)
    return value


def _names(value: Any) -> Any:
    """Return networks as a mapping; a list of networks is a map without aliases."""
    return dict.fromkeys(value) if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(_text)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Joined(_Strict):
    aliases: list[Text] = []


class _Tmpfs(_Strict):
    type: Literal["tmpfs"]
    target: str


class _Placed(_Strict):
    """The key `x-gameday` of a service."""

    instances: int = Field(default=1, ge=1, le=20)
    port: int = Field(default=8000, ge=1, le=65535)
    ready: Literal["http", "tcp"] = "http"
    kind: Kind = "service"
    placement: Literal["every-region", "primary-region"] = "every-region"
    release: str | None = None


class _Service(_Strict):
    image: Text
    command: list[Text] = Field(min_length=1)
    environment: Annotated[dict[str, Text], BeforeValidator(_mapping)] = {}
    user: Text | None = None
    networks: Annotated[dict[str, _Joined | None], BeforeValidator(_names)] = {}
    volumes: list[str | _Tmpfs] = []
    tmpfs: list[str] | str = []
    depends_on: list[str] = []
    stop_signal: str = "SIGTERM"
    cpus: float | None = Field(default=None, gt=0)
    mem_limit: Text | None = None
    placed: _Placed = Field(default=_Placed(), alias="x-gameday")


class _File(_Strict):
    services: dict[str, _Service] = Field(min_length=1)
    networks: dict[str, Any] = {}
    volumes: dict[str, Any] = {}
    about: Any = Field(default=None, alias="x-gameday")


def read_topology(folder: Path, regions: tuple[str, ...]) -> Topology:
    """Read `folder/region.yaml` once per region and `folder/edge.yaml` once.

    Raise Invalid with every problem of both files.
    """
    documents = {name: read_yaml(folder / f"{name}.yaml") for name in ("region", "edge")}
    files: dict[str, _File] = {}
    problems: list[Problem] = []
    for name, document in documents.items():
        try:
            files[name] = validate(_File, document)
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid(problems)
    services = tuple(_services(files, documents, regions))
    links = (*_links(services, regions, documents), *_entry(services))
    return Topology(regions, services, links)


def _services(
    files: Mapping[str, _File], documents: Mapping[str, Document], regions: tuple[str, ...]
) -> Iterator[Service]:
    for region in (*regions, EDGE):
        which = "edge" if region == EDGE else "region"
        for name, service in files[which].services.items():
            if service.placed.placement == "primary-region" and region != regions[0]:
                continue
            yield _service(region, name, service, documents[which])


def _service(region: str, name: str, read: _Service, document: Document) -> Service:
    return Service(
        region=region,
        name=name,
        image=Template(read.image),
        command=tuple(Template(word) for word in read.command),
        environment={key: Template(value) for key, value in read.environment.items()},
        networks={
            network: tuple(Template(alias) for alias in (joined.aliases if joined else ()))
            for network, joined in read.networks.items()
        },
        mounts=tuple(_mounts(name, read, document)),
        instances=read.placed.instances,
        port=read.placed.port,
        ready=read.placed.ready,
        kind=read.placed.kind,
        release=read.placed.release,
        user=read.user,
        stop_signal=read.stop_signal,
        cpus=read.cpus,
        mem_limit=_bytes(read.mem_limit, name, document),
    )


def _mounts(name: str, read: _Service, document: Document) -> Iterator[Mount]:
    for index, volume in enumerate(read.volumes):
        if isinstance(volume, _Tmpfs):
            yield Mount(volume.target, None)
            continue
        source, _, target = volume.partition(":")
        if not target.startswith("/") or source.startswith((".", "/", "~")):
            hint = "a named volume (data:/data) or {type: tmpfs, target: /data}"
            raise Invalid(
                [document.problem(("services", name, "volumes", index), f"{volume!r} isn't known here", hint)]
            )
        yield Mount(target, source)
    for target in [read.tmpfs] if isinstance(read.tmpfs, str) else read.tmpfs:
        yield Mount(target, None)


def _bytes(text: str | None, name: str, document: Document) -> int | None:
    if text is None:
        return None
    match = re.match(r"^([0-9]+)([bkmg]?)b?$", text.lower())
    if not match:
        raise Invalid(
            [document.problem(("services", name, "mem_limit"), f"{text!r} isn't a size", "for instance 256m")]
        )
    return int(match[1]) << 10 * "bkmg".index(match[2] or "b")


def _links(
    services: tuple[Service, ...], regions: tuple[str, ...], documents: Mapping[str, Document]
) -> Iterator[Link]:
    names = {service.name for service in services}
    for service in services:
        document = documents["edge" if service.region == EDGE else "region"]
        for key, template in service.environment.items():
            for variable, default in template.variables().items():
                match = LINK.match(variable)
                if not match:
                    continue
                place = ("services", service.name, "environment", key)
                caller, callee = (part.lower() for part in match.groups())
                if caller != service.name:
                    raise Invalid([document.problem(place, f"{variable} isn't a link of {service.name!r}")])
                if callee not in names:
                    raise Invalid([document.problem(place, f"no service {callee!r}", nearest(callee, names))])
                for region, address in _callees(service, callee, default, services):
                    if urlsplit(address).port is None:
                        raise Invalid(
                            [document.problem(place, f"{variable} has no default address with a port")]
                        )
                    yield Link(service.region, service.name, region, callee, variable, address)


def _entry(services: tuple[Service, ...]) -> Iterator[Link]:
    """Yield the link from the clients to the router: its address outlives every instance of the router."""
    for service in services:
        if service.kind == "router":
            variable = f"LINK_CLIENTS_{service.name.upper()}"
            address = f"http://{service.name}:{service.port}"
            yield Link(EDGE, CLIENTS, service.region, service.name, variable, address)


def _callees(
    caller: Service, callee: str, default: str, services: tuple[Service, ...]
) -> Iterator[tuple[str, str]]:
    """Yield (callee's region, direct address) of each link that one variable declares.

    A variable declares one link, to the callee in the same region or to the only place that the
    callee has. It declares a link to every region, the caller's own first, if the caller is outside
    all regions or the callee is a database, since the database that takes writes changes. No link
    leads from a service to itself.
    """
    homes = [service.region for service in services if service.name == callee]
    database = any(service.kind == "database" for service in services if service.name == callee)
    first = default.split(",")[0]
    address = first if "://" in first.partition("=")[0] else first.partition("=")[2]
    if database or (caller.region == EDGE and EDGE not in homes):
        for region in sorted(homes, key=lambda home: home != caller.region):
            if (region, callee) != (caller.region, caller.name):
                yield region, address if region == caller.region else _elsewhere(address, callee, region)
    else:
        yield caller.region if caller.region in homes else homes[0], default


def _elsewhere(address: str, callee: str, region: str) -> str:
    """Return the address with the callee's name on the backbone in place of its host."""
    parts = urlsplit(address)
    if parts.port is None:
        return address
    credentials, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{credentials}{at}{callee}.{region}:{parts.port}").geturl()

"""Layout of a system for its map: regions, services with their instances, and links, read from `topology.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from gameday.recording.event import Event
from gameday.recording.journal_events import InstanceReady, from_event
from gameday.topology import Topology
from gameday.topology.topology_model import CLIENTS, EDGE

FILE = "topology.json"
"""Name of the file in the folder of a run."""
HIDDEN_KINDS = {"links"}
"""Kinds of services that the map doesn't draw: a link server is drawn as its links."""


@dataclass(frozen=True)
class PlacedService:
    """A service in a region; `instances` is the desired count."""

    region: str
    name: str
    kind: str
    instances: int

    @property
    def id(self) -> str:
        """Return `us-east.pricing`, or the bare name for a service outside the regions."""
        return self.name if self.region == EDGE else f"{self.region}.{self.name}"


@dataclass(frozen=True)
class PlacedLink:
    """A directed link between two services, by their ids; `name` is that of its proxy."""

    name: str
    caller: str
    callee: str


@dataclass(frozen=True)
class SystemLayout:
    """Every service and link of the system; `regions[0]` is the primary at the start."""

    regions: tuple[str, ...]
    services: tuple[PlacedService, ...]
    links: tuple[PlacedLink, ...]

    @classmethod
    def of_topology(cls, topology: Topology, entry: str | None = None) -> Self:
        """Return the layout of a system from its topology.

        `entry` is the service that users reach, for a system whose links gameday doesn't know.
        """
        services = [
            PlacedService(service.region, service.name, service.kind, service.instances)
            for service in topology.services
            if service.kind not in HIDDEN_KINDS
        ]
        links = [
            PlacedLink(
                link.name,
                CLIENTS if link.caller == CLIENTS else _service_id(link.caller_region, link.caller),
                _service_id(link.callee_region, link.callee),
            )
            for link in topology.links
        ]
        if entry and not links:
            reached = (service.id for service in services if service.name == entry)
            links = [PlacedLink(f"{CLIENTS}--{service}", CLIENTS, service) for service in reached]
        return cls(topology.regions, tuple(services), tuple(links))

    @classmethod
    def of_events(cls, events: Iterable[Event]) -> Self:
        """Return the layout that the first instances of a run show, without links: for a run that kept no topology."""
        counts: dict[tuple[str, str], int] = {}
        for event in events:
            if event.kind == "phase" and event.subject == "warm":
                break
            typed = from_event(event) if event.kind == InstanceReady.KIND else None
            if isinstance(typed, InstanceReady) and "links" not in typed.service:
                key = (typed.region, typed.service)
                counts[key] = counts.get(key, 0) + 1
        regions = tuple(dict.fromkeys(region for region, _ in counts if region != EDGE))
        services = [
            PlacedService(region, name, _kind(name), count)
            for (region, name), count in sorted(counts.items())
        ]
        return cls(regions, tuple(services), ())

    @classmethod
    def of_document(cls, data: Mapping[str, Any]) -> Self:
        """Return the layout of a parsed `topology.json`. Raise ValueError if it isn't one."""
        try:
            return cls(
                tuple(str(region) for region in data["regions"]),
                tuple(PlacedService(**service) for service in data["services"]),
                tuple(PlacedLink(**link) for link in data["links"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a layout of a system: {error}") from error

    def text(self) -> str:
        """Return the content of `topology.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @cached_property
    def by_id(self) -> Mapping[str, PlacedService]:
        """The services by their ids."""
        return {service.id: service for service in self.services}

    def members(self, region: str) -> list[PlacedService]:
        """Return the services of a region, in the order of the file."""
        return [service for service in self.services if service.region == region]


def read_layout(folder: Path, events: Sequence[Event]) -> SystemLayout:
    """Return the layout of a run's system: its `topology.json`, else what its journal shows."""
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return SystemLayout.of_document(data)
    except (OSError, ValueError, TypeError):
        return SystemLayout.of_events(events)


def _service_id(region: str, name: str) -> str:
    return name if region == EDGE else f"{region}.{name}"


def _kind(name: str) -> str:
    return {"postgres": "database", "edge": "router", "payments": "third-party"}.get(name, "service")

"""The Protocol of the system under test, as faults and operations see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gameday.ports.links_port import Links
from gameday.ports.substrate_port import Instance, Substrate
from gameday.topology import Topology


class System(Protocol):
    """The running system. Calls may block, each with a time-out of its own; reverting calls are idempotent."""

    @property
    def topology(self) -> Topology: ...

    @property
    def substrate(self) -> Substrate: ...

    @property
    def links(self) -> Links: ...

    def instances(self, service: str | None = None, region: str | None = None) -> Sequence[Instance]:
        """Return the running instances, those of the edge's pseudo-region included."""
        ...

    def primary(self) -> str:
        """Return the region whose database takes writes, or took them last."""
        ...

    def kill(self, instances: Sequence[Instance]) -> None:
        """Send SIGKILL to all of them at once. They stay down until `heal`."""
        ...

    def heal(self, services: Sequence[tuple[str, str]]) -> None:
        """Start the missing instances of these (region, service), link servers first, and let databases catch up."""
        ...

    def lose(self, region: str, *, destroy: bool) -> None:
        """Kill everything in the region at once, its link server included; keep or destroy its volumes."""
        ...

    def bring_back(self, region: str) -> None:
        """Start everything of a lost region again, except a database that was replaced: it waits for `rejoin`."""
        ...

    def isolate(self, region: str) -> None:
        """Cut every link with exactly one end in the region, and its networks if the substrate can."""
        ...

    def join(self, region: str) -> None: ...

    def ask(self, instance: Instance, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer of an instance's operator endpoint (`/_operator/…`). Raise PortError."""
        ...

    def database(self, region: str) -> str:
        """Return the postgresql:// address of the region's database. Raise PortError if none runs."""
        ...

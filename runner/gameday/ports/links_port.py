"""The Protocol of the link servers, and the toxics that are put on links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gameday.topology import Link


@dataclass(frozen=True)
class Toxic:
    """A toxic as Toxiproxy defines it. `share` of connections, 0..1; `attributes` in its units (ms, KB/s, µs, bytes)."""

    name: str
    type: str
    stream: Literal["upstream", "downstream"] = "downstream"
    share: float = 1.0
    attributes: Mapping[str, int] = field(default_factory=dict)


class Links(Protocol):
    """All link servers of the system. Removals are idempotent; a link server that is gone has no toxics."""

    def populate(self, region: str, server: tuple[str, int], links: Sequence[Link]) -> Mapping[str, int]:
        """Create the region's proxies, with their active cuts and toxics; return link name → port."""
        ...

    def cut(self, link: Link) -> None:
        """End open connections and refuse new ones, until `mend`."""
        ...

    def mend(self, link: Link) -> None: ...

    def add_toxic(self, link: Link, toxic: Toxic) -> None:
        """Add a toxic, or change the one of that name if the link has it."""
        ...

    def remove_toxic(self, link: Link, name: str) -> None: ...

    def misdirect(self, link: Link) -> None:
        """Point the link at an address where nothing answers, until `redirect`."""
        ...

    def redirect(self, link: Link) -> None: ...

"""Network effects on many links at once: a region behind a black hole, a distance between databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from gameday.ports import Links, Toxic
from gameday.topology import Link, Topology

STREAMS: Sequence[Literal["upstream", "downstream"]] = ("upstream", "downstream")
BLACK_HOLE = "gameday-isolate"
DISTANCE = "gameday-apart"
DROP = "gameday-lost"


def crossing(topology: Topology, region: str) -> Sequence[Link]:
    """Return the links with exactly one end in the region."""
    return [x for x in topology.links if (x.caller_region == region) != (x.callee_region == region)]


def between_databases(topology: Topology) -> Sequence[Link]:
    """Return the links by which standbys follow a primary."""
    databases = {service.name for service in topology.services if service.kind == "database"}
    return [x for x in topology.links if x.caller in databases and x.callee in databases]


def black_hole(links: Links, topology: Topology, region: str) -> None:
    """Drop everything that crosses the region's border, as dropped packets would: no answer and no refusal."""
    for link in crossing(topology, region):
        for stream in STREAMS:
            hole = Toxic(f"{BLACK_HOLE}-{region}-{stream}", "timeout", stream, 1.0, {"timeout": 0})
            links.add_toxic(link, hole)


def remove_black_hole(links: Links, topology: Topology, region: str) -> None:
    """Revert `black_hole`. Idempotent."""
    for link in crossing(topology, region):
        for stream in STREAMS:
            links.remove_toxic(link, f"{BLACK_HOLE}-{region}-{stream}")


def add_distance(links: Links, ways: Sequence[Link], seconds: float) -> None:
    """Delay the data on these links by `seconds`, in each direction."""
    for link in ways:
        for stream in STREAMS:
            delay = {"latency": round(seconds * 1000)}
            links.add_toxic(link, Toxic(f"{DISTANCE}-{stream}", "latency", stream, 1.0, delay))


@contextmanager
def dropping_replication(links: Links, topology: Topology, region: str, seconds: float) -> Iterator[None]:
    """Drop the data in flight from the region's database to its standbys while the block kills the database.

    A link belongs to its caller, the standby: it would deliver everything that it holds after the sender is gone, so
    no standby could be behind. No-op if databases have no distance (`seconds` is 0): then nothing is in flight.
    """
    hole = Toxic(f"{DROP}-{region}", "timeout", "downstream", 1.0, {"timeout": 0})
    ways = [
        x for x in between_databases(topology) if seconds and x.callee_region == region != x.caller_region
    ]
    for link in ways:
        links.add_toxic(link, hole)
    try:
        yield
    finally:
        for link in ways:  # removing the toxic ends the connections that it was on
            links.remove_toxic(link, hole.name)

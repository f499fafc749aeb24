"""What is done to many links at once: a region behind a black hole, and databases a distance apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from gameday.ports import Links, Toxic
from gameday.topology import Link, Topology

STREAMS: Sequence[Literal["upstream", "downstream"]] = ("upstream", "downstream")
BLACK_HOLE = "gameday-isolate"
APART = "gameday-apart"
LOST = "gameday-lost"


def crossing(topology: Topology, region: str) -> Sequence[Link]:
    """Links with exactly one end in the region."""
    return [x for x in topology.links if (x.caller_region == region) != (x.callee_region == region)]


def between_databases(topology: Topology) -> Sequence[Link]:
    """The ways by which standbys follow."""
    databases = {service.name for service in topology.services if service.kind == "database"}
    return [x for x in topology.links if x.caller in databases and x.callee in databases]


def swallow(links: Links, topology: Topology, region: str) -> None:
    """What is sent over the region's border is never answered, as where packets are dropped; nobody is refused."""
    for link in crossing(topology, region):
        for stream in STREAMS:
            hole = Toxic(f"{BLACK_HOLE}-{region}-{stream}", "timeout", stream, 1.0, {"timeout": 0})
            links.add_toxic(link, hole)


def release(links: Links, topology: Topology, region: str) -> None:
    """Takes `swallow` back."""
    for link in crossing(topology, region):
        for stream in STREAMS:
            links.remove_toxic(link, f"{BLACK_HOLE}-{region}-{stream}")


def set_apart(links: Links, on: Sequence[Link], seconds: float) -> None:
    """What is sent takes so long, in each direction."""
    for link in on:
        for stream in STREAMS:
            late = {"latency": round(seconds * 1000)}
            links.add_toxic(link, Toxic(f"{APART}-{stream}", "latency", stream, 1.0, late))


@contextmanager
def nothing_arrives(links: Links, topology: Topology, region: str, seconds: float) -> Iterator[None]:
    """What is on its way from the region's database to those that follow it never comes, nor what is sent meanwhile.

    A link belongs to who calls: it would deliver all that it holds after its sender is gone, so that nobody could be
    behind. Where databases aren't apart (`seconds` is 0) nothing is on its way.
    """
    hole = Toxic(f"{LOST}-{region}", "timeout", "downstream", 1.0, {"timeout": 0})
    ways = [
        x for x in between_databases(topology) if seconds and x.callee_region == region != x.caller_region
    ]
    for link in ways:
        links.add_toxic(link, hole)
    try:
        yield
    finally:
        for link in ways:  # which ends the connections that it was on
            links.remove_toxic(link, hole.name)

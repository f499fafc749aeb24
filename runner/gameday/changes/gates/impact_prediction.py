"""Predicted impact of a change: the services, journeys, regions and share of requests that it can hurt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from gameday.scenario.system_under_test import STOREFRONT
from gameday.topology import Topology

FIRST_SERVICE = {
    "product": "catalog",
    "checkout": "checkout",
    "login": "identity",
    "account": "identity",
    "orders": "orders",
    "costs": "costs",
}
"""Step of a journey → the service behind the gateway that answers it."""
FRONT = frozenset({"clients", "edge", "gateway", "edge-links", "links"})
"""Services that every request passes."""
AT_ONCE = "all-at-once"
HIGH, MEDIUM = 0.5, 0.1
"""Shares of requests from which an impact is high or medium."""
STATEFUL = ("schema", "infra", "auth")
"""Kinds whose impact is at least medium, since a rollback of the code may not take them back."""


@dataclass(frozen=True)
class Traffic:
    """What impact is predicted from: (caller, callee) of every link, and the weight of each journey."""

    links: frozenset[tuple[str, str]] = frozenset()
    journeys: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, topology: Topology, journeys: Mapping[str, float]) -> Traffic:
        """Return the traffic of a system with that mix of journeys."""
        return cls(frozenset((link.caller, link.callee) for link in topology.links), journeys)


@dataclass(frozen=True)
class Impact:
    """A prediction. `users_ratio`: the share of requests that pass the service where the change goes first."""

    services: tuple[str, ...]
    journeys: tuple[str, ...]
    regions: int
    users_ratio: float
    level: str

    def values(self) -> dict[str, object]:
        """Return the values of `impact` for policies."""
        return {
            "class": self.level,
            "services": float(len(self.services)),
            "journeys": float(len(self.journeys)),
            "regions": float(self.regions),
            "users_ratio": self.users_ratio,
        }


def predict(service: str, kind: str, strategy: str, regions: Collection[str], traffic: Traffic) -> Impact:
    """Return the impact of a change of a service: itself, what calls it, and the journeys that reach it."""
    hurt = {service, *_reach([service], {(callee, caller) for caller, callee in traffic.links})}
    weights = {name: weight for name, weight in traffic.journeys.items() if weight}
    journeys = [name for name in weights if service in _path(name, traffic)]
    total = sum(_requests(name, weight) for name, weight in weights.items())
    share = sum(_requests(name, weights[name]) for name in journeys) / total if total else 0.0
    first = len(regions) if strategy == AT_ONCE else 1
    exposed = share * first / max(len(regions), 1)
    level = "high" if exposed >= HIGH else "medium" if exposed >= MEDIUM or kind in STATEFUL else "low"
    return Impact(tuple(sorted(hurt)), tuple(journeys), first, exposed, level)


def _requests(journey: str, weight: float) -> float:
    """Return the share of a journey's requests, each of its steps one."""
    return weight * len(STOREFRONT.steps.get(journey, ("one",)))


def _path(journey: str, traffic: Traffic) -> set[str]:
    """Return every service that a journey reaches."""
    entries = [FIRST_SERVICE[step] for step in STOREFRONT.steps.get(journey, ()) if step in FIRST_SERVICE]
    return {*FRONT, *entries, *_reach(entries, traffic.links)}


def _reach(start: Iterable[str], links: Collection[tuple[str, str]]) -> set[str]:
    """Return the services that links lead to, in any number of steps."""
    reached: set[str] = set()
    todo = list(start)
    while todo:
        service = todo.pop()
        following = {callee for caller, callee in links if caller == service} - reached
        reached |= following
        todo += following
    return reached

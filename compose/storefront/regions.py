"""Regions as the edge sees them: do they answer, can orders be written there, have operators drained them?"""

import asyncio
import os
import time
from typing import Any

from . import canary, readiness
from .outgoing import Client, Peer
from .problems import UpstreamProblem
from .settings import address

TOTAL_S = 1.5
CHECK_EVERY_S = 0.5
CHECK_WITHIN_S = 0.4
# One lost answer is a hiccup, two in a row a lost region.
CHECKS_TO_FAIL = 2


class Check:
    """One question, asked again and again."""

    def __init__(self, peer: Peer, path: str) -> None:
        self._peer = peer
        self._path = path
        self._failed = 0
        self._answer: Any = None
        self.changed_at = time.monotonic()

    @property
    def good(self) -> bool:
        """Whether the last checks, or one of them, were answered."""
        return self._failed < CHECKS_TO_FAIL

    def says(self, name: str) -> bool:
        """Return True if the last answer, an object, says so by that name."""
        return isinstance(self._answer, dict) and self._answer.get(name) is True

    async def begin(self) -> None:
        """Ask until it is known whether the region is lost, so that a new edge sends nothing to a lost one."""
        await self._ask()
        while self._failed and self.good:
            await self._ask()

    async def watch(self) -> None:
        """Ask for ever, beginning after a pause."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await self._ask()

    async def _ask(self) -> None:
        was = self.good
        try:
            self._answer = await self._peer.ask(self._path)
            self._failed = 0
        except UpstreamProblem:
            self._answer = None
            self._failed += 1
        if self.good != was:
            self.changed_at = time.monotonic()


class Region:
    """One region; `weight` is its share of requests without a home, `drained` is True if operators
    moved its traffic away."""

    def __init__(self, name: str, gateway: Peer, health: Check, database: Check, weight: int = 1) -> None:
        self.name = name
        self.gateway = gateway
        self.health = health
        self.database = database
        self.weight = weight
        self.drained = False

    @property
    def healthy(self) -> bool:
        """Whether its gateway answers."""
        return self.health.good

    @property
    def takes_traffic(self) -> bool:
        """Healthy, and not drained."""
        return self.healthy and not self.drained

    def status(self) -> dict[str, object]:
        """As operators see it; `since_s` is for how long `up` and `database` are as they are, in seconds.

        `asynchronous`: orders are acknowledged without a standby though replication is synchronous.
        """
        since = time.monotonic() - max(self.health.changed_at, self.database.changed_at)
        return {
            "up": self.healthy,
            "database": self.healthy and self.database.good,
            "drained": self.drained,
            "asynchronous": self.database.says("asynchronous"),
            "since_s": round(since, 3),
        }


def known(client: Client, total_s: float = TOTAL_S) -> list[Region]:
    """Return the regions of GATEWAYS (`us-east=http://...,eu-west=...`).

    WEIGHTS (`us-east=2,eu-west=1`) has default 1; DRAINED (`eu-west`) names those that get no traffic from the start.
    Raise SystemExit if it names another one.
    """
    weights = dict(pair.split("=", 1) for pair in os.environ.get("WEIGHTS", "").split(",") if pair)
    results, canaries = [], canary.by_region("gateway", "GATEWAYS")
    for pair in address("GATEWAYS").split(","):
        name, _, base = pair.partition("=")
        label, base = f"gateway of {name}", base.rstrip("/")
        health = Check(Peer(label, base, client, CHECK_WITHIN_S), "/healthz")
        database = Check(Peer(label, base, client, readiness.EDGE_WITHIN_S), readiness.PATH)
        gateway = Peer(label, base, client, total_s, canary=canaries.get(name))
        results.append(Region(name, gateway, health, database, int(weights.get(name, "1"))))
    drained = {name for name in os.environ.get("DRAINED", "").split(",") if name}
    for region in results:
        region.drained = region.name in drained
    if unknown := drained - {region.name for region in results}:
        raise SystemExit(f"DRAINED: no region is called {min(unknown)[:64]}")
    return results

"""Edge: the global router in front of all regions. Health-checked, by home region or in turn, fails over.

A region is healthy while its gateway answers the health check in time. A request goes to its home region
where that is healthy, else to the healthy regions in turn; where the gateway gives no byte of an answer it
goes to the next region. That is safe for all of them: reads and logins change nothing, and a checkout without
an idempotency key is refused anywhere.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import gateway, outgoing, serving
from .forwarding import forward
from .outgoing import Client, Peer
from .problems import Problem, Unreachable, UpstreamProblem
from .settings import Settings, address

TOTAL_S = 1.5
CHECK_EVERY_S = 0.5
CHECK_WITHIN_S = 0.4
# One lost answer is a hiccup, two in a row a lost region.
CHECKS_TO_FAIL = 2


class Region:
    """One region as the edge sees it; `weight` is its share of requests that have no home."""

    def __init__(self, name: str, gateway_peer: Peer, check: Peer, weight: int) -> None:
        self.name = name
        self.gateway = gateway_peer
        self.weight = weight
        self._check = check
        self._failed = 0

    @property
    def healthy(self) -> bool:
        """Whether the last checks, or one of them, were answered."""
        return self._failed < CHECKS_TO_FAIL

    async def watch(self) -> None:
        """Check the region's gateway for ever."""
        while True:
            try:
                await self._check.ask("/healthz")
                self._failed = 0
            except UpstreamProblem:
                self._failed += 1
            await asyncio.sleep(CHECK_EVERY_S)


class Router:
    """Chooses a region for each request."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self._regions = {region.name: region for region in regions}
        shares = [region for region in regions for _ in range(region.weight)]
        self._turns = itertools.cycle(shares)

    def order(self, home: str | None) -> list[Region]:
        """All regions, the one to try first in front, those that failed their checks last."""
        first = self._regions.get(home or "") or next(self._turns)
        others = [region for region in self._regions.values() if region is not first]
        return sorted([first, *others], key=lambda region: not region.healthy)

    async def route(self, request: Request) -> Response:
        """Pass the request on to the first region that answers."""
        for region in self.order(request.headers.get("x-home-region")):
            with suppress(Unreachable):
                return await forward(request, region.gateway)
        raise Problem(503, "no region can be reached")


def regions(client: Client) -> list[Region]:
    """Regions from GATEWAYS (`us-east=http://...,eu-west=...`) and WEIGHTS (`us-east=2,eu-west=1`; default 1)."""
    weights = dict(pair.split("=", 1) for pair in os.environ.get("WEIGHTS", "").split(",") if pair)
    found = []
    for pair in address("GATEWAYS").split(","):
        name, base = pair.split("=", 1)
        peer = Peer(f"gateway of {name}", base.rstrip("/"), client, TOTAL_S)
        check = Peer(f"gateway of {name}", base.rstrip("/"), client, CHECK_WITHIN_S)
        found.append(Region(name, peer, check, int(weights.get(name, "1"))))
    return found


def endpoint(router: Router) -> gateway.Endpoint:
    """An endpoint of its own for each path: metrics know routes by their endpoint."""

    async def route(request: Request) -> Response:
        return await router.route(request)

    return route


@asynccontextmanager
async def edge(_settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: the same paths as each gateway."""
    async with outgoing.client() as client:
        known = regions(client)
        router = Router(known)
        watches = [asyncio.create_task(region.watch()) for region in known]
        try:
            yield [Route(path, endpoint(router), methods=[method]) for method, path, _ in gateway.ROUTES]
        finally:
            for watch in watches:
                watch.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*watches)


if __name__ == "__main__":
    serving.run("edge", edge)

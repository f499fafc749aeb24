"""Edge: the global router in front of all regions. By home region or in turn, health-checked, drained on demand.

A request goes to its home region where that takes traffic, else to those that do in turn; where the gateway gives no
byte of an answer it goes to the next region. That is safe for all of them: reads and logins change nothing, and a
checkout without an idempotency key is refused anywhere. What a region's infrastructure costs is known there only, so
`HOMEBOUND` paths are never failed over. With a retry budget, reads that failed are asked again in another region.

There are no breakers here, for the health checks are what they would be.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies, environments, gateway, operators, outgoing, regions, serving
from .credentials import Credentials
from .forwarding import forward
from .limits import RETRY_AFTER_S, Budget
from .problems import Problem, Unreachable
from .regions import Region
from .settings import Settings
from .supervision import supervised

HOMEBOUND = frozenset({"costs"})
# Answers that another region may better.
FAILED = frozenset({502, 503, 504})
# Whoever waited longer than this for a failure isn't made to wait once more.
AGAIN_WITHIN_S = regions.TOTAL_S / 2


class Router:
    """Chooses a region for each request. `budget` limits retries; None means no limit and no second
    attempt."""

    def __init__(self, known: Sequence[Region], budget: Budget | None = None) -> None:
        self.regions = {region.name: region for region in known}
        self._turns = itertools.cycle([region for region in known for _ in range(region.weight)])
        self._budget = budget

    def order(self, home: str | None) -> list[Region]:
        """Return the regions to try, best first: lost ones last, drained ones only if no other is up."""
        first = self.regions.get(home or "") or next(self._turns)
        parts = [first, *(region for region in self.regions.values() if region is not first)]
        if any(region.takes_traffic for region in parts):
            parts = [region for region in parts if not region.drained]
        return sorted(parts, key=lambda region: not region.healthy)

    def at_home(self, home: str | None) -> list[Region]:
        """The home region alone, while it takes traffic; without one, as `order`. Problem 503."""
        region = self.regions.get(home or "")
        if region is None:
            return self.order(None)
        if not region.takes_traffic:
            raise Problem(503, f"{region.name} is away, and nobody else knows this")
        return [region]

    async def route(self, request: Request, service: str) -> Response:
        """Pass the request on to the first region that answers."""
        self._count(request)
        home = request.headers.get("x-home-region")
        tried = self.at_home(home) if service in HOMEBOUND else self.order(home)
        until = time.monotonic() + AGAIN_WITHIN_S
        for region in tried:
            with suppress(Unreachable):
                response = await forward(request, region.gateway)
                last = region is tried[-1] or time.monotonic() > until
                if last or not self._again(request, response):
                    return response
        raise Problem(503, "no region can be reached")

    def _again(self, request: Request, response: Response) -> bool:
        repeatable = request.method == "GET" and response.status_code in FAILED
        return repeatable and self._budget is not None and self._budget.spend()

    def _count(self, request: Request) -> None:
        if self._budget is None:
            return
        if request.headers.get("x-attempt", "1") == "1":
            self._budget.earn()
        elif not self._budget.spend():
            raise Problem(503, "too many requests are repeats", RETRY_AFTER_S)


class Traffic:
    """The operators' endpoints: which regions get any."""

    def __init__(self, router: Router) -> None:
        self._regions = router.regions

    async def status(self, _request: Request) -> Response:
        """GET status: {"regions": {name: {"up", "database", "drained", "asynchronous", "since_s"}}}."""
        return JSONResponse({"regions": {name: region.status() for name, region in self._regions.items()}})

    async def drain(self, request: Request) -> Response:
        """POST drain {"region"}: no traffic there while another region is up. Answers as `status`."""
        return await self._set(request, drained=True)

    async def undrain(self, request: Request) -> Response:
        """POST undrain {"region"}: traffic there again. Answers as `status`."""
        return await self._set(request, drained=False)

    async def _set(self, request: Request, *, drained: bool) -> Response:
        name = bodies.text(await bodies.json_object(request), "region")
        if name not in self._regions:
            raise Problem(404, f"no region is called {name[:64]}")
        self._regions[name].drained = drained
        return await self.status(request)


def endpoint(router: Router, service: str) -> gateway.Endpoint:
    """Return a separate endpoint for each path, since metrics know routes by their endpoint."""

    async def route(request: Request) -> Response:
        return await router.route(request, service)

    return route


def routes(settings: Settings, router: Router, credentials: Credentials) -> list[Route]:
    """The same paths as each gateway, the operators', and those of automations with a credential."""
    traffic = Traffic(router)
    public = [
        Route(path, endpoint(router, service), methods=[method]) for method, path, service in gateway.ROUTES
    ]
    return [
        *public,
        operators.route(settings, "status", traffic.status, "GET"),
        operators.route(settings, "drain", traffic.drain),
        operators.route(settings, "undrain", traffic.undrain),
        *environments.routes(credentials, router.regions),
    ]


@asynccontextmanager
async def edge(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """Run the service. It needs GATEWAYS, and CREDENTIALS if automations may make requests."""
    guardrails, credentials = settings.guardrails, Credentials.from_environment()
    async with outgoing.client(guardrails.within(outgoing.CONNECT_S)) as client:
        known = regions.known(client, guardrails.within(regions.TOTAL_S))
        router = Router(known, Budget() if "retry-budget" in guardrails else None)
        checks = [check for region in known for check in (region.health, region.database)]
        await asyncio.gather(*(check.begin() for check in checks))
        watches = [asyncio.create_task(supervised("checks", check.watch)) for check in checks]
        try:
            yield routes(settings, router, credentials)
        finally:
            for watch in watches:
                watch.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*watches)


if __name__ == "__main__":
    serving.run("edge", edge)

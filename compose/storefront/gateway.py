"""Gateway: the door of a region. Knows which service answers which path, and nothing about the answers."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import door, outgoing, places, readiness, serving
from .forwarding import forward
from .guarded import Peers
from .outgoing import Client, Peer
from .places import Places
from .settings import Settings, address

# Longer than any service behind it waits for its own peers, shorter than the edge waits.
TOTAL_S = 1.4
ROUTES = (
    ("GET", "/products/{id}", "catalog"),
    ("POST", "/login", "identity"),
    ("GET", "/account", "identity"),
    ("POST", "/checkout", "checkout"),
    ("GET", "/orders", "orders"),
    ("GET", "/orders/{id}", "orders"),
    ("GET", "/costs", "costs"),
)

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def to(peer: Peer) -> Endpoint:
    """An endpoint that passes every request on to `peer`."""

    async def endpoint(request: Request) -> Response:
        return await forward(request, peer)

    return endpoint


def routes(settings: Settings, client: Client) -> list[Route]:
    """The public paths, each to its service, through the door."""
    peers = Peers(settings.guardrails, client, Places(places.SHARED), shed=True)
    to_service = {
        name: peers.to(name, address(f"{name.upper()}_URL"), TOTAL_S) for name in {row[2] for row in ROUTES}
    }
    entrance = door.Door(settings)
    return [
        Route(path, entrance.to(name, to(to_service[name])), methods=[method])
        for method, path, name in ROUTES
    ]


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: opens only the outgoing client, so that one dead service doesn't keep the region's door shut."""
    async with outgoing.client(settings.guardrails.within(outgoing.CONNECT_S)) as client:
        checkout = Peer("checkout", address("CHECKOUT_URL"), client, readiness.ASKED_WITHIN_S)
        yield [*routes(settings, client), readiness.of_peer(checkout)]


if __name__ == "__main__":
    serving.run("gateway", gateway)

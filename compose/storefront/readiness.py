"""The deep health check, GET /ready: can orders be written here? Edge asks gateway asks checkout asks Postgres.

Apart from /healthz on purpose: product pages outlive the database, so a region without one is up.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .database import Database
from .outgoing import Peer
from .problems import Problem, Unreachable

PATH = "/ready"
# Each waits a little longer than the one it asks.
WITHIN_S = 0.4
ASKED_WITHIN_S = 0.5
EDGE_WITHIN_S = 0.6
STANDBY = "SELECT pg_is_in_recovery()"


def of_database(opened: Database) -> Route:
    """Answer 200 while the database takes writes; 503 or 504 if it doesn't, is unreachable or too slow.

    `asynchronous` is true while orders are acknowledged without a standby though replication is synchronous.
    """

    async def ready(_request: Request) -> Response:
        try:
            async with asyncio.timeout(WITHIN_S), opened.connection() as connection:
                standby = await connection.fetchval(STANDBY)
                asynchronous = not standby and await opened.durability.asynchronous(connection)
        except TimeoutError:
            raise Problem(504, "postgres did not answer in time") from None
        if standby:
            raise Unreachable("the primary of postgres")
        return JSONResponse({"database": True, **({"asynchronous": True} if asynchronous else {})})

    return Route(PATH, ready)


def of_peer(peer: Peer) -> Route:
    """Answer 200 while the peer is ready; 502, 503 or 504 if it isn't."""

    async def ready(_request: Request) -> Response:
        return JSONResponse(await peer.ask(PATH))

    return Route(PATH, ready)

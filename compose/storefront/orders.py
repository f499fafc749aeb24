"""Orders: a customer's order history, newest first, and the state of one order."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies, database, durability, placing, serving
from .database import Database
from .durability import Durability
from .problems import Problem
from .settings import Settings, address

# An order counts as placed from its payment on.
HISTORY = """
    SELECT id, total_cents, placed_at, items FROM orders
    WHERE user_id = $1 AND status = 'paid'
    ORDER BY placed_at DESC, id DESC LIMIT $2
"""
SHOWN = 10


def shown(order: Mapping[str, Any]) -> dict[str, object]:
    """An order as its customer sees it; `placed_at` in ISO 8601, UTC."""
    return {
        "id": order["id"],
        "total_cents": order["total_cents"],
        "placed_at": order["placed_at"].isoformat(),
        "items": json.loads(order["items"]),
    }


class History:
    """Answers for order histories."""

    def __init__(self, opened: Database) -> None:
        self._database = opened

    async def of_user(self, request: Request) -> Response:
        """GET /orders?user=: the last ten orders."""
        user = bodies.query_number(request, "user")
        async with self._database.connection() as connection:
            await self._database.rely_on_reads(connection)
            orders = await connection.fetch(HISTORY, user, SHOWN)
        content = {"user": user, "orders": [shown(order) for order in orders]}
        return JSONResponse(content, headers=durability.headers())

    async def of_order(self, request: Request) -> Response:
        """GET /orders/{id}?user=: {"order_id", "total_cents", "status"}; the status is pending, paid or failed.

        404 if that user has no such order.
        """
        user = bodies.query_number(request, "user")
        async with self._database.connection() as connection:
            order = await placing.find(connection, request.path_params["id"])
            await self._database.durability.confirm(connection)
        if order is None or order.user != user:
            raise Problem(404, "no such order")
        content = {"order_id": order.id, "total_cents": order.total_cents, "status": order.status}
        return JSONResponse(content, headers=durability.headers())


@asynccontextmanager
async def orders(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs Postgres."""
    durable = Durability.from_environment(degraded="degraded" in settings.guardrails)
    async with database.connected(address("DATABASE_URL"), durability=durable) as opened:
        history = History(opened)
        yield [Route("/orders", history.of_user), Route("/orders/{id}", history.of_order)]


if __name__ == "__main__":
    serving.run("orders", orders)

"""Orders: a customer's order history, newest first."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies, database, serving
from .database import Database
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
            orders = await connection.fetch(HISTORY, user, SHOWN)
        return JSONResponse({"user": user, "orders": [shown(order) for order in orders]})


@asynccontextmanager
async def orders(_settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs Postgres."""
    async with database.connected(address("DATABASE_URL")) as opened:
        yield [Route("/orders", History(opened).of_user)]


if __name__ == "__main__":
    serving.run("orders", orders)

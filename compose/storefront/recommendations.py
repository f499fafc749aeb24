"""Recommendations: products bought together. A new feature of the product page, behind a flag and
off by default.

It reads all orders for every page, so it gets slower as the shop gets older; its flag is for that.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import database
from .database import Database
from .flags import Flags
from .problems import UpstreamProblem

TOGETHER = """
    SELECT (other->>'product')::integer AS product
    FROM orders, json_array_elements(items) AS one, json_array_elements(items) AS other
    WHERE (one->>'product')::integer = $1 AND (other->>'product')::integer <> $1
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2
"""
SHOWN = 3
CONNECTIONS = 2
LOOK_EVERY_S = 0.2

Endpoint = Callable[[Request], Awaitable[Response]]


class Recommendations:
    """Adds `"recommended": [ids]` to product pages while the flag is on: empty if they don't arrive
    in time."""

    def __init__(self, flags: Flags, url: str) -> None:
        self._flags = flags
        self._url = url
        self._opened: Database | None = None

    def on(self, page: Endpoint) -> Endpoint:
        """The product page, with recommendations."""

        async def recommending(request: Request) -> Response:
            response = await page(request)
            if not self._flags["recommendations"]:
                return response
            shown = json.loads(bytes(response.body))
            return JSONResponse({**shown, "recommended": await self._together(shown["id"])})

        return recommending

    async def follow(self) -> None:
        """Once the flag is on, keep separate connections to Postgres for the life of the process."""
        while not self._flags["recommendations"]:
            await asyncio.sleep(LOOK_EVERY_S)
        while True:
            with suppress(TimeoutError):
                async with database.connected(self._url, CONNECTIONS) as self._opened:
                    await asyncio.Future()

    async def _together(self, product: int) -> list[int]:
        if self._opened is None:
            return []
        try:
            async with self._opened.connection() as connection:
                rows = await connection.fetch(TOGETHER, product, SHOWN)
        except UpstreamProblem:
            return []
        return [row["product"] for row in rows]

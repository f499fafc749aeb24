"""Catalog: product details, with the price from pricing and the stock from Postgres.

The stock on a product page is advice, never a promise: it is read in the background, and is `null`
if Postgres hasn't answered for a while. So product pages outlive the database. Checkout takes the
stock.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import database, outgoing, products, recommendations, serving
from .guarded import Peers
from .problems import Problem, UpstreamProblem
from .products import Product
from .quotes import Quotes
from .settings import Settings, address
from .supervision import supervised

REFRESH_S = 2.0
STALE_S = 10.0


class Stock:
    """The last known quantities by product."""

    def __init__(self) -> None:
        self._quantities: dict[int, int] = {}
        self._read_at = float("-inf")

    def of(self, product: int) -> int | None:
        """Return the quantity; None if it is unknown or too old to show."""
        if time.monotonic() - self._read_at > STALE_S:
            return None
        return self._quantities.get(product)

    async def follow(self, url: str) -> None:
        """Read all quantities for ever. A missing database, also at start, only makes them old."""
        while True:
            with suppress(TimeoutError):
                async with database.connected(url, connections=1) as opened:
                    while True:
                        with suppress(UpstreamProblem):
                            await self._read(opened)
                        await asyncio.sleep(REFRESH_S)

    async def _read(self, opened: database.Database) -> None:
        async with opened.connection() as connection:
            rows = await connection.fetch("SELECT product, quantity FROM stock")
        self._quantities = {row["product"]: row["quantity"] for row in rows}
        self._read_at = time.monotonic()


def page(product: Product, quote: Mapping[str, Any], stock: int | None) -> dict[str, object]:
    """The product page."""
    return {
        "id": product.id,
        "name": product.name,
        "description": product.description,
        "price_cents": quote["price_cents"],
        "currency": quote["currency"],
        "stock": stock,
    }


class Pages:
    """Answers for product pages."""

    def __init__(self, range_of_products: Mapping[int, Product], quotes: Quotes, stock: Stock) -> None:
        self._products = range_of_products
        self._quotes = quotes
        self._stock = stock

    async def product(self, request: Request) -> Response:
        """GET /products/{id}; `"stale": true` says that the price is the last one known."""
        product = self._products.get(request.path_params["id"])
        if product is None:
            raise Problem(404, "no such product")
        quote, stale = await self._quotes.of(product.id)
        shown = page(product, quote, self._stock.of(product.id))
        return JSONResponse({**shown, "stale": True} if stale else shown)


@asynccontextmanager
async def catalog(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs pricing for each page, Postgres only for the stock shown."""
    stock = Stock()
    async with outgoing.client(settings.guardrails.within(outgoing.CONNECT_S)) as client:
        known = products.load()
        quotes = Quotes(settings, Peers(settings.guardrails, client).to("pricing", address("PRICING_URL")))
        recommended = recommendations.Recommendations(settings.flags, address("DATABASE_URL"))
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "stock": partial(stock.follow, address("DATABASE_URL")),
            "prices": partial(quotes.fill, list(known)),
            "recommendations": recommended.follow,
        }
        tasks = [asyncio.create_task(supervised(name, loop)) for name, loop in loops.items()]
        try:
            yield [Route("/products/{id:int}", recommended.on(Pages(known, quotes, stock).product))]
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)


if __name__ == "__main__":
    serving.run("catalog", catalog)

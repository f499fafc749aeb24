"""Stub: right product pages and nothing behind them. What `gameday calibrate` cuts off at times known exactly.

No peer, no database, no pool: between it and whoever asks there is the link alone, so what users see is what was done
to the link.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import products, serving
from .catalog import page
from .pricing import quote
from .problems import Problem
from .products import Product
from .settings import Settings


class Pages:
    """Answers for product pages, each with the price of its own process."""

    def __init__(self, range_of_products: Mapping[int, Product]) -> None:
        self._pages = {each.id: page(each, quote(each), stock=None) for each in range_of_products.values()}

    async def product(self, request: Request) -> Response:
        """GET /products/{id}."""
        found = self._pages.get(request.path_params["id"])
        if found is None:
            raise Problem(404, "no such product")
        return JSONResponse(found)


@asynccontextmanager
async def stub(_settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs nobody."""
    yield [Route("/products/{id:int}", Pages(products.load()).product)]


if __name__ == "__main__":
    serving.run("stub", stub)

"""Stub: correct product pages without any dependency. `gameday calibrate` cuts it off at exactly
known times.

It has no peer, no database and no pool: only the link lies between it and its caller, so users see
exactly what was done to the link.
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
    """Answers for product pages, each with the price computed in this process."""

    def __init__(self, range_of_products: Mapping[int, Product]) -> None:
        self._pages = {item.id: page(item, quote(item), stock=None) for item in range_of_products.values()}

    async def product(self, request: Request) -> Response:
        """GET /products/{id}."""
        page_ = self._pages.get(request.path_params["id"])
        if page_ is None:
            raise Problem(404, "no such product")
        return JSONResponse(page_)


@asynccontextmanager
async def stub(_settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """Run the service; it needs no peer."""
    yield [Route("/products/{id:int}", Pages(products.load()).product)]


if __name__ == "__main__":
    serving.run("stub", stub)

"""Pricing: today's price of a product. Only this service knows the price rule."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import products, serving
from .problems import Problem
from .products import Product
from .settings import Settings


def discount_cents(list_cents: int, discount_bp: int) -> int:
    """The discount on a list price, rounded half up to a whole cent."""
    return (list_cents * discount_bp + 5000) // 10000


def price_cents(product: Product) -> int:
    """Return the price in cents: list price minus discount."""
    return product.list_cents - discount_cents(product.list_cents, product.discount_bp)


def quote(product: Product) -> dict[str, object]:
    """The price of a product as the product page shows it."""
    return {"id": product.id, "price_cents": price_cents(product), "currency": "USD"}


class Prices:
    """Answers for single products and for the items of a basket."""

    def __init__(self, range_of_products: Mapping[int, Product]) -> None:
        self._products = range_of_products

    async def one(self, request: Request) -> Response:
        """GET /prices/{id}."""
        return JSONResponse(quote(self._find(request.path_params["id"])))

    async def several(self, request: Request) -> Response:
        """GET /prices?id=1&id=2: one quote each, in the order asked."""
        try:
            wanted = [int(value) for value in request.query_params.getlist("id")]
        except ValueError:
            raise Problem(400, "id must be a number") from None
        return JSONResponse({"prices": [quote(self._find(product)) for product in wanted]})

    def _find(self, product: int) -> Product:
        if product not in self._products:
            raise Problem(404, f"no product {product}")
        return self._products[product]


@asynccontextmanager
async def pricing(_settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """Run the service; it needs no peer."""
    prices = Prices(products.load())
    yield [Route("/prices/{id:int}", prices.one), Route("/prices", prices.several)]


if __name__ == "__main__":
    serving.run("pricing", pricing)

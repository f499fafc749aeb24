"""Checkout: an order is placed, its stock taken, its payment charged; once, however often it is asked for.

The order id is the caller's idempotency key, and the key of the charge. Two transactions around the charge:

    1. insert the order as `pending` and take its stock, all or nothing
       charge it at payments
    2. mark it `paid`; or, where the payment was refused, `failed`, and give the stock back

Whoever repeats the key finds the order where it was left and takes it on from there. The SQL is in `placing`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies, database, outgoing, placing, serving, velocity
from .basket import Basket, basket
from .database import Database
from .outgoing import Peer
from .placing import Order
from .problems import Broken, Problem
from .settings import Settings, address


class Checkout:
    """Answers for checkouts."""

    def __init__(self, region: str, opened: Database, pricing: Peer, payments: Peer) -> None:
        self._region = region
        self._database = opened
        self._pricing = pricing
        self._payments = payments

    async def place(self, request: Request) -> Response:
        """POST /checkout {"user", "items"} with Idempotency-Key: 201 paid, 200 paid before.

        402 the payment was refused; 409 out of stock, or a key used for another order.
        """
        key = bodies.idempotency_key(request)
        body = await bodies.json_object(request)
        user, wanted = bodies.positive(body, "user"), basket(body)
        async with self._database.connection() as connection:
            order = await placing.find(connection, key)
        if order is None:
            order = await self._reserve(key, user, wanted)
        if order.user != user or order.basket != wanted:
            raise Problem(409, "this key was used for another order")
        if order.status == "pending":
            return _answer(await self._charge(order), 201)
        return _answer(order, 200)

    async def _reserve(self, key: str, user: int, wanted: Basket) -> Order:
        total = await self._total(wanted)
        async with self._database.transaction() as connection:
            await velocity.check(connection, user)
            return await placing.reserve(connection, Order(key, user, wanted, total, "pending"), self._region)

    async def _total(self, wanted: Basket) -> int:
        query = "&".join(f"id={product}" for product, _ in wanted)
        answer = await self._pricing.call("GET", f"/prices?{query}")
        if answer.status == 404:
            raise Problem(400, "no such product")
        if answer.status != 200:
            raise Broken("pricing", f"status {answer.status}")
        prices = {quote["id"]: quote["price_cents"] for quote in answer.json()["prices"]}
        return sum(prices[product] * quantity for product, quantity in wanted)

    async def _charge(self, order: Order) -> Order:
        body = f'{{"amount_cents": {order.total_cents}}}'.encode()
        answer = await self._payments.call("POST", "/charges", body, {"Idempotency-Key": order.id})
        if answer.status not in (200, 201, 402):
            raise Broken("payments", f"status {answer.status}")
        if answer.status == 402:
            async with self._database.transaction() as connection:
                return await placing.fail(connection, order)
        async with self._database.connection() as connection:
            return await placing.pay(connection, order)


def _answer(order: Order, status: int) -> Response:
    if order.status == "failed":
        raise Problem(402, "the payment was refused")
    return JSONResponse({"order_id": order.id, "total_cents": order.total_cents, "status": order.status}, status)


@asynccontextmanager
async def checkout(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs Postgres, pricing and payments."""
    async with database.connected(address("DATABASE_URL")) as opened, outgoing.client() as client:
        pricing = Peer("pricing", address("PRICING_URL"), client)
        payments = Peer("payments", address("PAYMENTS_URL"), client)
        yield [Route("/checkout", Checkout(settings.region, opened, pricing, payments).place, methods=["POST"])]


if __name__ == "__main__":
    serving.run("checkout", checkout)

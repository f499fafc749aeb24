"""Checkout: place an order, take its stock, charge its payment; idempotent by the caller's key.

The order id is the caller's idempotency key, and the key of the charge. Two transactions around the charge:

    1. insert the order as `pending` and take its stock, all or nothing
       charge it at payments
    2. mark it `paid`; or, if the payment was refused, `failed`, and give the stock back

A request that repeats the key continues the order from its last state, once a standby has that state. The SQL is in
`placing`; the charge, and the queue for orders that are charged later, in `charging`; what a commit must wait for, in
`durability`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies, database, durability, outgoing, placing, readiness, serving, velocity
from .basket import Basket, basket
from .charging import Charging, Queue
from .database import Database
from .durability import Durability
from .guarded import Peers
from .outgoing import Peer
from .placing import Order
from .problems import Broken, Problem, UpstreamProblem
from .settings import Settings, address
from .supervision import supervised


class Checkout:
    """Answers for checkouts."""

    def __init__(
        self, region: str, opened: Database, pricing: Peer, charging: Charging, queue: Queue
    ) -> None:
        self._region = region
        self._database = opened
        self._pricing = pricing
        self._charging = charging
        self._queue = queue

    async def place(self, request: Request) -> Response:
        """POST /checkout {"user", "items"} with Idempotency-Key: 201 paid, 200 paid before.

        202 the order is placed, and charged later: {"order_id", "total_cents", "status": "queued"}.
        402 the payment was refused; 409 out of stock, or a key used for another order.
        """
        key = bodies.idempotency_key(request)
        body = await bodies.json_object(request)
        user, wanted = bodies.positive(body, "user"), basket(body)
        order = await self._find(key) or await self._reserve(key, user, wanted)
        if order.user != user or order.basket != wanted:
            raise Problem(409, "this key was used for another order")
        if order.status == "pending":
            return await self._charge(order)
        return _answer(order, 200)

    async def _find(self, key: str) -> Order | None:
        async with self._database.connection() as connection:
            order = await placing.find(connection, key)
            if order is not None:
                await self._database.durability.confirm(connection)
        return order

    async def _reserve(self, key: str, user: int, wanted: Basket) -> Order:
        new = Order(key, user, wanted, await self._total(wanted), "pending")
        async with self._database.transaction() as connection:
            await velocity.check(connection, user)
            order = await placing.reserve(connection, new, self._region)
            if order is not new:
                await self._database.durability.confirm(connection)
        return order

    async def _total(self, wanted: Basket) -> int:
        query = "&".join(f"id={product}" for product, _ in wanted)
        answer = await self._pricing.call("GET", f"/prices?{query}")
        if answer.status == 404:
            raise Problem(400, "no such product")
        if answer.status != 200:
            raise Broken("pricing", f"status {answer.status}")
        prices = {quote["id"]: quote["price_cents"] for quote in self._pricing.read(answer)["prices"]}
        return sum(prices[product] * quantity for product, quantity in wanted)

    async def _charge(self, order: Order) -> Response:
        if self._queue.forced:
            return _queued(self._queue.add(order))
        try:
            charged = await self._charging.ask(order)
        except UpstreamProblem:
            if not self._queue.allowed:
                raise
            return _queued(self._queue.add(order))
        return _answer(await self._charging.settle(order, charged=charged), 201)


def _queued(order: Order) -> Response:
    content = {"order_id": order.id, "total_cents": order.total_cents, "status": "queued"}
    return JSONResponse(content, 202, durability.headers())


def _answer(order: Order, status: int) -> Response:
    if order.status == "failed":
        raise Problem(402, "the payment was refused")
    content = {"order_id": order.id, "total_cents": order.total_cents, "status": order.status}
    return JSONResponse(content, status, durability.headers())


@asynccontextmanager
async def checkout(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs Postgres, pricing and payments."""
    connect_s = settings.guardrails.within(outgoing.CONNECT_S)
    durable = Durability.from_environment(degraded="degraded" in settings.guardrails)
    async with (
        database.connected(address("DATABASE_URL"), durability=durable) as opened,
        outgoing.client(connect_s) as client,
    ):
        peers = Peers(settings.guardrails, client)
        payments = peers.to("payments", address("PAYMENTS_URL"))
        charging = Charging(opened, payments, os.environ.get("PAYMENTS_KEY", ""))
        queue = Queue(settings, opened, charging)
        placed = Checkout(
            settings.region, opened, peers.to("pricing", address("PRICING_URL")), charging, queue
        )
        later = asyncio.create_task(supervised("charging", queue.run))
        try:
            yield [Route("/checkout", placed.place, methods=["POST"]), readiness.of_database(opened)]
        finally:
            later.cancel()
            with suppress(asyncio.CancelledError):
                await later


if __name__ == "__main__":
    serving.run("checkout", checkout)

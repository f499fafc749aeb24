"""Charging orders at payments: at once, or later for those that were taken while payments didn't answer.

With the guardrail `degraded`, and under the flag `queue-checkout`, a customer isn't made to wait for payments: the
order stays `pending` in Postgres and is charged once payments answers. What this instance has queued it knows; what
another left behind it finds in Postgres. Charging one twice is no danger, for the order's id is the charge's key.
"""

import asyncio
import json
from contextlib import suppress

from . import placing
from .database import Database
from .outgoing import Answer, Peer
from .placing import Order
from .problems import Broken, Problem
from .settings import Settings

CHARGED = (200, 201)
REFUSED = 402
EVERY_S = 1.0
# Rounds between two queries for pending orders that no instance charges.
LOOK_EVERY = 5
# Older than any checkout that is still under way.
LEFT_BEHIND_S = 5.0
AT_ONCE = 50


class Charging:
    """Takes orders from pending to paid or failed. `key` is the merchant's key at payments."""

    def __init__(self, opened: Database, payments: Peer, key: str) -> None:
        self._database = opened
        self._payments = payments
        self._key = key

    async def ask(self, order: Order) -> bool:
        """Charge the order; return False if the card was refused. Raise UpstreamProblem if payments doesn't answer."""
        body = json.dumps({"amount_cents": order.total_cents}).encode()
        headers = {"Idempotency-Key": order.id, "Authorization": f"Bearer {self._key}"}
        answer = await self._payments.call("POST", "/charges", body, headers)
        if answer.status == REFUSED:
            return False
        if answer.status not in CHARGED:
            raise Broken("payments", f"status {answer.status}")
        self._check(answer, order)
        return True

    def _check(self, answer: Answer, order: Order) -> None:
        # A success status alone doesn't prove a charge: the body must name this order and amount.
        charge = self._payments.read(answer)
        charged = (charge.get("order_id"), charge.get("amount_cents")) if isinstance(charge, dict) else None
        if charged != (order.id, order.total_cents):
            raise Broken("payments", "its answer is no charge of this order")

    async def settle(self, order: Order, *, charged: bool) -> Order:
        """Mark the order as paid, or as failed with its stock given back; return it."""
        if not charged:
            async with self._database.transaction() as connection:
                return await placing.fail(connection, order)
        async with self._database.connection() as connection:
            return await placing.pay(connection, order)


class Queue:
    """Orders that are charged later."""

    def __init__(self, settings: Settings, opened: Database, charging: Charging) -> None:
        self._degraded = "degraded" in settings.guardrails
        self._flags = settings.flags
        self._database = opened
        self._charging = charging
        self._waiting: dict[str, Order] = {}

    @property
    def forced(self) -> bool:
        """True if operators want all orders queued."""
        return self._flags["queue-checkout"]

    @property
    def allowed(self) -> bool:
        """True if an order that payments didn't charge may be queued."""
        return self._degraded or self.forced

    def add(self, order: Order) -> Order:
        """Charge the order later."""
        self._waiting[order.id] = order
        return order

    async def run(self) -> None:
        """Charge queued orders until cancelled; if payments fails, the rest waits for the next round."""
        round_ = 0
        while True:
            await asyncio.sleep(EVERY_S)
            round_ += 1
            with suppress(Problem):
                if self._degraded and round_ % LOOK_EVERY == 0:
                    await self._look()
                if not self.forced:
                    await self._charge()

    async def _look(self) -> None:
        async with self._database.connection() as connection:
            for order in await placing.left_behind(connection, LEFT_BEHIND_S, AT_ONCE):
                self._waiting.setdefault(order.id, order)

    async def _charge(self) -> None:
        for order in list(self._waiting.values()):
            await self._charging.settle(order, charged=await self._charging.ask(order))
            del self._waiting[order.id]
